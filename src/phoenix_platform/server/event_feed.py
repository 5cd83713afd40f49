"""From the outbox to the hub of this process: in order, each once, however many replicas there are.

Runs as a job beside the server. A lost announcement only delays, since the outbox is polled anyway.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Protocol, TypeAlias

import structlog

from phoenix_platform.adapters.sql.outbox import EventsGoneError, PublishedEvent
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.server.hub import Hub

_log = structlog.get_logger("phoenix.events")


class PublishedEvents(Protocol):
    """What was published, as those who read it see it: `adapters.sql.outbox.EventLog`."""

    async def newest(self) -> int: ...
    async def after(
        self, position: int, *, limit: int = 1000, tenant_id: TenantId | None = None
    ) -> Sequence[PublishedEvent]: ...


Follow: TypeAlias = Callable[[int], AsyncGenerator[Sequence[PublishedEvent]]]
"""What is published behind a position, piece by piece, as it comes."""


class Listener(Protocol):
    """A part of this process that must know at once, such as the memory of tokens."""

    def hear(self, topic: str, kind: str) -> None: ...
    def forget_all(self) -> None:
        """Events were missed."""
        ...


async def feed(
    hub: Hub,
    events: PublishedEvents,
    follow: Follow,
    *,
    listeners: Sequence[Listener] = (),
    retry_seconds: float = 1.0,
) -> None:
    """Publish what comes into the outbox, until cancelled."""
    is_away = False
    while True:
        try:
            async for batch in follow(hub.settled):
                if is_away:
                    _log.info("outbox is read again")
                    is_away = False
                for published in batch:
                    for listener in listeners:
                        listener.hear(published.event.topic, published.event.kind)
                await hub.publish(batch)
        except EventsGoneError:
            _log.warning("events were missed while this process stood still")
            for listener in listeners:
                listener.forget_all()
            hub.skip_to(await events.newest())
        except UnavailableError as error:
            if not is_away:
                _log.warning("outbox cannot be read", error=str(error))
                is_away = True
            await asyncio.sleep(retry_seconds * (0.5 + secrets.randbelow(1000) / 1000))
