"""Secrets that people and programs carry: `phx_<kind>_<30 characters><6 of checksum>`.

The server makes them, the command line and the agent hold them, scanners find them in texts by
their form. 30 characters of base 62 are 178 random bits, so their SHA-256 is all that a database
keeps, and no slow hash is needed. The checksum tells a mistyped or cut token from an unknown one
without a query, and covers the kind, so that a token cannot be passed off as another.
"""

import re
import secrets
import string
import zlib
from enum import StrEnum
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.hashing import sha256_of


class TokenKind(StrEnum):
    """What a token is for; the value stands in the token."""

    AGENT = "agt"
    API_KEY = "key"
    ENROLLMENT = "enr"
    REFRESH = "rfr"
    SETUP = "set"


FIND_TOKENS: Final = r"phx_(?:agt|key|enr|rfr|set)_[0-9A-Za-z]{36}"
"""Finds every token in a text; for scanners of secrets and for what hides them in logs."""

_DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH: Final = 30
_CHECKSUM_LENGTH: Final = 6  # 62^6 > 2^32
_FORM: Final = re.compile(r"phx_([a-z]{3})_([0-9A-Za-z]{30})([0-9A-Za-z]{6})", re.ASCII)


class MalformedTokenError(InvalidInputError):
    """The text is no token of ours: wrong form, kind or checksum. It never quotes the text."""

    code = "malformed-token"


def new_token(kind: TokenKind) -> str:
    """A fresh secret of this kind."""
    return token_from(kind, "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM_LENGTH)))


def token_from(kind: TokenKind, characters: str) -> str:
    """The token with these 30 characters, for secrets that are derived instead of drawn."""
    if len(characters) != _RANDOM_LENGTH:
        raise ValueError(f"{len(characters)} characters; a token has {_RANDOM_LENGTH}")
    stem = f"phx_{kind}_{characters}"
    return stem + _checksum(stem)


def base62(content: bytes, length: int) -> str:
    """The last `length` digits of a number in base 62; near uniform when it has far more digits."""
    rest, digits = int.from_bytes(content), ""
    for _ in range(length):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


def check_token(text: str) -> TokenKind:
    """The kind of a well-formed token.

    Raises:
        MalformedTokenError: If it is none; the message says which part is wrong, not its text.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise MalformedTokenError("token: not of the form phx_<kind>_<36 letters and digits>")
    kind, _, checksum = match.groups()
    if kind not in frozenset(TokenKind):
        raise MalformedTokenError(
            "token: of no kind this version knows; was it made by a newer one?"
        )
    if _checksum(text.removesuffix(checksum)) != checksum:
        raise MalformedTokenError("token: its checksum is wrong; it was cut or mistyped")
    return TokenKind(kind)


def token_hash(text: str) -> str:
    """What is stored in place of a token; see the module for why a fast hash is enough."""
    return sha256_of(text.encode())


def token_hint(text: str) -> str:
    """The part that may be shown to tell keys apart: kind and the first four random characters."""
    return text[: len("phx_key_") + 4]


def _checksum(stem: str) -> str:
    """CRC-32 of the stem in base 62, as GitHub's tokens carry it."""
    return base62(zlib.crc32(stem.encode()).to_bytes(4), _CHECKSUM_LENGTH)
