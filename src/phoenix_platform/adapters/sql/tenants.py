"""Tenants: the one table that is not a tenant's own."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Column, Integer, String, Table, UniqueConstraint, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from phoenix_platform.adapters.sql.metadata import METADATA, UtcDateTime, id_column
from phoenix_platform.adapters.sql.scopes import insert_new
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.domain.tenants import Tenant, TenantId

tenants: Final = Table(
    "tenants",
    METADATA,
    id_column(),
    Column("name", String(63), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("version", Integer(), nullable=False),
    UniqueConstraint("name"),
)


class SqlTenants:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, tenant_id: TenantId) -> Tenant:
        found = await self._connection.execute(select(tenants).where(tenants.c.id == tenant_id))
        if (row := found.mappings().one_or_none()) is None:
            raise NotFoundError(f"there is no tenant {tenant_id}", tenant=str(tenant_id))
        return _tenant(row)

    async def by_name(self, name: str) -> Tenant | None:
        found = await self._connection.execute(select(tenants).where(tenants.c.name == name))
        row = found.mappings().one_or_none()
        return None if row is None else _tenant(row)

    async def all(self) -> Sequence[Tenant]:
        found = await self._connection.execute(select(tenants).order_by(tenants.c.name))
        return [_tenant(row) for row in found.mappings()]

    async def add(self, tenant: Tenant) -> None:
        values = {
            "id": tenant.id,
            "name": tenant.name,
            "created_at": tenant.created_at,
            "version": tenant.version,
        }
        if not await insert_new(self._connection, tenants, values):
            raise ConflictError(f"name: there is a tenant {tenant.name!r} already; choose another")


def _tenant(row: RowMapping) -> Tenant:
    return Tenant(
        id=TenantId(row["id"]),
        name=row["name"],
        created_at=row["created_at"],
        version=row["version"],
    )
