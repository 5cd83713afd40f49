"""Events leave in order, without a gap, and only when what they tell of is committed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from tests.domain_builders import an_event
from tests.integration.sql.conftest import a_tenant
from tests.postgresql import Postgresql

from phoenix_platform.adapters.sql.engines import Database, open_database
from phoenix_platform.adapters.sql.idempotency import IdempotencyKey, StoredAnswer
from phoenix_platform.adapters.sql.leases import SqlLeases
from phoenix_platform.adapters.sql.metadata import METADATA
from phoenix_platform.adapters.sql.notifications import listen
from phoenix_platform.adapters.sql.outbox import EventLog, EventsGoneError
from phoenix_platform.adapters.sql.publishing import LEASE, follow, publish_events
from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.adapters.sql.units import work_of
from phoenix_platform.adapters.sql.wakeups import Bells
from phoenix_platform.application.ports import Fence, FencedOffError, UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.domain.tenants import TenantId

Units = Transactions[UnitOfWork]
AT_ONCE = timedelta(seconds=20)
"""A poll that no test waits for: what comes sooner was announced."""


@pytest.fixture
def log(database: Database, bells: Bells) -> EventLog:
    return EventLog(database, bells)


@pytest.fixture
async def fence(database: Database) -> Fence:
    held = await SqlLeases(database, "publisher", ttl=timedelta(minutes=5)).acquire(LEASE)
    assert held is not None
    return held


async def _append(transactions: Units, tenant: TenantId, clock: FixedClock, *kinds: str) -> None:
    async with transactions.begin(tenant) as work:
        for kind in kinds:
            await work.outbox.append(an_event(tenant, clock, kind))


async def test_an_event_reads_back_as_it_was_written(
    transactions: Units, tenant: TenantId, clock: FixedClock, log: EventLog, fence: Fence
) -> None:
    event = an_event(tenant, clock, payload={"a": [1, 2.5, None], "text": "ä\u2028", "on": True})
    async with transactions.begin(tenant) as work:
        await work.outbox.append(event)
    assert await log.after(0) == []
    assert await log.waiting() == 1
    assert await log.publish(fence, at=clock.now()) == 1
    (published,) = await log.after(0)
    assert (published.position, published.event) == (1, event)
    assert (await log.newest(), await log.waiting()) == (1, 0)


async def test_positions_are_gap_free_over_all_tenants_and_each_sees_its_own(
    transactions: Units,
    tenant: TenantId,
    other_tenant: TenantId,
    clock: FixedClock,
    log: EventLog,
    fence: Fence,
) -> None:
    await _append(transactions, tenant, clock, "one", "two")
    await _append(transactions, other_tenant, clock, "three")
    await log.publish(fence, at=clock.now(), limit=2)
    await _append(transactions, tenant, clock, "four")
    while await log.publish(fence, at=clock.now(), limit=2):
        pass
    found = await log.after(0)
    assert [(one.position, one.event.kind) for one in found] == [
        (1, "one"), (2, "two"), (3, "three"), (4, "four"),
    ]  # fmt: skip
    assert [one.position for one in await log.after(1, tenant_id=tenant)] == [2, 4]
    assert [one.position for one in await log.after(1, limit=1)] == [2]


async def test_an_undone_transaction_leaves_no_gap(
    transactions: Units, tenant: TenantId, clock: FixedClock, log: EventLog, fence: Fence
) -> None:
    await _append(transactions, tenant, clock, "one")
    with pytest.raises(LookupError):
        await _append_and_fail(transactions, tenant, clock)
    await _append(transactions, tenant, clock, "two")
    await log.publish(fence, at=clock.now())
    found = await log.after(0)
    assert [(one.position, one.event.kind) for one in found] == [(1, "one"), (2, "two")]


async def test_what_commits_late_comes_late_and_is_not_missed(
    postgresql_url: str, clock: FixedClock
) -> None:
    async with _parts(postgresql_url, clock) as (database, transactions, tenant):
        log = EventLog(database, Bells())
        fence = await SqlLeases(database, "one").acquire(LEASE)
        assert fence is not None
        async with transactions.begin(tenant) as slow:
            await slow.outbox.append(an_event(tenant, clock, "began first"))
            await _append(transactions, tenant, clock, "committed first")
            await log.publish(fence, at=clock.now())
            assert [one.event.kind for one in await log.after(0)] == ["committed first"]
        await log.publish(fence, at=clock.now())
        assert [one.event.kind for one in await log.after(1)] == ["began first"]


async def test_a_publisher_that_lost_its_lease_numbers_nothing(
    database: Database,
    transactions: Units,
    tenant: TenantId,
    clock: FixedClock,
    log: EventLog,
) -> None:
    leases = SqlLeases(database, "publisher")
    old = await leases.acquire(LEASE)
    assert old is not None
    await leases.release(old)
    await leases.acquire(LEASE)
    await _append(transactions, tenant, clock, "one")
    with pytest.raises(FencedOffError):
        await log.publish(old, at=clock.now())
    assert await log.waiting() == 1


async def test_old_events_are_forgotten_and_a_reader_that_missed_them_is_told(
    transactions: Units, tenant: TenantId, clock: FixedClock, log: EventLog, fence: Fence
) -> None:
    await _append(transactions, tenant, clock, "one", "two")
    await log.publish(fence, at=clock.now())
    clock.advance(60)
    await _append(transactions, tenant, clock, "three")
    await log.publish(fence, at=clock.now())
    await _append(transactions, tenant, clock, "not published")
    assert await log.remove_before(clock.now()) == 2
    assert await log.remove_before(clock.now()) == 0
    assert [one.event.kind for one in await log.after(2)] == ["three"]
    with pytest.raises(EventsGoneError, match="events up to 2 are gone"):
        await log.after(1)
    await log.publish(fence, at=clock.now())
    assert [one.position for one in await log.after(3)] == [4]


async def test_a_follower_gets_each_event_once_as_it_comes(
    database: Database,
    transactions: Units,
    tenant: TenantId,
    clock: FixedClock,
    log: EventLog,
) -> None:
    async with _publishing(database, log, clock):
        await _append(transactions, tenant, clock, "one")
        async with aclosing(follow(log, 0, poll=AT_ONCE)) as events:
            assert [one.event.kind for one in await anext(events)] == ["one"]
            for kind in ("two", "three"):
                await _append(transactions, tenant, clock, kind)
                assert [one.event.kind for one in await anext(events)] == [kind]


async def test_the_publisher_forgets_events_and_answers_of_the_day_before(
    database: Database,
    transactions: Units,
    tenant: TenantId,
    clock: FixedClock,
    log: EventLog,
) -> None:
    key = IdempotencyKey(tenant_id=tenant, actor_id="ada", key="k", request_hash="sha256:1")
    async with transactions.idempotent(key, at=clock.now()) as request:
        await request.store(StoredAnswer(status=204, headers={}, body=b""))
    async with _publishing(database, log, clock):
        await _append(transactions, tenant, clock, "one")
        async with aclosing(follow(log, 0, poll=AT_ONCE)) as events:
            await anext(events)
    clock.advance(86_401)
    async with _publishing(database, log, clock):
        await _append(transactions, tenant, clock, "two")
        async with aclosing(follow(log, 1, poll=AT_ONCE)) as events:
            await anext(events)
        while await _count(transactions, "idempotency_keys"):
            pass  # it goes with the sweep, which comes after the numbering
    assert await _count(transactions, "outbox") == 1


async def _count(transactions: Units, table: str) -> int:
    async with transactions.every_tenant() as connection:
        found = await connection.execute(select(func.count()).select_from(METADATA.tables[table]))
        return found.scalar_one()


async def test_many_writers_and_a_follower_agree_on_every_event(
    database: Database,
    transactions: Units,
    tenant: TenantId,
    clock: FixedClock,
    log: EventLog,
) -> None:
    kinds = [f"kind-{number}" for number in range(60)]
    async with _publishing(database, log, clock), asyncio.TaskGroup() as group:
        for kind in kinds:
            group.create_task(_append(transactions, tenant, clock, kind))
        seen: list[str] = []
        positions: list[int] = []
        async with aclosing(follow(log, 0, poll=AT_ONCE)) as events:
            while len(seen) < len(kinds):
                piece = await anext(events)
                seen.extend(one.event.kind for one in piece)
                positions.extend(one.position for one in piece)
    assert sorted(seen) == sorted(kinds)
    assert positions == list(range(1, 61))


class TestBetweenProcesses:
    """Two pools and two sets of bells stand for two replicas on one PostgreSQL."""

    async def test_a_notification_wakes_the_other_replica(
        self, postgresql_url: str, clock: FixedClock
    ) -> None:
        async with (
            _parts(postgresql_url, clock) as (_, transactions, tenant),
            _replica(postgresql_url) as (database, log),
            _publishing(database, log, clock),
            aclosing(follow(log, 0, poll=AT_ONCE)) as events,
        ):
            async with asyncio.timeout(AT_ONCE.total_seconds() / 2):
                await _append(transactions, tenant, clock, "one")
                assert [one.event.kind for one in await anext(events)] == ["one"]

    async def test_without_notifications_the_poll_finds_it(
        self, postgresql_url: str, clock: FixedClock
    ) -> None:
        async with _parts(postgresql_url, clock) as (_, transactions, tenant):
            database = open_database(postgresql_url)
            log = EventLog(database, Bells())
            poll = timedelta(milliseconds=100)
            leases = SqlLeases(database, "publisher")
            task = asyncio.create_task(publish_events(log, leases, clock=clock, poll=poll))
            async with aclosing(follow(EventLog(database, Bells()), 0, poll=poll)) as events:
                await _append(transactions, tenant, clock, "one")
                assert [one.event.kind for one in await anext(events)] == ["one"]
            await _end(task)
            await database.close()

    async def test_a_cut_connection_listens_again(
        self, postgresql: Postgresql, postgresql_url: str, clock: FixedClock
    ) -> None:
        name = postgresql_url.partition("@/")[2].partition("?")[0]
        bells, database = Bells(), open_database(postgresql_url)
        with bells.published.listening() as ear:
            task = asyncio.create_task(listen(database, bells))
            assert await ear.wait(AT_ONCE)
            postgresql.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE 'LISTEN%'",
                database=name,
            )
            assert await ear.wait(AT_ONCE)  # it rings when it listens again
            async with database.transaction() as connection:
                await connection.execute(text("NOTIFY phoenix_published"))
            assert await ear.wait(AT_ONCE)
            await _end(task)
        await database.close()

    async def test_a_server_that_is_away_is_tried_again(
        self, postgresql: Postgresql, postgresql_url: str
    ) -> None:
        name = postgresql_url.partition("@/")[2].partition("?")[0]
        postgresql.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        bells, database = Bells(), open_database(postgresql_url)
        with bells.waiting.listening() as ear:
            task = asyncio.create_task(listen(database, bells))
            with pytest.raises(UnavailableError):
                await database.check()
            postgresql.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            assert await ear.wait(AT_ONCE)
            await _end(task)
        await database.close()


async def test_on_sqlite_there_is_nobody_to_listen_to(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    await listen(database, Bells())
    await database.close()


async def _append_and_fail(transactions: Units, tenant: TenantId, clock: FixedClock) -> None:
    async with transactions.begin(tenant) as work:
        await work.outbox.append(an_event(tenant, clock, "undone"))
        raise LookupError


@asynccontextmanager
async def _parts(url: str, clock: FixedClock) -> AsyncGenerator[tuple[Database, Units, TenantId]]:
    database = open_database(url)
    transactions = Transactions(database, Bells(), work_of)
    tenant = await a_tenant(transactions, clock, "team-a")
    yield database, transactions, tenant
    await database.close()


@asynccontextmanager
async def _replica(url: str) -> AsyncGenerator[tuple[Database, EventLog]]:
    database, bells = open_database(url), Bells()
    with bells.published.listening() as ear:
        task = asyncio.create_task(listen(database, bells))
        assert await ear.wait(AT_ONCE)
    yield database, EventLog(database, bells)
    await _end(task)
    await database.close()


@asynccontextmanager
async def _publishing(database: Database, log: EventLog, clock: FixedClock) -> AsyncGenerator[None]:
    leases = SqlLeases(database, "publisher")
    task = asyncio.create_task(publish_events(log, leases, clock=clock, poll=AT_ONCE))
    yield
    await _end(task)


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
