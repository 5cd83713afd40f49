"""A process that holds a lease and writes under it; test_leases.py starts, freezes and kills it.

    python lease_holder.py URL TENANT inside|outside

It says `ready` with the lease held (inside: in an open fenced transaction that has written), waits for a line, goes
on, and says what came of its write.
"""

import asyncio
import sys
from uuid import UUID

from tests.domain_builders import a_host

from phoenix_platform.adapters.sql.engines import open_database
from phoenix_platform.adapters.sql.leases import SqlLeases
from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.adapters.sql.units import work_of
from phoenix_platform.adapters.sql.wakeups import Bells
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import PhoenixError
from phoenix_platform.domain.tenants import TenantId

LEASE = "walk"


async def main(url: str, tenant: TenantId, *, is_inside: bool) -> None:
    database, clock = open_database(url), FixedClock()
    fence = await SqlLeases(database, "the first").acquire(LEASE)
    assert fence is not None
    transactions = Transactions(database, Bells(), work_of)
    try:
        if not is_inside:
            await _say_ready_and_wait()
        async with transactions.begin(tenant, fence=fence) as work:
            await work.hosts.add(a_host(tenant, clock, "written by the first"))
            if is_inside:
                await _say_ready_and_wait()
        print("written", flush=True)  # noqa: T201 - what the test reads
    except PhoenixError as error:
        print(error.code, flush=True)  # noqa: T201
    await database.close()


async def _say_ready_and_wait() -> None:
    print("ready", flush=True)  # noqa: T201
    await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], TenantId(UUID(sys.argv[2])), is_inside=sys.argv[3] == "inside"))
