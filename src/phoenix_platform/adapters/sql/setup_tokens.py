"""One-time set-up links of a tenant, as hashes."""

from typing import Final
from uuid import UUID

from sqlalchemy import Column, String, Table, UniqueConstraint, Uuid, and_, delete, select, update
from sqlalchemy.sql.elements import ColumnElement

from phoenix_platform.adapters.sql.metadata import METADATA, UtcDateTime, id_column, tenant_column
from phoenix_platform.adapters.sql.scopes import Scope
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.domain.setup_tokens import SetupToken
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.domain.users import UserId

setup_tokens: Final = Table(
    "setup_tokens",
    METADATA,
    tenant_column(),
    id_column(),
    Column("token_hash", String(100), nullable=False),
    Column("user_id", Uuid()),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("expires_at", UtcDateTime(), nullable=False),
    Column("used_at", UtcDateTime()),
    UniqueConstraint("token_hash"),
)


class SqlSetupTokens:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def get(self, token_id: UUID) -> SetupToken:
        found = await self._scope.connection.execute(select(setup_tokens).where(self._is(token_id)))
        if (row := found.mappings().one_or_none()) is None:
            raise NotFoundError(f"there is no set-up link {token_id}")
        return SetupToken(
            id=row["id"],
            tenant_id=TenantId(row["tenant_id"]),
            token_hash=row["token_hash"],
            user_id=None if row["user_id"] is None else UserId(row["user_id"]),
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            used_at=row["used_at"],
        )

    async def add(self, token: SetupToken) -> None:
        values = {
            "tenant_id": token.tenant_id,
            "id": token.id,
            "token_hash": token.token_hash,
            "user_id": token.user_id,
            "created_at": token.created_at,
            "expires_at": token.expires_at,
            "used_at": token.used_at,
        }
        await self._scope.connection.execute(setup_tokens.insert().values(values))

    async def save_use(self, token: SetupToken) -> None:
        statement = (
            update(setup_tokens)
            .where(self._is(token.id), setup_tokens.c.used_at.is_(None))
            .values(used_at=token.used_at)
        )
        if (await self._scope.connection.execute(statement)).rowcount != 1:
            raise ConflictError("somebody else used this set-up link at the same moment")

    async def remove_of(self, user_id: UserId | None) -> None:
        columns = setup_tokens.c
        is_for = columns.user_id.is_(None) if user_id is None else columns.user_id == user_id
        statement = delete(setup_tokens).where(columns.tenant_id == self._scope.tenant_id, is_for)
        await self._scope.connection.execute(statement)

    def _is(self, token_id: UUID) -> ColumnElement[bool]:
        columns = setup_tokens.c
        return and_(columns.tenant_id == self._scope.tenant_id, columns.id == token_id)
