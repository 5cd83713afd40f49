"""Load simulations, and which are wanted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.application.ports import PageQuery, UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.domain.load_simulations import LoadSimulation, LoadSimulationId
from phoenix_platform.domain.tenants import TenantId

Units = Transactions[UnitOfWork]


@pytest.fixture
async def load(transactions: Units, tenant: TenantId, clock: FixedClock) -> LoadSimulation:
    hosts = (HostId(new_id(clock)), HostId(new_id(clock)))
    made = LoadSimulation(
        id=LoadSimulationId(new_id(clock)),
        tenant_id=tenant,
        profile="realistic",
        seed=7,
        hosts=hosts,
        created_at=clock.now(),
        created_by="ada",
        deadline=clock.now() + timedelta(minutes=10),
        reports={hosts[0]: "running"},
    )
    async with transactions.begin(tenant) as work:
        await work.loads.add(made)
    return made


async def test_a_load_reads_back_as_it_was_written(
    transactions: Units, load: LoadSimulation
) -> None:
    async with transactions.read(load.tenant_id) as work:
        assert await work.loads.get(load.id) == load
        assert (await work.loads.page(PageQuery())).items == [load]


async def test_a_load_is_wanted_until_its_deadline_or_its_stop(
    transactions: Units, load: LoadSimulation, clock: FixedClock
) -> None:
    async with transactions.begin(load.tenant_id) as work:
        assert await work.loads.wanted(clock.now()) == [load]
        assert await work.loads.wanted(load.deadline) == []
        stopped = await work.loads.save(replace(load, stopped_at=clock.now()))
        assert await work.loads.wanted(clock.now()) == []
        assert await work.loads.get(load.id) == stopped


async def test_a_load_that_was_changed_meanwhile_is_not_overwritten(
    transactions: Units, load: LoadSimulation, clock: FixedClock
) -> None:
    async with transactions.begin(load.tenant_id) as work:
        await work.loads.save(load)
        with pytest.raises(ConflictError, match="read it again"):
            await work.loads.save(load)
        with pytest.raises(ConflictError, match="already"):
            await work.loads.add(load)
        with pytest.raises(NotFoundError):
            await work.loads.get(LoadSimulationId(new_id(clock)))
