"""Numbers the events of the outbox while this process holds the lease, and lets readers follow them."""

from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from typing import Final

from phoenix_platform.adapters.sql.holding import while_holding
from phoenix_platform.adapters.sql.leases import SqlLeases
from phoenix_platform.adapters.sql.outbox import EventLog, PublishedEvent
from phoenix_platform.application.ports import Fence
from phoenix_platform.core.clock import Clock

LEASE: Final = "outbox"
RETENTION: Final = timedelta(days=1)
"""How long a reader may be away and still go on without a gap."""
_SWEEP: Final = timedelta(minutes=10)
_BATCH: Final = 1000


async def publish_events(
    log: EventLog,
    leases: SqlLeases,
    *,
    clock: Clock,
    poll: timedelta = timedelta(seconds=1),
    retention: timedelta = RETENTION,
) -> None:
    """Number what waits, and forget what is older than `retention`, until cancelled."""

    async def publish(fence: Fence) -> None:
        swept = None
        with log.bells.waiting.listening() as ear:
            while True:
                if await log.publish(fence, at=clock.now(), limit=_BATCH) == _BATCH:
                    continue
                now = clock.now()
                if swept is None or now - swept > _SWEEP:
                    await log.remove_before(now - retention)
                    swept = now
                await ear.wait(poll)

    await while_holding(leases, LEASE, publish)


async def follow(
    log: EventLog, after: int, *, poll: timedelta = timedelta(seconds=1)
) -> AsyncGenerator[Sequence[PublishedEvent]]:
    """What is published behind `after`, in order, as it comes; never an empty piece.

    Raises:
        EventsGoneError: If some of them were removed.
    """
    with log.bells.published.listening() as ear:
        while True:
            events = await log.after(after, limit=_BATCH)
            if events:
                after = events[-1].position
                yield events
            else:
                await ear.wait(poll)
