import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import httpx
import pytest
from tests.builders import NOON, SECOND, FakeProcess, a_scrape
from tests.oracle.plain_decoder import PlainDecoder

from phoenix_platform.agent.background import BackgroundTasks
from phoenix_platform.agent.http_server import serving
from phoenix_platform.agent.ports import LOOPBACK
from phoenix_platform.agent.relay import MAX_WAITING_SCRAPES, Relay
from phoenix_platform.metering.meter import Meter, MeterSettings, VariantTiming
from phoenix_platform.metering.samples import Sample, Variant
from phoenix_platform.otlp.deliveries import Accepted, Answer, Delivery, PartiallyAccepted, TryLater
from phoenix_platform.otlp.receiver import OtlpReceiver

PATH = "/v1/metrics"
EVERY_SECOND = VariantTiming(emits_every=timedelta(seconds=1))


class Peer:
    """A variant that answers as told and keeps what it got."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.bodies: list[bytes] = []
        self.was_asked = asyncio.Event()
        self.is_open = asyncio.Event()
        self.is_open.set()

    async def take(self, delivery: Delivery) -> Answer:
        self.was_asked.set()
        await self.is_open.wait()
        self.bodies.append(delivery.body)
        return self.answer


class RelayBench:
    def __init__(self, relay: Relay, meter: Meter) -> None:
        self.relay, self.meter = relay, meter
        self.bodies: list[bytes] = []

    def offer(self) -> None:
        at = NOON + len(self.bodies) * SECOND
        body = a_scrape([FakeProcess(pid=1)], at)
        scrape = self.meter.take_scrape(body, now=at)
        assert scrape is not None
        self.bodies.append(body)
        self.relay.offer(scrape, body)

    def acknowledged(self) -> list[bool]:
        samples: list[Sample] = self.meter.close_due(now=NOON + 3600 * SECOND)
        return [one.acknowledged for one in samples if one.variant is Variant.CANDIDATE]


@asynccontextmanager
async def relaying_to(
    receiver: OtlpReceiver, *, patience: float = 5.0
) -> AsyncGenerator[RelayBench]:
    meter = Meter(
        MeterSettings(
            host="test", interval=timedelta(seconds=1), timings=dict.fromkeys(Variant, EVERY_SECOND)
        ),
        PlainDecoder,
        began_unix_nano=NOON,
    )
    async with serving(receiver) as port, httpx.AsyncClient(trust_env=False) as client:
        url = f"http://{LOOPBACK}:{port}{PATH}"
        async with BackgroundTasks() as tasks:
            relay = Relay(Variant.CANDIDATE, url, meter, client, timeout=patience)
            tasks.start(relay.run(), name="relay")
            yield RelayBench(relay, meter)
            tasks.check()


async def eventually(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 - what is waited for happens in another task
            await asyncio.sleep(0.01)


async def test_the_same_bytes_arrive_in_their_order() -> None:
    peer = Peer(Accepted())
    async with relaying_to(OtlpReceiver({PATH: peer.take})) as bench:
        for _ in range(4):
            bench.offer()
        await eventually(lambda: len(peer.bodies) == 4)
        await asyncio.sleep(0)
        assert peer.bodies == bench.bodies
        await eventually(lambda: bench.relay.is_idle)
        assert bench.acknowledged() == [True] * 3
        assert (bench.relay.lost_scrapes, bench.relay.refused_scrapes) == (0, 0)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(PartiallyAccepted(3, "no"), "only part of the points was taken", id="partial"),
        pytest.param(TryLater(timedelta(seconds=1)), "HTTP 503", id="try-later"),
    ],
)
async def test_what_was_not_taken_whole_is_not_acknowledged(answer: Answer, reason: str) -> None:
    peer = Peer(answer)
    async with relaying_to(OtlpReceiver({PATH: peer.take})) as bench:
        bench.offer()
        bench.offer()
        await eventually(lambda: bench.relay.refused_scrapes == 2)
        assert bench.relay.last_refusal is not None
        assert bench.relay.last_refusal.startswith(reason[:5])
        assert bench.acknowledged() == [False]
        assert (bench.relay.answers, bench.relay.turned_away_scrapes) == (2, 2)


async def test_a_slow_variant_loses_the_newest_scrapes_and_they_are_counted() -> None:
    peer = Peer(Accepted())
    peer.is_open.clear()
    async with relaying_to(OtlpReceiver({PATH: peer.take})) as bench:
        bench.offer()
        await peer.was_asked.wait()
        for _ in range(MAX_WAITING_SCRAPES + 3):
            bench.offer()
        assert bench.relay.lost_scrapes == 3
        peer.is_open.set()
        await eventually(lambda: len(peer.bodies) == MAX_WAITING_SCRAPES + 1)
        assert peer.bodies == bench.bodies[: MAX_WAITING_SCRAPES + 1]


async def test_a_variant_that_does_not_answer_in_time_did_not_take_it() -> None:
    peer = Peer(Accepted())
    peer.is_open.clear()
    async with relaying_to(OtlpReceiver({PATH: peer.take}), patience=0.1) as bench:
        bench.offer()
        await eventually(lambda: bench.relay.refused_scrapes == 1)
        assert bench.relay.last_refusal == "no answer within 0.1 s"
        assert (bench.relay.answers, bench.relay.turned_away_scrapes) == (0, 0)
        peer.is_open.set()


async def test_nobody_there_is_a_refusal_with_the_reason() -> None:
    meter = Meter(
        MeterSettings(
            host="test", interval=timedelta(seconds=1), timings=dict.fromkeys(Variant, EVERY_SECOND)
        ),
        PlainDecoder,
        began_unix_nano=NOON,
    )
    async with httpx.AsyncClient(trust_env=False) as client, BackgroundTasks() as tasks:
        relay = Relay(Variant.BASELINE, f"http://{LOOPBACK}:1{PATH}", meter, client, timeout=1)
        tasks.start(relay.run(), name="relay")
        RelayBench(relay, meter).offer()
        await eventually(lambda: relay.refused_scrapes == 1)
        assert relay.last_refusal is not None
        assert relay.last_refusal.startswith("ConnectError")


async def test_the_failure_of_a_background_task_is_seen() -> None:
    async def fail() -> None:
        raise RuntimeError("broken")

    async with BackgroundTasks() as tasks:
        tasks.start(fail(), name="fails")
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="broken"):
            tasks.check()
