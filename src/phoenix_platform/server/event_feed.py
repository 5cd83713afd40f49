"""From the outbox to the hub of this process: in order, each once, however many replicas there are.

Runs as a job beside the server. A lost announcement only delays, since the outbox is read at the poll interval anyway.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.server.hub import Hub, PublishedEvent

_BATCH: Final = 500
_log = structlog.get_logger("phoenix.events")


class PublishedEvents(Protocol):
    """The outbox as those who read it see it; positions have no gaps and never change."""

    async def newest(self) -> int:
        """Position of the newest event; 0 if there is none."""
        ...

    async def oldest(self) -> int:
        """Position of the oldest event that is still kept; 0 if there is none."""
        ...

    async def read(self, after: int, limit: int) -> Sequence[PublishedEvent]:
        """Events of all tenants behind a position, in order."""
        ...

    async def history(
        self, tenant_id: TenantId, topics: frozenset[str], *, after: int, through: int, limit: int
    ) -> Sequence[PublishedEvent]:
        """Events of one tenant on these topics, with positions in (after, through], in order."""
        ...

    async def wait(self, seconds: float) -> None:
        """Return when something new was announced, or this time is over."""
        ...


async def feed(hub: Hub, events: PublishedEvents, *, poll_seconds: float) -> None:
    """Publish what comes into the outbox, until cancelled."""
    is_away = False
    while True:
        try:
            batch = await events.read(hub.settled, _BATCH)
            if is_away:
                _log.info("outbox is read again")
                is_away = False
            if batch:
                await hub.publish(batch)
            else:
                await events.wait(poll_seconds)
        except UnavailableError as error:
            if not is_away:
                _log.warning("outbox cannot be read", error=str(error))
                is_away = True
            await asyncio.sleep(poll_seconds * random.uniform(0.5, 1.5))  # noqa: S311 - spreads replicas, hides nothing
