"""The outbox: events leave only from here, in the order in which they were written.

An event is a row in the transaction of what happened. A publisher (one at a time, under a lease) gives the rows of
committed transactions gap-free positions; readers ask for what lies behind a position. So a reader that knows
position n has seen everything up to n, which a counter given before the commit could not promise.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from phoenix_platform.adapters.sql.engines import Database
from phoenix_platform.adapters.sql.leases import check_fence
from phoenix_platform.adapters.sql.metadata import METADATA, Counter, Json, UtcDateTime
from phoenix_platform.adapters.sql.notifications import PUBLISHED, notify
from phoenix_platform.adapters.sql.scopes import Scope, bind_every_tenant
from phoenix_platform.adapters.sql.wakeups import Bells
from phoenix_platform.application.ports import Fence
from phoenix_platform.core.errors import NotFoundError
from phoenix_platform.domain.events import Event, EventId
from phoenix_platform.domain.tenants import TenantId

outbox: Final = Table(
    "outbox",
    METADATA,
    Column("sequence", Counter, primary_key=True, autoincrement=True),
    Column("tenant_id", Uuid(), ForeignKey("tenants.id"), nullable=False),
    Column("id", Uuid(), nullable=False),
    Column("topic", String(300), nullable=False),
    Column("kind", String(200), nullable=False),
    Column("payload", Json, nullable=False),
    Column("occurred_at", UtcDateTime(), nullable=False),
    Column("position", BigInteger()),
    Column("published_at", UtcDateTime()),
    UniqueConstraint("position"),
    sqlite_autoincrement=True,  # a number is not given twice, also after the newest row was removed
)
Index("ix_outbox_waiting", outbox.c.sequence, postgresql_where=outbox.c.position.is_(None), sqlite_where=outbox.c.position.is_(None))  # fmt: skip
outbox_state: Final = Table(
    "outbox_state",
    METADATA,
    Column("id", Integer(), primary_key=True, autoincrement=False),
    Column("position", BigInteger(), nullable=False),
    Column("removed_through", BigInteger(), nullable=False),
)
"""One row, with id 1: the newest position, and the last that retention removed."""


class EventsGoneError(NotFoundError):
    """Events behind this position were removed by now: read the state afresh, and go on from the newest."""

    code = "events-gone"


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    position: int
    event: Event


class SqlOutbox:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def append(self, event: Event) -> None:
        values = {
            "tenant_id": event.tenant_id,
            "id": event.id,
            "topic": event.topic,
            "kind": event.kind,
            "payload": event.payload,
            "occurred_at": event.occurred_at,
        }
        await self._scope.connection.execute(outbox.insert().values(values))
        self._scope.topics.add(event.topic)


class EventLog:
    """What was published, of all tenants: for the hub of a process, which gives each subscriber its own."""

    def __init__(self, database: Database, bells: Bells) -> None:
        self.database = database
        self.bells = bells

    async def publish(self, fence: Fence, *, at: datetime, limit: int = 1000) -> int:
        """Number the events that wait; how many there were.

        Raises:
            FencedOffError: If another process publishes by now.
        """
        async with self.database.transaction() as connection:
            await check_fence(connection, fence)
            await bind_every_tenant(connection)
            newest = select(outbox_state.c.position).where(outbox_state.c.id == 1)
            last = (await connection.execute(newest.with_for_update())).scalar_one()
            waiting = (
                select(
                    outbox.c.sequence,
                    func.row_number().over(order_by=outbox.c.sequence).label("rank"),
                )
                .where(outbox.c.position.is_(None))
                .order_by(outbox.c.sequence)
                .limit(limit)
                .subquery()
            )
            numbered = (
                update(outbox)
                .where(outbox.c.sequence == waiting.c.sequence)
                .values(position=waiting.c.rank + last, published_at=at)
            )
            count = (await connection.execute(numbered)).rowcount
            if count:
                await connection.execute(update(outbox_state).values(position=last + count))
                await notify(connection, PUBLISHED)
        if count:
            self.bells.published.ring()
        return count

    async def waiting(self) -> int:
        """How many events are not published yet."""
        async with self._reading() as connection:
            statement = select(func.count()).select_from(outbox).where(outbox.c.position.is_(None))
            return (await connection.execute(statement)).scalar_one()

    async def newest(self) -> int:
        """Position of the newest event; 0 before the first."""
        async with self._reading() as connection:
            found = await connection.execute(select(outbox_state.c.position))
            newest: int = found.scalar_one()
        return newest

    async def after(
        self, position: int, *, limit: int = 1000, tenant_id: TenantId | None = None
    ) -> Sequence[PublishedEvent]:
        """Events behind `position`, in order; of one tenant if one is named.

        Raises:
            EventsGoneError: If some of them were removed.
        """
        statement = (
            select(outbox)
            .where(outbox.c.position > position)
            .order_by(outbox.c.position)
            .limit(limit)
        )
        if tenant_id is not None:
            statement = statement.where(outbox.c.tenant_id == tenant_id)
        async with self._reading() as connection:
            rows = (await connection.execute(statement)).mappings().all()
            # Asked afterwards: what retention removes while the rows are read is noticed.
            removed = (
                await connection.execute(select(outbox_state.c.removed_through))
            ).scalar_one()
        if position < removed:
            raise EventsGoneError(
                f"after: events up to {removed} are gone, {position} is too old; read the state afresh",
                oldest=removed,
            )
        return [_published(row) for row in rows]

    async def remove_before(self, moment: datetime) -> int:
        """Forget events that were published before this; how many."""
        old = (outbox.c.position.is_not(None)) & (outbox.c.published_at < moment)
        async with self.database.transaction() as connection:
            await bind_every_tenant(connection)
            through = (
                await connection.execute(select(func.max(outbox.c.position)).where(old))
            ).scalar_one()
            if through is None:
                return 0
            await connection.execute(update(outbox_state).values(removed_through=through))
            removed = await connection.execute(delete(outbox).where(outbox.c.position <= through))
        return removed.rowcount

    @asynccontextmanager
    async def _reading(self) -> AsyncGenerator[AsyncConnection]:
        async with self.database.transaction(read_only=True) as connection:
            await bind_every_tenant(connection)
            yield connection


def _published(row: RowMapping) -> PublishedEvent:
    return PublishedEvent(
        row["position"],
        Event(
            id=EventId(row["id"]),
            tenant_id=TenantId(row["tenant_id"]),
            topic=row["topic"],
            kind=row["kind"],
            payload=row["payload"],
            occurred_at=row["occurred_at"],
        ),
    )
