import asyncio
import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.builders import SECOND, FakeProcess, a_scrape

from phoenix_platform.agent.background import BackgroundTasks
from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.http_server import serving
from phoenix_platform.agent.ports import LOOPBACK, free_ports
from phoenix_platform.agent.relay import Relay
from phoenix_platform.agent.supervision import Collector, CollectorSpec
from phoenix_platform.agent.telemetry import CollectorCounters, read_counters
from phoenix_platform.metering.meter import Meter, MeterSettings, VariantTiming
from phoenix_platform.metering.samples import Sample, Variant
from phoenix_platform.otlp.decoding import Decoder
from phoenix_platform.otlp.deliveries import Accepted, Answer, Delivery, TryLater
from phoenix_platform.otlp.receiver import OtlpReceiver
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.self_telemetry import self_telemetry

POINTS = 3  # of one process of the builder
PATIENCE = 0.5


class Away:
    """A backend that answers as told."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    async def take(self, delivery: Delivery) -> Answer:
        return self.answer


async def eventually(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.02)


def a_collector(
    binary: Path, folder: Path, to: str, *, queue: dict[str, object], retry: bool
) -> tuple[Collector, str]:
    listen, telemetry = free_ports(2)
    file = folder / "config.yaml"
    exporter = {
        "metrics_endpoint": to,
        "sending_queue": queue,
        "retry_on_failure": {"enabled": retry, "initial_interval": "200ms"},
    }
    config: dict[str, Any] = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"{LOOPBACK}:{listen}"}}}},
        "exporters": {"otlp_http": exporter},
        "service": {
            "pipelines": {"metrics": {"receivers": ["otlp"], "exporters": ["otlp_http"]}},
            "telemetry": self_telemetry(port=telemetry, instance="test"),
        },
    }
    file.write_text(write_document(config), "utf-8")
    spec = CollectorSpec(
        name="candidate",
        binary=binary,
        config=file,
        telemetry_url=f"http://{LOOPBACK}:{telemetry}/metrics",
        environment={},
        working_folder=folder,
    )
    return Collector(spec), f"http://{LOOPBACK}:{listen}/v1/metrics"


@pytest.mark.collector
@pytest.mark.timeout(120)
async def test_what_a_frozen_collector_missed_is_unpaired_and_nothing_is_counted_twice(
    collector: CollectorBinary, tmp_path: Path
) -> None:
    timing = VariantTiming(emits_every=timedelta(seconds=1))
    meter = Meter(
        MeterSettings(
            host="test", interval=timedelta(seconds=1), timings={Variant.CANDIDATE: timing}
        ),
        Decoder,
        began_unix_nano=time.time_ns(),
    )
    arrived = 0

    async def take(delivery: Delivery) -> Answer:
        nonlocal arrived
        meter.take_output(Variant.CANDIDATE, delivery.body, now=time.time_ns())
        arrived += 1
        return Accepted()

    async with (
        serving(OtlpReceiver({"/out": take})) as port,
        httpx.AsyncClient(trust_env=False) as client,
        BackgroundTasks() as tasks,
    ):
        queue: dict[str, object] = {"enabled": True, "num_consumers": 1, "queue_size": 100}
        candidate, url = a_collector(
            collector.path, tmp_path, f"http://{LOOPBACK}:{port}/out", queue=queue, retry=True
        )
        try:
            await candidate.start(client)
            relay = Relay(Variant.CANDIDATE, url, meter, client, timeout=PATIENCE)
            tasks.start(relay.run(), name="relay")
            base = time.time_ns()

            async def play(number: int) -> None:
                body = a_scrape([FakeProcess(pid=1)], base + number * SECOND)
                scrape = meter.take_scrape(body, now=base + number * SECOND)
                assert scrape is not None
                relay.offer(scrape, body)
                await eventually(lambda: relay.is_idle)

            for number in range(3):
                await play(number)
            await eventually(lambda: arrived == 3)
            assert candidate.pid is not None
            os.kill(candidate.pid, signal.SIGSTOP)
            for number in range(3, 6):
                await play(number)
            assert relay.refused_scrapes == 3
            assert relay.last_refusal == f"no answer within {PATIENCE:g} s"
            os.kill(candidate.pid, signal.SIGCONT)
            for number in range(6, 9):
                await play(number)
            await eventually(lambda: arrived >= 6)
        finally:
            await candidate.stop()
        samples: list[Sample] = meter.close_last(now=base + 60 * SECOND)
    assert [one.scrape for one in samples] == list(range(9))
    assert [one.acknowledged for one in samples] == [True] * 3 + [False] * 3 + [True] * 3
    paired = [one for one in samples if one.acknowledged]
    assert {(one.output_points, one.colliding_points) for one in paired} == {(POINTS, 0)}
    assert sum(one.late_points for one in samples) == 0
    assert all(one.output_points in (0, POINTS) for one in samples)


@pytest.mark.collector
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("answer", "queue", "retry", "lost", "is_full"),
    [
        pytest.param(
            TryLater(timedelta(seconds=60)), {"enabled": False}, False, 4 * POINTS, False,
            id="refused-and-not-tried-again",
        ),
        pytest.param(
            TryLater(timedelta(seconds=60)),
            {"enabled": True, "num_consumers": 1, "queue_size": 1},
            True, 3 * POINTS, True,
            id="queue-full",
        ),
        pytest.param(
            Accepted(), {"enabled": True, "num_consumers": 1, "queue_size": 10}, True, 0, False,
            id="all-well",
        ),
    ],
)  # fmt: skip
async def test_lost_points_are_those_of_the_collector_s_own_counters(
    answer: Answer, queue: dict[str, object], lost: int, collector: CollectorBinary,
    tmp_path: Path, *, retry: bool, is_full: bool,
) -> None:  # fmt: skip
    backend = Away(answer)
    async with (
        serving(OtlpReceiver({"/out": backend.take})) as port,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        candidate, url = a_collector(
            collector.path, tmp_path, f"http://{LOOPBACK}:{port}/out", queue=queue, retry=retry
        )
        try:
            await candidate.start(client)
            for number in range(4):
                body = a_scrape([FakeProcess(pid=1)], time.time_ns() + number)
                headers = {"content-type": "application/x-protobuf"}
                await client.post(url, content=body, headers=headers, timeout=30)
            counters = await read_counters(client, candidate.spec.telemetry_url)
        finally:
            await candidate.stop()
    assert isinstance(counters, CollectorCounters)
    assert counters.dropped_points == lost
    assert counters.queue_full is is_full
