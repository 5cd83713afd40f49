"""Speed of the control plane's database on this machine: samples in and out, changes, events.

    python -m bench.sql [postgresql://…]

Without a URL it measures SQLite in a temporary folder (every commit on disk). Figures of one run on one machine.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from tests.domain_builders import a_host, a_sample, an_audit_event, an_event, an_experiment

from phoenix_platform.adapters.sql.engines import open_database
from phoenix_platform.adapters.sql.leases import SqlLeases
from phoenix_platform.adapters.sql.migrations.running import migrate
from phoenix_platform.adapters.sql.outbox import EventLog
from phoenix_platform.adapters.sql.publishing import LEASE
from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.adapters.sql.units import work_of
from phoenix_platform.adapters.sql.wakeups import Bells
from phoenix_platform.application.ports import UnitOfWork
from phoenix_platform.core.clock import FixedClock, SystemClock
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.experiments import Experiment
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.domain.tenants import Tenant, TenantId
from phoenix_platform.metering.samples import HostTotal, KeptMetric, Sample, Visibility

INSERTED: Final = 10_000
READ: Final = 100_000
BATCH: Final = 100
CHANGES: Final = 500
_METRICS: Final = [f"process.metric.number.{number}" for number in range(10)]


class Measurements:
    def __init__(self, url: str) -> None:
        self._database = open_database(url)
        self._bells = Bells()
        self._transactions: Transactions[UnitOfWork] = Transactions(
            self._database, self._bells, work_of
        )
        self._clock = FixedClock(time.time_ns())
        self._tenant = TenantId(new_id(SystemClock()))
        self._experiment: Experiment = an_experiment(self._tenant, self._clock)
        self._host_id = HostId(new_id(SystemClock()))

    async def run(self) -> None:
        name = f"bench-{self._tenant.hex[-8:]}"
        tenant = Tenant(id=self._tenant, name=name, created_at=self._clock.now())
        async with self._transactions.all_tenants() as tenants:
            await tenants.add(tenant)
        async with self._transactions.begin(self._tenant) as work:
            await work.experiments.add(self._experiment)
        await timed(
            f"samples in, {BATCH} a transaction", INSERTED, lambda: self._insert(0, INSERTED)
        )
        await self._insert(INSERTED, READ)
        await timed("samples out, 5,000 a transaction", READ, self._read)
        await timed("changes: host, audit event, event", CHANGES, self._change)
        await timed("events published", CHANGES, self._publish)
        await self._database.close()

    async def _insert(self, first: int, end: int) -> None:
        sample = _real_size()
        for start in range(first, end, BATCH):
            batch = [replace(sample, scrape=start + number) for number in range(BATCH)]
            async with self._transactions.begin(self._tenant) as work:
                await work.samples.add(self._experiment.id, self._host_id, batch)

    async def _read(self) -> None:
        position, count = 0, -1
        while count:
            async with self._transactions.read(self._tenant) as work:
                piece, position = await work.samples.after(self._experiment.id, position, 5000)
            count = len(piece)

    async def _change(self) -> None:
        for number in range(CHANGES):
            async with self._transactions.begin(self._tenant) as work:
                await work.hosts.add(a_host(self._tenant, self._clock, f"host-{number}"))
                await work.audit.append(an_audit_event(self._tenant, self._clock))
                await work.outbox.append(an_event(self._tenant, self._clock))

    async def _publish(self) -> None:
        log = EventLog(self._database, self._bells)
        leases = SqlLeases(self._database, "bench")
        fence = await leases.acquire(LEASE)
        assert fence is not None
        while await log.publish(fence, at=self._clock.now()):
            pass
        await leases.release(fence)


async def timed(name: str, count: int, work: Callable[[], Awaitable[None]]) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    await work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(
        f"{name:36} {count:8,} in {seconds:7.2f} s = {count / seconds:8,.0f} a second, "
        f"{cpu / count * 1e6:6.0f} µs of CPU each in this process"
    )


def _real_size() -> Sample:
    """As large as samples of trials are: about 2.3 KB of MessagePack."""
    return a_sample(
        totals={name: HostTotal(0.1, 0.2, 1e-9) for name in _METRICS},
        critical_metrics={name: KeptMetric(8, 0, None) for name in _METRICS},
        visibility={name: Visibility(1.5, 1.2, 10, 8, 3.3, 2.2) for name in ("cpu", "rss", "io")},
    )


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/bench.db"
        await migrate(url)
        await Measurements(url).run()


if __name__ == "__main__":
    asyncio.run(main())
