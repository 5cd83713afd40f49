"""Service accounts of a tenant."""

from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    Integer,
    String,
    Table,
    UniqueConstraint,
    and_,
    delete,
    select,
    update,
)
from sqlalchemy.engine import RowMapping
from sqlalchemy.sql.elements import ColumnElement

from phoenix_platform.adapters.sql.metadata import METADATA, UtcDateTime, id_column, tenant_column
from phoenix_platform.adapters.sql.pages import read_page
from phoenix_platform.adapters.sql.scopes import Scope, insert_new
from phoenix_platform.application.ports import Page, PageQuery
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.domain.permissions import Role
from phoenix_platform.domain.service_accounts import ServiceAccount, ServiceAccountId
from phoenix_platform.domain.tenants import TenantId

service_accounts: Final = Table(
    "service_accounts",
    METADATA,
    tenant_column(),
    id_column(),
    Column("name", String(63), nullable=False),
    Column("role", String(20), nullable=False),
    Column("is_disabled", Boolean(), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("version", Integer(), nullable=False),
    UniqueConstraint("tenant_id", "name"),
)


class SqlServiceAccounts:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def get(self, account_id: ServiceAccountId) -> ServiceAccount:
        statement = select(service_accounts).where(self._is(account_id))
        found = await self._scope.connection.execute(statement)
        if (row := found.mappings().one_or_none()) is None:
            raise NotFoundError(
                f"there is no service account {account_id}", service_account=str(account_id)
            )
        return _account(row)

    async def page(self, query: PageQuery) -> Page[ServiceAccount]:
        statement = select(service_accounts).where(
            service_accounts.c.tenant_id == self._scope.tenant_id
        )
        return await read_page(self._scope, statement, service_accounts.c.id, query, _account)

    async def add(self, account: ServiceAccount) -> None:
        values = {
            **_changing(account),
            "tenant_id": account.tenant_id,
            "id": account.id,
            "created_at": account.created_at,
            "version": account.version,
        }
        if not await insert_new(self._scope.connection, service_accounts, values):
            raise ConflictError(
                f"name: there is a service account {account.name!r} already; choose another name"
            )

    async def save(self, account: ServiceAccount) -> ServiceAccount:
        saved = replace(account, version=account.version + 1)
        statement = (
            update(service_accounts)
            .where(self._is(account.id), service_accounts.c.version == account.version)
            .values(**_changing(account), version=saved.version)
        )
        if (await self._scope.connection.execute(statement)).rowcount != 1:
            raise ConflictError("someone else changed the service account; read it again")
        return saved

    async def remove(self, account_id: ServiceAccountId) -> None:
        await self._scope.connection.execute(delete(service_accounts).where(self._is(account_id)))

    def _is(self, account_id: ServiceAccountId) -> ColumnElement[bool]:
        columns = service_accounts.c
        return and_(columns.tenant_id == self._scope.tenant_id, columns.id == account_id)


def _changing(account: ServiceAccount) -> dict[str, Any]:
    return {
        "name": account.name,
        "role": account.role.value,
        "is_disabled": account.is_disabled,
    }


def _account(row: RowMapping) -> ServiceAccount:
    return ServiceAccount(
        id=ServiceAccountId(row["id"]),
        tenant_id=TenantId(row["tenant_id"]),
        name=row["name"],
        role=Role(row["role"]),
        is_disabled=row["is_disabled"],
        created_at=row["created_at"],
        version=row["version"],
    )
