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

_IN_TEXT: Final = re.compile(
    r"(?i)\b(authorization|api[-_]?key|token|password|secret)(\"?\s*[:=]\s*\"?)[^\s\",}]+"
)


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
    return _IN_TEXT.sub(rf"\1\2{MASK}", text)
