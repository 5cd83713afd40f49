"""One transaction per use case, and one tenant per transaction: by the queries, and by PostgreSQL under them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError
from tests.domain_builders import a_host, an_audit_event, an_event
from tests.postgresql import Postgresql

from phoenix_platform.adapters.sql.engines import Database, open_database
from phoenix_platform.adapters.sql.hosts import hosts
from phoenix_platform.adapters.sql.scopes import Scope, bind_tenant
from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.adapters.sql.units import work_of
from phoenix_platform.adapters.sql.wakeups import Bells
from phoenix_platform.application.ports import UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.hosts import Host
from phoenix_platform.domain.tenants import Tenant, TenantId

Units = Transactions[UnitOfWork]


async def test_leaving_the_block_commits(
    transactions: Units, tenant: TenantId, clock: FixedClock
) -> None:
    host = a_host(tenant, clock)
    async with transactions.begin(tenant) as work:
        await work.hosts.add(host)
    async with transactions.read(tenant) as work:
        assert await work.hosts.get(host.id) == host


async def test_an_error_undoes_everything(
    transactions: Units, tenant: TenantId, clock: FixedClock
) -> None:
    with pytest.raises(ConflictError, match="no"):
        await _write_and_fail(transactions, tenant, clock)
    async with transactions.begin(tenant) as work:
        assert await work.hosts.all() == []
        assert await work.audit.first_break() is None
    async with transactions.every_tenant() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM outbox"))).scalar_one() == 0


async def test_a_cancelled_transaction_is_undone_and_leaves_its_turn(
    transactions: Units, tenant: TenantId, clock: FixedClock
) -> None:
    began = asyncio.Event()

    async def hang() -> None:
        async with transactions.begin(tenant) as work:
            await work.hosts.add(a_host(tenant, clock))
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await began.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with transactions.begin(tenant) as work:
        assert await work.hosts.all() == []


async def test_a_foreign_id_is_an_unknown_one(
    transactions: Units, tenant: TenantId, other_tenant: TenantId, clock: FixedClock
) -> None:
    host = a_host(tenant, clock)
    async with transactions.begin(tenant) as work:
        await work.hosts.add(host)
    async with transactions.begin(other_tenant) as work:
        with pytest.raises(NotFoundError):
            await work.hosts.get(host.id)
        with pytest.raises(NotFoundError):
            await work.hosts.remove(host.id)
        with pytest.raises(ConflictError):
            await work.hosts.save(replace(host, tenant_id=other_tenant))
        assert await work.hosts.by_name(host.name) is None
        assert await work.hosts.all() == []


async def test_many_transactions_at_once_lose_no_update(
    transactions: Units, tenant: TenantId, clock: FixedClock
) -> None:
    async def add(number: int) -> None:
        async with transactions.begin(tenant) as work:
            await work.hosts.add(a_host(tenant, clock, f"web-{number}"))
            await work.audit.append(an_audit_event(tenant, clock))

    await asyncio.gather(*(add(number) for number in range(40)))
    async with transactions.begin(tenant) as work:
        assert len(await work.hosts.all()) == 40
        assert await work.audit.first_break() is None


async def _write_and_fail(transactions: Units, tenant: TenantId, clock: FixedClock) -> None:
    async with transactions.begin(tenant) as work:
        await work.hosts.add(a_host(tenant, clock))
        await work.audit.append(an_audit_event(tenant, clock))
        await work.outbox.append(an_event(tenant, clock))
        raise ConflictError("no")


async def _add_host_as(database: Database, tenant: TenantId, host: Host) -> None:
    async with database.transaction() as connection:
        await bind_tenant(connection, tenant)
        await work_of(Scope(connection, tenant)).hosts.add(host)


class TestRowLevelSecurity:
    """On PostgreSQL a statement without the tenant in it still finds no foreign row."""

    @pytest.fixture(params=["owner", "another role"])
    async def bound(
        self, request: pytest.FixtureRequest, postgresql: Postgresql, postgresql_url: str
    ) -> AsyncIterator[Database]:
        """The database as the role that made the tables sees it, and as one that was granted them."""
        url = postgresql_url
        if request.param == "another role":
            name = postgresql_url.partition("@/")[2].partition("?")[0]
            role = f"{name}_app"
            postgresql.sql(f"CREATE ROLE {role} LOGIN", database=name)
            postgresql.sql(
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};"
                f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
                database=name,
            )
            url = postgresql.url(name, role)
        database = open_database(url)
        await database.check_role()
        yield database
        await database.close()

    @pytest.fixture
    async def tenants(self, bound: Database, clock: FixedClock) -> list[TenantId]:
        """Two tenants with a host each."""
        transactions, found = Transactions(bound, Bells(), work_of), list[TenantId]()
        for name in ("team-a", "team-b"):
            tenant = Tenant(id=TenantId(new_id(clock)), name=name, created_at=clock.now())
            async with transactions.all_tenants() as all_tenants:
                await all_tenants.add(tenant)
            async with transactions.begin(tenant.id) as work:
                await work.hosts.add(a_host(tenant.id, clock))
                await work.outbox.append(an_event(tenant.id, clock))
                await work.audit.append(an_audit_event(tenant.id, clock))
            found.append(tenant.id)
        return found

    async def test_a_query_without_the_tenant_finds_the_own_rows_only(
        self, bound: Database, tenants: list[TenantId]
    ) -> None:
        async with bound.transaction() as connection:
            await bind_tenant(connection, tenants[0])
            found = (await connection.execute(select(hosts.c.tenant_id))).scalars().all()
        assert found == [tenants[0]]

    async def test_without_a_tenant_there_is_no_row(
        self, bound: Database, tenants: list[TenantId]
    ) -> None:
        for table in ("hosts", "outbox", "audit_events", "audit_heads"):
            async with bound.transaction() as connection:
                query = text(f"SELECT count(*) FROM {table}")  # noqa: S608 - names stand above
                assert (await connection.execute(query)).scalar_one() == 0

    async def test_the_tenant_ends_with_its_transaction(
        self, bound: Database, tenants: list[TenantId]
    ) -> None:
        for _ in range(bound.limits.pool_size + 1):
            async with bound.transaction() as connection:
                await bind_tenant(connection, tenants[0])
        async with bound.transaction() as connection:
            count = await connection.execute(select(func.count()).select_from(hosts))
            assert count.scalar_one() == 0

    async def test_foreign_rows_are_neither_changed_nor_removed(
        self, bound: Database, tenants: list[TenantId]
    ) -> None:
        async with bound.transaction() as connection:
            await bind_tenant(connection, tenants[0])
            foreign = hosts.c.tenant_id == tenants[1]
            changed = await connection.execute(hosts.update().where(foreign).values(version=9))
            removed = await connection.execute(hosts.delete().where(foreign))
            assert (changed.rowcount, removed.rowcount) == (0, 0)

    async def test_a_row_of_another_tenant_cannot_be_written(
        self, bound: Database, tenants: list[TenantId], clock: FixedClock
    ) -> None:
        smuggled = a_host(tenants[1], clock, "smuggled")
        with pytest.raises(ProgrammingError, match="violates row-level security"):
            await _add_host_as(bound, tenants[0], smuggled)

    async def test_removing_a_row_removes_what_belongs_to_it(
        self, bound: Database, tenants: list[TenantId]
    ) -> None:
        transactions = Transactions(bound, Bells(), work_of)
        async with transactions.begin(tenants[0]) as work:
            host = (await work.hosts.all())[0]
            await work.credentials.put(host.id, "hash")
        async with transactions.begin(tenants[0]) as work:
            await work.hosts.remove(host.id)
        async with transactions.every_tenant() as connection:
            query = text("SELECT count(*) FROM host_credentials")
            assert (await connection.execute(query)).scalar_one() == 0
