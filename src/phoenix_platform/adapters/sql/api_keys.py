"""API keys of a tenant's users and programs: hashes only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import (
    JSON,
    Column,
    Index,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    and_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import RowMapping
from sqlalchemy.sql.elements import ColumnElement

from phoenix_platform.adapters.sql.metadata import (
    METADATA,
    UtcDateTime,
    id_column,
    tenant_column,
)
from phoenix_platform.adapters.sql.pages import read_page
from phoenix_platform.adapters.sql.scopes import Scope
from phoenix_platform.application.ports import Page, PageQuery
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.domain.api_keys import ApiKey, ApiKeyId, KeyOwner
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.domain.tenants import TenantId

_SCOPES: Final = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""None, for all, is NULL and not JSON's null."""

api_keys: Final = Table(
    "api_keys",
    METADATA,
    tenant_column(),
    id_column(),
    Column("owner_kind", String(20), nullable=False),
    Column("owner_id", Uuid(), nullable=False),
    Column("name", String(100), nullable=False),
    Column("token_hash", String(100), nullable=False),
    Column("hint", String(20), nullable=False),
    Column("scopes", _SCOPES),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("expires_at", UtcDateTime(), nullable=False),
    Column("last_used_at", UtcDateTime()),
    Column("revoked_at", UtcDateTime()),
    UniqueConstraint("token_hash"),
    Index(None, "tenant_id", "owner_id"),
)


class SqlApiKeys:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def get(self, key_id: ApiKeyId) -> ApiKey:
        found = await self._scope.connection.execute(select(api_keys).where(self._is(key_id)))
        if (row := found.mappings().one_or_none()) is None:
            raise NotFoundError(f"there is no API key {key_id}", api_key=str(key_id))
        return _key(row)

    async def of_owner(self, kind: KeyOwner, owner_id: UUID) -> Sequence[ApiKey]:
        return await self._where(
            api_keys.c.owner_kind == kind.value, api_keys.c.owner_id == owner_id
        )

    async def page(self, query: PageQuery) -> Page[ApiKey]:
        statement = select(api_keys).where(api_keys.c.tenant_id == self._scope.tenant_id)
        return await read_page(self._scope, statement, api_keys.c.id, query, _key)

    async def live_local(self) -> Sequence[ApiKey]:
        return await self._where(
            api_keys.c.owner_kind == KeyOwner.LOCAL.value, api_keys.c.revoked_at.is_(None)
        )

    async def add(self, key: ApiKey) -> None:
        values = {
            "tenant_id": key.tenant_id,
            "id": key.id,
            "owner_kind": key.owner_kind.value,
            "owner_id": key.owner_id,
            "name": key.name,
            "token_hash": key.token_hash,
            "hint": key.hint,
            "scopes": None if key.scopes is None else sorted(key.scopes),
            "created_at": key.created_at,
            "expires_at": key.expires_at,
            "last_used_at": key.last_used_at,
            "revoked_at": key.revoked_at,
        }
        await self._scope.connection.execute(api_keys.insert().values(values))

    async def save_revocation(self, key: ApiKey) -> None:
        statement = (
            update(api_keys)
            .where(self._is(key.id), api_keys.c.revoked_at.is_(None))
            .values(revoked_at=key.revoked_at)
        )
        if (await self._scope.connection.execute(statement)).rowcount != 1:
            raise ConflictError("someone else revoked the key; read it again", api_key=str(key.id))

    async def note_use(self, key_id: ApiKeyId, at: datetime) -> None:
        is_later = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < at)
        statement = update(api_keys).where(self._is(key_id), is_later).values(last_used_at=at)
        await self._scope.connection.execute(statement)

    async def _where(self, *conditions: ColumnElement[bool]) -> Sequence[ApiKey]:
        statement = (
            select(api_keys)
            .where(api_keys.c.tenant_id == self._scope.tenant_id, *conditions)
            .order_by(api_keys.c.id.desc())
        )
        found = await self._scope.connection.execute(statement)
        return [_key(row) for row in found.mappings()]

    def _is(self, key_id: ApiKeyId) -> ColumnElement[bool]:
        return and_(api_keys.c.tenant_id == self._scope.tenant_id, api_keys.c.id == key_id)


def _key(row: RowMapping) -> ApiKey:
    scopes = row["scopes"]
    return ApiKey(
        id=ApiKeyId(row["id"]),
        tenant_id=TenantId(row["tenant_id"]),
        owner_kind=KeyOwner(row["owner_kind"]),
        owner_id=row["owner_id"],
        name=row["name"],
        token_hash=row["token_hash"],
        hint=row["hint"],
        scopes=None if scopes is None else frozenset(map(Permission, scopes)),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
