"""Plays the story through real collectors and the real meter, and notes what it sees on the way."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
from tests.builders import SECOND
from tests.ground_truth import story, truth
from tests.ground_truth.pipelines import Case, cases
from tests.ground_truth.story import Point

from phoenix_platform.agent.background import BackgroundTasks
from phoenix_platform.agent.http_server import serving
from phoenix_platform.agent.ports import LOOPBACK, free_ports
from phoenix_platform.agent.relay import Relay
from phoenix_platform.agent.supervision import Collector, CollectorSpec
from phoenix_platform.metering.meter import Meter, MeterSettings
from phoenix_platform.metering.patterns import parse_pattern
from phoenix_platform.metering.readings import Reading
from phoenix_platform.metering.samples import Sample, Variant
from phoenix_platform.otlp.decoding import Decoder
from phoenix_platform.otlp.deliveries import Accepted, Answer, Delivery
from phoenix_platform.otlp.receiver import OtlpReceiver
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.self_telemetry import self_telemetry

PRODUCTION_INTERVAL: Final = timedelta(seconds=4)
LATE_SCRAPE, SENT_AGAIN_AFTER = 2, 9
"""A collector is given this scrape once more after that one: its points come too late."""
REPEATED_SCRAPE: Final = 4
HOUR: Final = 3600 * SECOND
_SETTLE_SECONDS: Final = 5.0
"""After the last scrape: longer than anything holds a point back."""


class StoryClock:
    """The real time, moved to ten minutes past an hour: no window ends while the story is played."""

    def __init__(self) -> None:
        now = time.time_ns()
        self._moved = now // HOUR * HOUR + 600 * SECOND - now

    def now(self) -> int:
        return time.time_ns() + self._moved


@dataclass(slots=True)
class Stage:
    """One case under way."""

    case: Case
    meter: Meter
    clock: "StoryClock"
    samples: list[Sample] = field(default_factory=list[Sample])
    arrivals: list[truth.Arrival] = field(default_factory=list[truth.Arrival])
    late: dict[int, int] = field(default_factory=lambda: defaultdict[int, int](int))
    late_since_close: int = 0
    closed_before: int = 0
    scrape_of: Mapping[int, int] = field(default_factory=dict[int, int])
    last_given: tuple[int, int, int] = (0, 0, 0)
    """Number, first and last time of the scrape that the collector was given last."""

    async def take_output(self, delivery: Delivery) -> Answer:
        at = self.clock.now()
        points = story.decoded(delivery.body)
        numbers = self._scrapes_of(points)
        late = [number for number in numbers if number < self.closed_before]
        self.late_since_close += len(late)
        if points and not late:
            self.arrivals.append(
                truth.Arrival(at=at, points=points, scrapes=numbers, body_bytes=len(delivery.body))
            )
        assert len(late) in (0, len(points)), "the story's requests are late as a whole or not"
        self.meter.take_output(Variant.CANDIDATE, delivery.body, now=self.clock.now())
        return Accepted()

    def _scrapes_of(self, points: Sequence[Point]) -> list[int]:
        """By the times; a request within an interval before the last scrape is of that one (ADR 0002)."""
        number, first, last = self.last_given
        times = [point.time for point in points]
        if all(first - SECOND < time <= last for time in times):
            return [number] * len(points)
        return [self.scrape_of[time] for time in times]

    def keep(self, closed: Sequence[Sample]) -> None:
        for sample in closed:
            self.samples.append(sample)
            self.late[sample.scrape], self.late_since_close = self.late_since_close, 0
            self.closed_before = sample.scrape + sample.scrapes

    def given(self, scrapes: Sequence[Sequence[Point]]) -> truth.Given:
        per_span = self.meter.scrapes_per_span
        every = self.case.timing.relay_every
        left: dict[int, list[Point]] = defaultdict(list)
        if self.case.model is None:
            for arrival in self.arrivals:
                for number, point in zip(arrival.scrapes, arrival.points, strict=True):
                    left[number].append(point)
        else:
            for number in range(every - 1, len(scrapes), every):
                left[number] = list(self.case.model(scrapes[number]))
        production = PRODUCTION_INTERVAL // timedelta(seconds=1)
        multiples = range(0, len(scrapes), production)
        firsts = range(0, len(scrapes), per_span)
        return truth.Given(
            scrapes=scrapes,
            out=left,
            arrivals=self.arrivals,
            relay_every=every,
            per_span=per_span,
            late=self.late,
            counted=frozenset(next((f for f in firsts if f >= m), -1) for m in multiples),
        )


@dataclass(frozen=True, slots=True)
class Played:
    """What the meter says of one case, and what is true."""

    case: Case
    samples: Sequence[Sample]
    truth: Sequence[Mapping[str, Any]]
    irregularities: Mapping[str, int]


async def play(binary: Path, folder: Path) -> list[Played]:
    """Run the whole story once through a collector for each case; about 25 seconds."""
    async with AsyncExitStack() as stack:
        clock = StoryClock()
        stages = [Stage(case, _meter(case, clock), clock) for case in cases()]
        sinks = {f"/{number}": stage.take_output for number, stage in enumerate(stages)}
        port = await stack.enter_async_context(serving(OtlpReceiver(sinks)))
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        ports = free_ports(2 * len(stages))
        urls: list[str] = []
        for number, stage in enumerate(stages):
            listen, telemetry = ports[2 * number], ports[2 * number + 1]
            config = _config(stage.case, listen, telemetry, f"http://{LOOPBACK}:{port}/{number}")
            file = folder / f"{number}.yaml"
            file.write_text(write_document(config), "utf-8")
            collector = Collector(
                CollectorSpec(
                    name=stage.case.name,
                    binary=binary,
                    config=file,
                    telemetry_url=f"http://{LOOPBACK}:{telemetry}/metrics",
                    environment={},
                    working_folder=folder,
                )
            )
            stack.push_async_callback(collector.stop)
            await collector.start(client)
            urls.append(f"http://{LOOPBACK}:{listen}/v1/metrics")
        tasks = await stack.enter_async_context(BackgroundTasks())
        relays: list[Relay] = []
        for stage, url in zip(stages, urls, strict=True):
            relay = Relay(Variant.CANDIDATE, url, stage.meter, client, timeout=5)
            tasks.start(relay.run(), name=stage.case.name)
            relays.append(relay)
        # 0.3 s behind a whole second: times cut to the second still tell the scrapes apart.
        base = (clock.now() // SECOND + 2) * SECOND + 3 * SECOND // 10
        scrapes = [story.scrape(number, base) for number in range(story.SCRAPES)]
        scrape_of = {point.time: n for n, points in enumerate(scrapes) for point in points}
        scrape_of |= {story.scrape_time(base, n) // SECOND * SECOND: n for n in range(len(scrapes))}
        for stage in stages:
            stage.scrape_of = scrape_of
        ticking = partial(_until, stages, clock)
        for number, points in enumerate(scrapes):
            await ticking(story.scrape_time(base, number) + SECOND // 100)
            body = story.encoded(points)
            for stage, relay in zip(stages, relays, strict=True):
                _relay(stage, relay, number, body)
            if number == SENT_AGAIN_AFTER:
                # Let the scrape itself pass first, so that the two are two requests.
                await ticking(clock.now() + SECOND // 2)
                for url in urls[:2]:
                    late = story.encoded(scrapes[LATE_SCRAPE])
                    headers = {"content-type": "application/x-protobuf"}
                    (await client.post(url, content=late, headers=headers)).raise_for_status()
        await ticking(clock.now() + round(_SETTLE_SECONDS * SECOND))
        tasks.check()
        for stage in stages:
            stage.keep(stage.meter.close_last(now=clock.now() + 10 * SECOND))
    return [
        Played(
            stage.case,
            stage.samples,
            truth.samples(stage.given(scrapes)),
            {
                name: getattr(stage.meter.irregularities, name)
                for name in ("repeated_scrapes", "empty_scrapes", "missed_scrapes", "clock_jumps")
            },
        )
        for stage in stages
    ]


def _relay(stage: Stage, relay: Relay, number: int, body: bytes) -> None:
    scrape = stage.meter.take_scrape(body, now=stage.clock.now())
    assert scrape is not None
    reading = Reading(
        cpu_seconds=float(number**2),
        rss_bytes=1000 * number,
        refused_points=2 * number,
        dropped_points=3 * number,
        queue_full=number % 2 == 0,
    )
    stage.meter.read(Variant.CANDIDATE, number, reading)
    if stage.meter.is_relayed(Variant.CANDIDATE, scrape):
        window = scrape.window
        stage.last_given = (number, window.started_unix_nano, window.ended_unix_nano)
        relay.offer(scrape, body)
    if number == REPEATED_SCRAPE:
        assert stage.meter.take_scrape(body, now=stage.clock.now()) is None
        assert stage.meter.take_scrape(b"", now=stage.clock.now()) is None


async def _until(stages: Sequence[Stage], clock: StoryClock, at: int) -> None:
    while clock.now() < at:
        for stage in stages:
            stage.keep(stage.meter.close_due(now=clock.now()))
        await asyncio.sleep(0.02)


def _meter(case: Case, clock: StoryClock) -> Meter:
    return Meter(
        MeterSettings(
            host="story",
            interval=timedelta(seconds=1),
            timings={Variant.CANDIDATE: case.timing},
            critical=[parse_pattern(name) for name in story.CRITICAL],
            production_interval=PRODUCTION_INTERVAL,
        ),
        Decoder,
        began_unix_nano=clock.now(),
    )


def _config(case: Case, listen: int, telemetry: int, to: str) -> dict[str, Any]:
    return {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"{LOOPBACK}:{listen}"}}}},
        "processors": case.processors,
        "exporters": {
            "otlp_http": {
                "metrics_endpoint": to,
                "compression": "none",
                "sending_queue": {"enabled": True, "num_consumers": 1, "queue_size": 100},
            }
        },
        "service": {
            "pipelines": {
                "metrics": {
                    "receivers": ["otlp"],
                    "processors": list(case.processors),
                    "exporters": ["otlp_http"],
                }
            },
            "telemetry": self_telemetry(port=telemetry, instance="story"),
        },
    }
