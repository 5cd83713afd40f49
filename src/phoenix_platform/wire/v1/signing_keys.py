"""Keys of access tokens on the wire: public halves only."""

from datetime import datetime

from msgspec import Struct


class JsonWebKey(Struct, frozen=True, kw_only=True):
    """RFC 7517; RSA only."""

    kty: str
    kid: str
    use: str
    alg: str
    n: str
    e: str


class JsonWebKeySet(Struct, frozen=True, kw_only=True):
    keys: list[JsonWebKey]


class SigningKeyView(Struct, frozen=True, kw_only=True):
    kid: str
    created_at: datetime
    signs_from: datetime | None
    """null: it waits, published."""
    retired_at: datetime | None


class SigningKeyList(Struct, frozen=True, kw_only=True):
    items: list[SigningKeyView]
