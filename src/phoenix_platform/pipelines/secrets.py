"""What a secret's key looks like, and how a secret is masked: the one table of it.

Read where configurations, logs and messages leave the host (the record of a trial, the words of a
collector) and by `phoenix pipeline lint`. Masking takes too much rather than too little; a finding needs to be
sure, or it is not read.
"""

import re
from collections.abc import Mapping
from typing import Final, cast

MASK: Final = "***"

_SECRET_KEY: Final = re.compile(
    r"(?i)authorization|api[-_]?key|[-_]key$|connection[-_]?string|credential|headers|passphrase|passw|_pem$|secret|token"
)
_NO_SECRET_KEY: Final = re.compile(r"(?i)_file$|^(routing|partition)_key$")
"""A path, which a message must name; and what is called a key and opens nothing."""

_SURELY: Final = re.compile(
    r"(?i)authorization|(api|access|account|ingest|insert|instrumentation|license|private|shared|write)[-_]?key$"
    r"|^x-.*-key$|credential|passphrase|passw(or)?d$|secret|token$|connection[-_]?string|^key_pem$"
)
_SURELY_NOT: Final = re.compile(
    r"(?i)_?(file|path|url|name|id|ttl|type|source|audience|enabled)$|^from_"
)
"""Settings about a secret that are none: where it is, what it is called, how long it lives."""

_NAMED: Final = re.compile(r"""(?P<key>[\w.-]+)(?:\\?["'])?\s*[:=](?!:)\s*(?P<quote>\\?["'])?""")
"""A name and what parts it from its value; not the `::` of a path into a configuration."""
_BARE: Final = re.compile(r"""(?i)(?:(?:bearer|basic|digest|token|apikey)\s+)?[^\s"',}]+""")
"""A value without quotes: one word, behind the word that says what kind of secret follows."""


def is_secret_key(key: str) -> bool:
    """Whether what stands under this key may be a secret: such a value is never shown."""
    return _SECRET_KEY.search(key) is not None and _NO_SECRET_KEY.search(key) is None


def is_surely_secret(key: str) -> bool:
    """Whether a text under this key is a secret to anybody's eye."""
    return _SURELY.search(key) is not None and _SURELY_NOT.search(key) is None


def masked(config: object) -> object:
    """A configuration (dicts and lists) without what may be a secret."""
    match config:
        case Mapping():
            members = cast("Mapping[str, object]", config)
            return {
                key: MASK if is_secret_key(key) else masked(value) for key, value in members.items()
            }
        case list() | tuple():
            return [masked(value) for value in cast("list[object]", config)]
        case _:
            return config


def masked_text(text: str) -> str:
    """A line of a log, with what follows the name of a secret masked."""
    parts: list[str] = []
    done = 0
    for named in _NAMED.finditer(text):
        if named.start() < done or not is_secret_key(named["key"]):
            continue
        end = _end_of_value(text, named.end(), named["quote"])
        if end > named.end():
            parts += [text[done : named.end()], MASK]
            done = end
    return "".join([*parts, text[done:]])


def _end_of_value(text: str, start: int, quote: str | None) -> int:
    """Where a value ends: at its closing quote, else with its word; a quote that stays open hides the rest."""
    if quote is None:
        word = _BARE.match(text, start)
        return start if word is None else word.end()
    end = text.find(quote, start)
    while end > start and len(quote) == 1 and text[end - 1] == "\\":
        end = text.find(quote, end + 1)
    return len(text) if end < 0 else end
