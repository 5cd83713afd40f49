import asyncio
from dataclasses import dataclass, field

import structlog
from tests.server_parts import TENANT, MemoryEvents, an_event, until

from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.server.event_feed import feed
from phoenix_platform.server.hub import Hub


async def test_what_comes_into_the_outbox_reaches_the_hub_once_and_in_order() -> None:
    hub, events = Hub(max_backlog=10_000, max_subscribers=1), MemoryEvents()
    events.add(an_event())
    hub.start_at(1)
    job = asyncio.create_task(feed(hub, events, events.follow))
    with hub.subscribed(TENANT, frozenset({"hosts"}), None) as (subscription, _):
        events.add(*(an_event() for _ in range(1200)))
        await until(lambda: hub.settled == 1201)
        assert [one.position for one in subscription.take()] == list(range(2, 1202))
    job.cancel()


async def test_an_outbox_that_is_away_is_read_again_and_told_once() -> None:
    hub, events = Hub(max_backlog=10, max_subscribers=1), MemoryEvents()
    events.fails = [UnavailableError("database: away") for _ in range(5)]
    events.add(an_event())
    with structlog.testing.capture_logs() as logs:
        job = asyncio.create_task(feed(hub, events, events.follow, retry_seconds=0.001))
        await until(lambda: hub.settled == 1)
        job.cancel()
    assert [line["event"] for line in logs] == ["outbox cannot be read", "outbox is read again"]


@dataclass(slots=True)
class Memory:
    heard: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    forgot: int = 0

    def hear(self, topic: str, kind: str) -> None:
        self.heard.append((topic, kind))

    def forget_all(self) -> None:
        self.forgot += 1


async def test_other_parts_hear_of_every_event() -> None:
    hub, events, memory = Hub(max_backlog=10, max_subscribers=1), MemoryEvents(), Memory()
    events.add(an_event("user:1", "user.changed"), an_event())
    job = asyncio.create_task(feed(hub, events, events.follow, listeners=[memory]))
    await until(lambda: hub.settled == 2)
    job.cancel()
    assert memory.heard == [("user:1", "user.changed"), ("hosts", "host.changed")]


async def test_a_process_that_stood_still_too_long_sends_everybody_to_read_the_state_afresh() -> (
    None
):
    hub, events, memory = Hub(max_backlog=10, max_subscribers=1), MemoryEvents(), Memory()
    events.add(*(an_event() for _ in range(10)))
    events.removed = 5
    with hub.subscribed(TENANT, frozenset({"hosts"}), None) as (subscription, _):
        job = asyncio.create_task(feed(hub, events, events.follow, listeners=[memory]))
        await until(lambda: hub.settled == 10)
        assert subscription.overflowed.is_set()
        events.add(an_event())
        await until(lambda: hub.settled == 11)
        job.cancel()
    assert memory.forgot == 1
