"""Values of a configuration as they may be shown: what stands under a secret's key is masked.

Keys come from `secrets`; here the shape stays, references to the environment too, as they are no secret and
say where the value comes from, and texts with a secret inside (URLs, OTTL) are read.
"""

import re
from collections.abc import Mapping
from typing import Final

from phoenix_platform.core.hashing import content_hash
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.environment import references_in
from phoenix_platform.pipelines.secrets import MASK, is_secret_key

_REFERENCE: Final = re.compile(r"(?:[A-Za-z]+ )?\$\{[^${}]*\}")
_PASSWORD: Final = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")
_NAMED_SECRET: Final = re.compile(r'\["(?P<key>[^"]*)"\](?P<between>[^"]*)"(?:[^"\\]|\\.)*"')


def is_secret(text: str) -> bool:
    """Whether a text under a secret's key is one: neither empty nor only a reference to the environment."""
    is_reference = _REFERENCE.fullmatch(text) is not None and any(references_in(text))
    return bool(text) and not is_reference


def digest_of(text: str) -> str:
    """Stands for a text that must not be kept, where two of them are compared."""
    return content_hash(text)


def masked(value: Value, *, is_below_secret: bool = False) -> Value:
    """The value with every secret replaced by `***`."""
    match value:
        case Mapping():
            # `{key: api_key, value: ...}` of the attributes processor names the secret in a value.
            named = value.get("key")
            names_one = isinstance(named, str) and is_secret_key(named)
            return {
                key: masked(
                    member,
                    is_below_secret=is_below_secret
                    or is_secret_key(key)
                    or (names_one and key == "value"),
                )
                for key, member in value.items()
            }
        case tuple():
            return tuple(masked(member, is_below_secret=is_below_secret) for member in value)
        case str() if is_below_secret:
            return MASK if is_secret(value) else value
        case bool() | None:
            return value
        case int() | float() if is_below_secret:
            return MASK
        case str():
            return masked_text(value)
        case _:
            return value


def masked_text(text: str) -> str:
    """The text with passwords of URLs masked, and literals that follow the name of a secret (OTTL)."""
    return _NAMED_SECRET.sub(_with_masked_literal, _PASSWORD.sub(rf"\1{MASK}@", text))


def _with_masked_literal(found: re.Match[str]) -> str:
    if not is_secret_key(found["key"]):
        return found[0]
    return f'["{found["key"]}"]{found["between"]}"{MASK}"'
