import asyncio

import msgspec
import pytest
from tests.server_parts import OTHER_TENANT, TENANT, an_event

from phoenix_platform.adapters.sql.outbox import PublishedEvent
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.server.hub import Hub, message_of


def published(*topics: str, start: int = 1, kind: str = "host.changed") -> list[PublishedEvent]:
    return [
        PublishedEvent(start + index, an_event(topic, kind)) for index, topic in enumerate(topics)
    ]


async def test_a_subscriber_gets_the_topics_it_asked_for_in_order() -> None:
    hub = Hub(max_backlog=10, max_subscribers=10)
    with hub.subscribed(TENANT, frozenset({"hosts", "audit"}), None) as (subscription, past):
        await hub.publish(published("hosts", "pipelines", "audit"))
        assert past == 0
        assert [one.position for one in subscription.take()] == [1, 3]


async def test_another_tenants_events_reach_nobody() -> None:
    hub = Hub(max_backlog=10, max_subscribers=10)
    with hub.subscribed(OTHER_TENANT, frozenset({"hosts"}), None) as (subscription, _):
        await hub.publish(published("hosts"))
        assert subscription.take() == []


async def test_a_full_backlog_cuts_the_subscriber_off_and_nobody_else() -> None:
    hub = Hub(max_backlog=2, max_subscribers=10)
    topics = frozenset({"hosts"})
    with (
        hub.subscribed(TENANT, topics, None) as (slow, _),
        hub.subscribed(TENANT, topics, None) as (quick, _),
    ):
        for start in range(1, 5):
            await hub.publish(published("hosts", start=start))
            assert len(quick.take()) == 1
        assert slow.overflowed.is_set()
        assert slow.take() == []
        assert hub.cut_off == 1


async def test_of_samples_added_only_the_newest_of_a_topic_waits_and_positions_grow() -> None:
    hub = Hub(max_backlog=3, max_subscribers=10)
    with hub.subscribed(TENANT, frozenset({"experiments", "hosts"}), None) as (subscription, _):
        for start in range(1, 100, 2):
            await hub.publish(published("experiments", start=start, kind="samples.added"))
        await hub.publish(published("hosts", start=101))
        await hub.publish(published("experiments", start=102, kind="samples.added"))
        assert [one.position for one in subscription.take()] == [101, 102]
        assert not subscription.overflowed.is_set()


async def test_nothing_at_or_before_the_cursor_is_offered_again() -> None:
    hub = Hub(max_backlog=10, max_subscribers=10)
    with hub.subscribed(TENANT, frozenset({"hosts"}), 3) as (subscription, past):
        await hub.publish(published("hosts", "hosts", "hosts", "hosts"))
        assert (past, [one.position for one in subscription.take()]) == (0, [4])


async def test_who_subscribes_while_events_are_handed_out_misses_none() -> None:
    hub = Hub(max_backlog=10, max_subscribers=2000)
    topics = frozenset({"hosts"})
    with_many = [hub.subscribed(TENANT, topics, None) for _ in range(600)]
    for one in with_many:
        one.__enter__()
    publishing = asyncio.create_task(hub.publish(published("hosts", "hosts", "hosts")))
    await asyncio.sleep(0)
    assert 0 < hub.position < 3, "handing out yields to others"
    with hub.subscribed(TENANT, topics, None) as (late, past):
        await publishing
        live = [one.position for one in late.take()]
    assert [*range(1, past + 1), *live] == [1, 2, 3]
    for one in with_many:
        one.__exit__(None, None, None)
    assert hub.subscribers == 0


async def test_one_subscriber_too_many_is_refused() -> None:
    hub = Hub(max_backlog=10, max_subscribers=1)
    with hub.subscribed(TENANT, frozenset({"hosts"}), None):
        with pytest.raises(UnavailableError, match="1 subscribers are there already"):
            hub.subscribed(TENANT, frozenset({"hosts"}), None).__enter__()
        assert hub.subscribers == 1
    assert hub.subscribers == 0


async def test_waiting_ends_when_something_comes_or_the_time_is_over() -> None:
    hub = Hub(max_backlog=10, max_subscribers=1)
    with hub.subscribed(TENANT, frozenset({"hosts"}), None) as (subscription, _):
        assert not await subscription.wait(0.001)
        await hub.publish(published("hosts"))
        assert await subscription.wait(60)
        assert (subscription.backlog, hub.largest_backlog) == (1, 1)


def test_a_message_carries_its_cursor() -> None:
    text = message_of(PublishedEvent(7, an_event(payload={"name": "h1"}))).text
    view = msgspec.json.decode(text)
    assert (view["position"], view["topic"], view["payload"]) == (7, "hosts", {"name": "h1"})
