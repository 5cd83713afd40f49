"""The WebSocket of events over a real connection on loopback; the outbox lives in memory."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import pytest
from tests.server_parts import OTHER_TENANT, Edge, an_event, until
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from phoenix_platform.agent.http_server import serving
from phoenix_platform.server.event_feed import feed


@asynccontextmanager
async def running(edge: Edge) -> AsyncGenerator[str]:
    """The application on a port, with its feed."""
    async with serving(cast("Any", edge.app())) as port:
        feeding = asyncio.create_task(feed(edge.hub, edge.events, edge.events.follow))
        yield f"ws://127.0.0.1:{port}/api/v1/events"
        feeding.cancel()


def watch(url: str, topics: str, *, after: int | None = None, who: str = "admin") -> Any:
    query = f"?topics={topics}" + ("" if after is None else f"&after={after}")
    return connect(
        url + query,
        additional_headers={"Authorization": f"Bearer {who}"},
        open_timeout=20,
        max_queue=None,  # else what was not read holds up the closing
    )


async def receive(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(20):
        return msgspec.json.decode(await socket.recv(), type=dict[str, Any])


async def positions(socket: ClientConnection, count: int) -> list[int]:
    return [(await receive(socket))["position"] for _ in range(count)]


async def test_who_watches_hears_of_its_topics_and_gets_a_cursor_at_once() -> None:
    edge = Edge()
    edge.events.add(an_event())
    async with running(edge) as url:
        await until(lambda: edge.hub.settled == 1)
        async with watch(url, "hosts,experiment:7") as socket:
            assert await receive(socket) == {"kind": "subscribed", "position": 1}
            edge.events.add(
                an_event(payload={"name": "h1"}),
                an_event(topic="experiment:8"),
                an_event(tenant_id=OTHER_TENANT),
                an_event(topic="experiment:7", kind="experiment.phase-changed"),
            )
            first, second = await receive(socket), await receive(socket)
    assert (first["position"], first["payload"]) == (2, {"name": "h1"})
    assert (second["position"], second["kind"]) == (5, "experiment.phase-changed")


async def test_a_cursor_resumes_without_a_gap_or_a_duplicate_while_events_come() -> None:
    edge = Edge(max_backlog=10_000)
    edge.events.add(*(an_event() for _ in range(450)))
    async with running(edge) as url:
        await until(lambda: edge.hub.settled == 450)
        got: list[int] = []
        cursor = 0
        for _ in range(5):
            async with watch(url, "hosts", after=cursor) as socket:
                assert await receive(socket) == {"kind": "subscribed", "position": cursor}
                edge.events.add(*(an_event() for _ in range(50)))
                got += await positions(socket, 140)
                cursor = got[-1]
    assert got == list(range(1, 701))


async def test_a_cursor_before_the_hub_of_this_process_waits_for_it() -> None:
    edge = Edge()
    edge.events.add(*(an_event() for _ in range(5)))
    async with serving(cast("Any", edge.app())) as port:
        url = f"ws://127.0.0.1:{port}/api/v1/events"
        async with watch(url, "hosts", after=3) as socket:
            assert (await receive(socket))["position"] == 3
            feeding = asyncio.create_task(feed(edge.hub, edge.events, edge.events.follow))
            assert await positions(socket, 2) == [4, 5]
            feeding.cancel()


async def test_a_slow_subscriber_is_cut_off_and_resumes_where_it_was() -> None:
    edge = Edge(max_backlog=20, flush_seconds=0.2)
    async with running(edge) as url:
        async with watch(url, "hosts") as slow, watch(url, "hosts") as other:
            await receive(slow)
            await receive(other)
            edge.events.add(an_event())
            assert await positions(slow, 1) == [1]
            edge.events.add(*(an_event() for _ in range(50)))
            with pytest.raises(ConnectionClosed) as closed:
                await positions(slow, 50)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013
        assert edge.hub.cut_off == 2
        async with watch(url, "hosts", after=1) as again:
            await receive(again)
            assert await positions(again, 50) == list(range(2, 52))
    assert edge.hub.subscribers == 0


async def test_sample_events_come_as_one_when_they_come_faster_than_they_are_sent() -> None:
    edge = Edge(max_backlog=5, flush_seconds=0.3)
    async with running(edge) as url, watch(url, "experiments") as socket:
        await receive(socket)
        edge.events.add(an_event("experiments", "samples.added"))
        assert await positions(socket, 1) == [1]
        edge.events.add(*(an_event("experiments", "samples.added") for _ in range(200)))
        edge.events.add(an_event("experiments", "experiment.phase-changed"))
        assert await positions(socket, 2) == [201, 202]


async def test_an_idle_subscriber_hears_a_heartbeat_with_a_cursor_to_resume_from() -> None:
    edge = Edge(heartbeat_seconds=0.05)
    async with running(edge) as url, watch(url, "hosts") as socket:
        await receive(socket)
        edge.events.add(an_event("pipelines"))
        await until(lambda: edge.hub.settled == 1)
        beats = [await receive(socket) for _ in range(4)]
    assert {one["kind"] for one in beats} == {"heartbeat"}
    assert beats[-1]["position"] == 1


async def test_what_a_client_says_is_dropped() -> None:
    edge = Edge()
    async with running(edge) as url, watch(url, "hosts") as socket:
        await receive(socket)
        await socket.send("hello")
        edge.events.add(an_event())
        assert await positions(socket, 1) == [1]


async def test_a_process_that_goes_away_says_so() -> None:
    edge = Edge()
    async with running(edge) as url, watch(url, "hosts") as socket:
        await receive(socket)
        edge.hub.closing.set()
        with pytest.raises(ConnectionClosed) as closed:
            await receive(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


async def test_who_is_no_longer_signed_in_watches_no_longer() -> None:
    edge = Edge(reauthenticate_seconds=0.02)
    async with running(edge) as url, watch(url, "hosts") as socket:
        await receive(socket)
        edge.tokens.revoked.add("admin")
        with pytest.raises(ConnectionClosed) as closed:
            await receive(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize(
    ("topics", "after", "token", "status", "code"),
    [
        pytest.param("hosts", None, "nobody", 401, "not-signed-in", id="unknown"),
        pytest.param("audit", None, "viewer", 403, "forbidden", id="may-not"),
        pytest.param("", None, "admin", 422, "invalid-input", id="no-topic"),
        pytest.param("nodes", None, "admin", 422, "invalid-input", id="unknown-topic"),
        pytest.param("hosts", -1, "admin", 422, "invalid-input", id="no-position"),
        pytest.param("hosts", 99, "admin", 409, "conflict", id="from-another-database"),
        pytest.param("hosts", 1, "admin", 404, "events-gone", id="too-old"),
    ],
)
async def test_who_cannot_watch_is_told_why_before_the_connection_is_open(
    topics: str, after: int | None, token: str, status: int, code: str
) -> None:
    edge = Edge()
    edge.events.add(*(an_event() for _ in range(5)))
    edge.events.removed = 3
    async with serving(cast("Any", edge.app())) as port:
        url = f"ws://127.0.0.1:{port}/api/v1/events"
        with pytest.raises(InvalidStatus) as refused:
            await watch(url, topics, after=after, who=token)
    problem = msgspec.json.decode(refused.value.response.body or b"{}")
    assert (refused.value.response.status_code, problem["code"]) == (status, code)


async def test_one_subscriber_too_many_is_sent_to_another_replica() -> None:
    edge = Edge(max_subscribers=1)
    async with running(edge) as url, watch(url, "hosts") as socket:
        await receive(socket)
        with pytest.raises(InvalidStatus) as refused:
            await watch(url, "hosts")
    assert refused.value.response.status_code == 503
    assert refused.value.response.headers["Retry-After"] == "2"
