"""Leases: who may do what only one may do at a time, such as walk experiments or number events.

A lease is a row with an owner, an end, and a fencing epoch that grows with each owner. A holder shows its epoch in
each transaction (`check_fence`), which keeps the row from passing to another until it commits. So a frozen holder
that comes back writes nothing: its epoch is old. No advisory locks: a frozen process would keep one.

The clock is the database's, so that replicas need not agree on theirs.
"""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    String,
    Table,
    UniqueConstraint,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement

from phoenix_platform.adapters.sql.engines import Database
from phoenix_platform.adapters.sql.metadata import METADATA
from phoenix_platform.application.ports import Fence, FencedOffError
from phoenix_platform.core.errors import ConflictError

TTL: Final = timedelta(seconds=2)
"""A holder that was not heard of for so long is replaced; with the time to notice, within 3 s."""
FENCED_IDLE_TIMEOUT: Final = timedelta(seconds=1)
"""A fenced transaction that says nothing for so long is ended: else a process frozen in it would keep the lease.
Nothing slow belongs into one: decide first, then write."""

leases = Table(
    "leases",
    METADATA,
    Column("name", String(100), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("epoch", BigInteger(), nullable=False),
    Column("expires_ms", BigInteger(), nullable=False),
    # Makes the epoch part of a key on PostgreSQL: to change it, FOR KEY SHARE of a fenced transaction is waited for,
    # while renewing (no key changes) goes on beside it.
    UniqueConstraint("name", "epoch"),
)


class DatabaseMilliseconds(ColumnElement[int]):
    """The database's clock, milliseconds since 1970."""

    type = BigInteger()
    inherit_cache = True


@compiles(DatabaseMilliseconds, "sqlite")
def _on_sqlite(_element: Any, _compiler: SQLCompiler, **_options: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(DatabaseMilliseconds, "postgresql")
def _on_postgresql(_element: Any, _compiler: SQLCompiler, **_options: Any) -> str:
    # The time of the statement, not of the transaction: it may have waited for the row.
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


class SqlLeases:
    """The leases of one process; `owner` tells it from all others, and from itself before a restart."""

    def __init__(self, database: Database, owner: str, *, ttl: timedelta = TTL) -> None:
        self._database = database
        self._owner = owner
        self.ttl = ttl

    async def acquire(self, name: str) -> Fence | None:
        """Take the lease if nobody holds it, or its holder was not heard of for too long."""
        construct = sqlite.insert if self._database.is_sqlite else postgresql.insert
        insert = construct(leases).values(
            name=name, owner=self._owner, epoch=1, expires_ms=self._end()
        )
        statement = insert.on_conflict_do_update(
            index_elements=["name"],
            set_={"owner": self._owner, "epoch": leases.c.epoch + 1, "expires_ms": self._end()},
            where=leases.c.expires_ms <= DatabaseMilliseconds(),
        ).returning(leases.c.epoch)
        try:
            async with self._database.transaction() as connection:
                epoch = (await connection.execute(statement)).scalar_one_or_none()
        except ConflictError:
            # Somebody made the row at this very moment: PostgreSQL may find that by the other key, (name, epoch).
            return None
        return None if epoch is None else Fence(name, epoch)

    async def renew(self, fence: Fence) -> None:
        """Hold it for another `ttl`.

        Raises:
            FencedOffError: If somebody else took it meanwhile.
        """
        statement = update(leases).where(self._is_mine(fence)).values(expires_ms=self._end())
        async with self._database.transaction() as connection:
            if (await connection.execute(statement)).rowcount != 1:
                raise _fenced_off(fence)

    async def release(self, fence: Fence) -> None:
        """Let it go at once; nothing happens if somebody else took it."""
        # The row stays, with its epoch: a new one would begin at 1 again.
        statement = update(leases).where(self._is_mine(fence)).values(expires_ms=0)
        async with self._database.transaction() as connection:
            await connection.execute(statement)

    def _end(self) -> ColumnElement[int]:
        return DatabaseMilliseconds() + literal(round(self.ttl.total_seconds() * 1000))

    def _is_mine(self, fence: Fence) -> ColumnElement[bool]:
        return (
            (leases.c.name == fence.lease)
            & (leases.c.epoch == fence.epoch)
            & (leases.c.owner == self._owner)
        )


async def check_fence(connection: AsyncConnection, fence: Fence) -> None:
    """Let this transaction commit only while the fence stands; the first statement of each fenced one.

    Raises:
        FencedOffError: If somebody else holds the lease by now.
    """
    if connection.dialect.name == "postgresql":
        milliseconds = round(FENCED_IDLE_TIMEOUT.total_seconds() * 1000)
        await connection.execute(
            text(f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds}")
        )
    # SQLite has one writer at a time, which this transaction is already.
    statement = (
        select(leases.c.epoch)
        .where(leases.c.name == fence.lease, leases.c.epoch == fence.epoch)
        .with_for_update(key_share=True, read=True)
    )
    if (await connection.execute(statement)).scalar_one_or_none() is None:
        raise _fenced_off(fence)


def _fenced_off(fence: Fence) -> FencedOffError:
    return FencedOffError(
        f"lease {fence.lease!r}: another process holds it by now; epoch {fence.epoch} is over",
        lease=fence.lease,
        epoch=fence.epoch,
    )
