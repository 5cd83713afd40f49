"""Work that only one process may do at a time, done while its lease is held. The composition root starts it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeAlias

from phoenix_platform.adapters.sql.leases import SqlLeases
from phoenix_platform.application.ports import Fence, FencedOffError
from phoenix_platform.core.errors import UnavailableError

Work: TypeAlias = Callable[[Fence], Awaitable[None]]
"""Runs until cancelled, or until it raises that it was fenced off or that the database is away."""
RETRY: Final = timedelta(milliseconds=400)
"""How often to ask for a lease that somebody else holds: with its TTL of 2 s, a dead holder is replaced within 3 s."""
_RENEWALS_PER_TTL: Final = 4


async def while_holding(
    leases: SqlLeases, name: str, work: Work, *, retry: timedelta = RETRY
) -> None:
    """Run `work` whenever this process holds the lease, until cancelled.

    Raises:
        Exception: What `work` raises, except that it was fenced off or that the database is away.
    """
    while True:
        try:
            fence = await leases.acquire(name)
            if fence is not None:
                await _hold(leases, fence, work)
        except* (FencedOffError, UnavailableError):
            pass  # it passes to whoever can hold it; this process asks again
        await asyncio.sleep(retry.total_seconds())


async def _hold(leases: SqlLeases, fence: Fence, work: Work) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_renew(leases, fence))
            await work(fence)
    finally:
        await _release(leases, fence)


async def _renew(leases: SqlLeases, fence: Fence) -> None:
    """Renew until it fails, which ends the work too."""
    while True:
        await asyncio.sleep(leases.ttl.total_seconds() / _RENEWALS_PER_TTL)
        await leases.renew(fence)


async def _release(leases: SqlLeases, fence: Fence) -> None:
    try:
        await leases.release(fence)
    except UnavailableError:
        return  # it ends by itself
