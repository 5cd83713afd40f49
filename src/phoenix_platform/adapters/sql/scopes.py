"""What a repository works in: one connection inside one transaction, and one tenant.

Repositories write the tenant into every WHERE; on PostgreSQL row-level security stands under that, by the two
settings that are made here. `transactions` makes scopes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Table, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from phoenix_platform.domain.audit import AuditEvent
from phoenix_platform.domain.tenants import TenantId

TENANT_SETTING: Final = "phoenix.tenant_id"
"""Rows of this tenant are there for the transaction, no others."""
EVERY_TENANT_SETTING: Final = "phoenix.every_tenant"
"""`on` in the few transactions that are for all: publishing the outbox, finding whose a token is."""
_SET: Final = select(func.set_config(bindparam("name"), bindparam("value"), True))


@dataclass(frozen=True, slots=True)
class Scope:
    """One transaction of one tenant."""

    connection: AsyncConnection
    tenant_id: TenantId
    audit: list[AuditEvent] = field(default_factory=list[AuditEvent])
    """Appended at the commit: the end of a chain is locked last and shortest."""
    topics: set[str] = field(default_factory=set[str])
    """Of the events that were put into the outbox; not empty: the publisher is woken at the commit."""


async def bind_tenant(connection: AsyncConnection, tenant_id: TenantId) -> None:
    """Show this transaction the rows of one tenant (`SET LOCAL`)."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_SET, {"name": TENANT_SETTING, "value": str(tenant_id)})


async def bind_every_tenant(connection: AsyncConnection) -> None:
    """Show this transaction the rows of all tenants."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_SET, {"name": EVERY_TENANT_SETTING, "value": "on"})


async def insert_new(connection: AsyncConnection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row; False if one with such a key is there. Unlike a failed INSERT it leaves the transaction usable."""
    insert = insert_of(connection)(table).values(values).on_conflict_do_nothing()
    return (await connection.execute(insert)).rowcount == 1


async def put(connection: AsyncConnection, table: Table, values: Mapping[str, Any]) -> None:
    """Insert a row, in place of the one with its primary key."""
    key = [column.name for column in table.primary_key]
    changed = {name: value for name, value in values.items() if name not in key}
    insert = insert_of(connection)(table).values(values)
    await connection.execute(insert.on_conflict_do_update(index_elements=key, set_=changed))


def insert_of(connection: AsyncConnection) -> Any:
    """Both databases have the same clause, in constructs of their own."""
    return sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
