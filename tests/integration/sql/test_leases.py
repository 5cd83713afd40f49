"""One holder at a time, and nobody writes with an old epoch: shown with processes that are really frozen and killed."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.domain_builders import a_host
from tests.integration.sql.conftest import a_tenant
from tests.integration.sql.lease_holder import LEASE

from phoenix_platform.adapters.sql.engines import Database, open_database
from phoenix_platform.adapters.sql.holding import RETRY, while_holding
from phoenix_platform.adapters.sql.leases import TTL, SqlLeases
from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.adapters.sql.units import work_of
from phoenix_platform.adapters.sql.wakeups import Bells
from phoenix_platform.application.ports import Fence, FencedOffError, UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.domain.tenants import TenantId

Units = Transactions[UnitOfWork]
ROOT = Path(__file__).parents[3]
REPLACED_WITHIN_SECONDS = 3.0
BUSY_MACHINE_SECONDS = 3.0
"""What a loaded machine may add: other tests run beside this one."""


async def test_a_lease_has_one_holder(database: Database) -> None:
    first, second = SqlLeases(database, "first"), SqlLeases(database, "second")
    fence = await first.acquire("walk")
    assert fence == Fence("walk", 1)
    assert await second.acquire("walk") is None
    assert await first.acquire("walk") is None
    assert await second.acquire("another") == Fence("another", 1)


async def test_of_many_who_ask_at_once_one_gets_it(database: Database) -> None:
    asked = [SqlLeases(database, f"process {number}").acquire("walk") for number in range(20)]
    found = [fence for fence in await asyncio.gather(*asked) if fence is not None]
    assert found == [Fence("walk", 1)]


async def test_a_released_lease_passes_on_with_the_next_epoch(database: Database) -> None:
    first, second = SqlLeases(database, "first"), SqlLeases(database, "second")
    fence = await first.acquire("walk")
    assert fence is not None
    await first.release(fence)
    assert await second.acquire("walk") == Fence("walk", 2)
    await first.release(fence)
    assert await first.acquire("walk") is None


async def test_a_lease_ends_unless_it_is_renewed(database: Database) -> None:
    first = SqlLeases(database, "first", ttl=timedelta(milliseconds=300))
    second = SqlLeases(database, "second")
    fence = await first.acquire("walk")
    assert fence is not None
    taken = await _acquired(second)
    assert taken.epoch == 2
    with pytest.raises(FencedOffError, match="epoch 1 is over"):
        await first.renew(fence)


async def test_renewing_goes_on_beside_a_transaction_that_shows_the_fence(
    database: Database, transactions: Units, tenant: TenantId
) -> None:
    leases = SqlLeases(database, "first")
    fence = await leases.acquire("walk")
    assert fence is not None
    if database.is_sqlite:
        await leases.renew(fence)
        return  # it has one writer at a time
    async with transactions.begin(tenant, fence=fence):
        await leases.renew(fence)


async def test_an_old_epoch_writes_nothing(
    database: Database, transactions: Units, tenant: TenantId, clock: FixedClock
) -> None:
    leases = SqlLeases(database, "first")
    old = await leases.acquire("walk")
    assert old is not None
    async with transactions.begin(tenant, fence=old) as work:
        await work.hosts.add(a_host(tenant, clock, "in time"))
    await leases.release(old)
    assert await leases.acquire("walk") == Fence("walk", 2)
    with pytest.raises(FencedOffError):
        async with transactions.begin(tenant, fence=old) as work:
            await work.hosts.add(a_host(tenant, clock, "too late"))
    async with transactions.begin(tenant) as work:
        assert [host.name for host in await work.hosts.all()] == ["in time"]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("where", "stop"),
    [
        pytest.param("outside", signal.SIGSTOP, id="frozen-outside"),
        pytest.param("outside", signal.SIGKILL, id="killed-outside"),
        pytest.param("inside", signal.SIGKILL, id="killed-inside"),
    ],
)
async def test_a_holder_that_stops_is_replaced_and_writes_nothing_afterwards(
    database_url: str, tenant: TenantId, where: str, stop: signal.Signals
) -> None:
    await _check_replaced(database_url, tenant, where, stop)


@pytest.mark.timeout(120)
async def test_a_holder_frozen_inside_a_transaction_is_cut_off_by_postgresql(
    postgresql_url: str, clock: FixedClock
) -> None:
    # SQLite serves one process: one that is frozen while it writes keeps the file locked.
    database = open_database(postgresql_url)
    tenant = await a_tenant(Transactions(database, Bells(), work_of), clock, "team-a")
    await database.close()
    await _check_replaced(postgresql_url, tenant, "inside", signal.SIGSTOP)


async def _check_replaced(url: str, tenant: TenantId, where: str, stop: signal.Signals) -> None:
    """Stop a process that holds the lease; another takes it in time, and its write is the only one."""
    database, clock = open_database(url), FixedClock()
    transactions = Transactions(database, Bells(), work_of)
    async with _holder(url, tenant, where) as process:
        os.kill(process.pid, stop)
        stopped_at = time.monotonic()
        fence = await _acquired(SqlLeases(database, "the second"))
        seconds = time.monotonic() - stopped_at
        async with transactions.begin(tenant, fence=fence) as work:
            await work.hosts.add(a_host(tenant, clock, "written by the second"))
        if stop is signal.SIGSTOP:
            os.kill(process.pid, signal.SIGCONT)
            answer, _ = await process.communicate(b"go on\n")
            assert answer.decode().strip() in {"fenced-off", "unavailable"}
    async with transactions.begin(tenant) as work:
        names = [host.name for host in await work.hosts.all()]
    await database.close()
    assert names == ["written by the second"]
    assert seconds < REPLACED_WITHIN_SECONDS + BUSY_MACHINE_SECONDS


class TestWhileHolding:
    async def test_work_runs_in_one_process_at_a_time_and_passes_on_when_it_ends(
        self, database: Database
    ) -> None:
        held: asyncio.Queue[Fence] = asyncio.Queue()

        async def work(fence: Fence) -> None:
            held.put_nowait(fence)
            await asyncio.Event().wait()

        tasks = [
            asyncio.create_task(while_holding(SqlLeases(database, name), "walk", work))
            for name in ("first", "second")
        ]
        assert (await held.get()).epoch == 1
        await asyncio.sleep(2 * RETRY.total_seconds())
        assert held.empty()
        first = await _holder_of(database, tasks)
        first.cancel()
        assert (await held.get()).epoch == 2
        await _end(tasks)

    async def test_a_lease_is_kept_for_longer_than_it_lasts(self, database: Database) -> None:
        leases = SqlLeases(database, "first", ttl=timedelta(milliseconds=1500))
        began = asyncio.Event()

        async def work(fence: Fence) -> None:
            began.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(while_holding(leases, "walk", work))
        await began.wait()
        other = SqlLeases(database, "second")
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            assert await other.acquire("walk") is None
            await asyncio.sleep(0.1)
        await _end([task])

    @pytest.mark.parametrize("error", [FencedOffError("over"), UnavailableError("away")])
    async def test_work_that_loses_the_lease_or_the_database_begins_again(
        self, database: Database, error: Exception
    ) -> None:
        epochs: asyncio.Queue[int] = asyncio.Queue()

        async def work(fence: Fence) -> None:
            epochs.put_nowait(fence.epoch)
            if fence.epoch == 1:
                raise error
            await asyncio.Event().wait()

        task = asyncio.create_task(while_holding(SqlLeases(database, "first"), "walk", work))
        assert [await epochs.get(), await epochs.get()] == [1, 2]
        await _end([task])

    async def test_an_error_of_the_work_is_not_hidden(self, database: Database) -> None:
        async def work(fence: Fence) -> None:
            raise LookupError("a bug")

        with pytest.RaisesGroup(pytest.RaisesExc(LookupError), flatten_subgroups=True):
            await while_holding(SqlLeases(database, "first"), "walk", work)


async def _acquired(leases: SqlLeases) -> Fence:
    """Ask as often as `while_holding` does, until the lease is there."""
    while True:
        try:
            if (fence := await leases.acquire(LEASE)) is not None:
                return fence
        except UnavailableError:
            pass  # it waits for the transaction of a frozen holder
        await asyncio.sleep(RETRY.total_seconds())


async def _holder_of(database: Database, tasks: list["asyncio.Task[None]"]) -> "asyncio.Task[None]":
    async with database.transaction() as connection:
        owner = (await connection.execute(text("SELECT owner FROM leases"))).scalar_one()
    return tasks[0 if owner == "first" else 1]


async def _end(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _holder(
    url: str, tenant: TenantId, where: str
) -> AsyncGenerator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.sql.lease_holder", url, str(tenant), where),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def test_the_time_to_replace_a_holder_is_what_is_promised() -> None:
    assert (TTL + RETRY).total_seconds() < REPLACED_WITHIN_SECONDS
