"""Keys of access tokens: public ones readable, private ones sealed with the key file. Of no tenant."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Column, LargeBinary, String, Table, Text, UniqueConstraint, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from phoenix_platform.adapters.sql.metadata import METADATA, UtcDateTime
from phoenix_platform.adapters.sql.scopes import put
from phoenix_platform.domain.signing_keys import SigningKey

signing_keys: Final = Table(
    "signing_keys",
    METADATA,
    Column("kid", String(100), primary_key=True),
    Column("public_jwk", Text(), nullable=False),
    Column("sealed_private_key", LargeBinary(), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("signs_from", UtcDateTime()),
    Column("retired_at", UtcDateTime()),
    # `signing`, `waiting` or NULL: one key each, so that two replicas cannot rotate at once.
    Column("place", String(10)),
    UniqueConstraint("place"),
)


class SqlSigningKeys:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self) -> Sequence[SigningKey]:
        statement = select(signing_keys).order_by(signing_keys.c.created_at, signing_keys.c.kid)
        found = await self._connection.execute(statement)
        return [
            SigningKey(**{name: value for name, value in row.items() if name != "place"})
            for row in found.mappings()
        ]

    async def save(self, changed: Sequence[SigningKey]) -> None:
        for key in sorted(changed, key=_leaves_first):
            values = {
                "kid": key.kid,
                "public_jwk": key.public_jwk,
                "sealed_private_key": key.sealed_private_key,
                "created_at": key.created_at,
                "signs_from": key.signs_from,
                "retired_at": key.retired_at,
                "place": _place(key),
            }
            await put(self._connection, signing_keys, values)

    async def remove(self, kids: Sequence[str]) -> None:
        await self._connection.execute(delete(signing_keys).where(signing_keys.c.kid.in_(kids)))


def _leaves_first(key: SigningKey) -> int:
    """A place is left before the next key takes it."""
    return ("", "signing", "waiting").index(_place(key) or "")


def _place(key: SigningKey) -> str | None:
    if key.is_waiting:
        return "waiting"
    return "signing" if key.is_signing else None
