"""Numbers the events of the outbox while this process holds the lease, and lets readers follow them.

The same process forgets what is older than its retention: events, and answers to idempotent requests.
"""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta
from typing import Final

from phoenix_platform.adapters.sql.holding import while_holding
from phoenix_platform.adapters.sql.idempotency import remove_keys_before
from phoenix_platform.adapters.sql.leases import SqlLeases
from phoenix_platform.adapters.sql.outbox import EventLog, PublishedEvent
from phoenix_platform.adapters.sql.scopes import bind_every_tenant
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
    """Number what waits, and forget events and answers that are older than `retention`, until cancelled."""

    async def publish(fence: Fence) -> None:
        swept = None
        with log.bells.waiting.listening() as ear:
            while True:
                if await log.publish(fence, at=clock.now(), limit=_BATCH) == _BATCH:
                    continue
                now = clock.now()
                if swept is None or now - swept > _SWEEP:
                    await log.remove_before(now - retention)
                    await _forget_answers(log, now - retention)
                    swept = now
                await ear.wait(poll)

    await while_holding(leases, LEASE, publish)


async def _forget_answers(log: EventLog, moment: datetime) -> None:
    async with log.database.transaction() as connection:
        await bind_every_tenant(connection)
        await remove_keys_before(connection, moment)


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
