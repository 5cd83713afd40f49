"""What the suites of repositories share: an open database, units of work on it, and a tenant."""

from collections.abc import AsyncIterator

import pytest

from phoenix_platform.adapters.sql.engines import Database, open_database
from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.adapters.sql.units import work_of
from phoenix_platform.adapters.sql.wakeups import Bells
from phoenix_platform.application.ports import UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.tenants import Tenant, TenantId


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def bells() -> Bells:
    return Bells()


@pytest.fixture
def transactions(database: Database, bells: Bells) -> Transactions[UnitOfWork]:
    return Transactions(database, bells, work_of)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def tenant(transactions: Transactions[UnitOfWork], clock: FixedClock) -> TenantId:
    return await a_tenant(transactions, clock, "team-a")


@pytest.fixture
async def other_tenant(transactions: Transactions[UnitOfWork], clock: FixedClock) -> TenantId:
    return await a_tenant(transactions, clock, "team-b")


async def a_tenant(
    transactions: Transactions[UnitOfWork], clock: FixedClock, name: str
) -> TenantId:
    tenant = Tenant(id=TenantId(new_id(clock)), name=name, created_at=clock.now())
    async with transactions.all_tenants() as tenants:
        await tenants.add(tenant)
    return tenant.id
