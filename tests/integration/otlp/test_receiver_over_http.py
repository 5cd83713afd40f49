import asyncio
import gzip
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import zstandard

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.http_server import serving
from phoenix_platform.otlp.decoding import Decoder
from phoenix_platform.otlp.deliveries import Accepted, Answer, Delivery
from phoenix_platform.otlp.receiver import OtlpReceiver

BODY = (Path(__file__).parents[2] / "recorded" / "otlp" / "process_default_t0.pb").read_bytes()
POINTS = 175
PATH = "/v1/metrics"
PACKED = {
    "identity": BODY,
    "gzip": gzip.compress(BODY),
    "zstd": zstandard.ZstdCompressor().compress(BODY),
}
SCRAPER = """
receivers:
  host_metrics:
    collection_interval: 1s
    initial_delay: 0s
    scrapers:
      process: {{mute_process_all_errors: true}}
exporters:
  otlp_http:
    endpoint: http://127.0.0.1:{port}
    compression: {compression}
    encoding: {encoding}
service:
  pipelines:
    metrics: {{receivers: [host_metrics], exporters: [otlp_http]}}
  telemetry:
    metrics: {{level: none}}
"""


class Meter:
    """A sink that counts points, as metering does."""

    def __init__(self) -> None:
        self.decoder = Decoder()
        self.deliveries: asyncio.Queue[tuple[Delivery, int]] = asyncio.Queue()

    async def take(self, delivery: Delivery) -> Answer:
        self.deliveries.put_nowait((delivery, len(self.decoder.decode(delivery.body))))
        return Accepted()


@asynccontextmanager
async def client_of(meter: Meter) -> AsyncGenerator[httpx.AsyncClient]:
    async with (
        serving(OtlpReceiver({PATH: meter.take})) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        client.headers["content-type"] = "application/x-protobuf"
        yield client


@pytest.mark.parametrize("encoding", PACKED)
async def test_a_recorded_body_arrives_whole(encoding: str) -> None:
    meter = Meter()
    async with client_of(meter) as client:
        packed = PACKED[encoding]
        answer = await client.post(PATH, content=packed, headers={"content-encoding": encoding})
        assert (answer.status_code, answer.content) == (200, b"")
    delivery, points = meter.deliveries.get_nowait()
    assert (delivery.wire_bytes, points) == (len(packed), POINTS)


async def test_a_malformed_body_is_answered_and_the_connection_lives_on() -> None:
    meter = Meter()
    async with client_of(meter) as client:
        refused = await client.post(PATH, content=BODY[:-1])
        assert refused.status_code == 400
        assert b"a length reaches beyond its message, at byte" in refused.content
        assert (await client.post(PATH, content=BODY)).status_code == 200


async def test_the_sender_of_a_body_beyond_the_limit_gets_the_answer() -> None:
    meter = Meter()
    async with client_of(meter) as client:
        refused = await client.post(PATH, content=bytes(16 * 1024 * 1024 + 1))
        assert refused.status_code == 413
        assert (await client.post(PATH, content=BODY)).status_code == 200


@pytest.mark.collector
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("compression", "encoding"),
    [("none", "proto"), ("gzip", "proto"), ("zstd", "proto"), ("none", "json"), ("gzip", "json")],
)
async def test_scrapes_of_a_real_collector_arrive(
    compression: str, encoding: str, collector: CollectorBinary, tmp_path: Path
) -> None:
    meter = Meter()
    async with serving(OtlpReceiver({PATH: meter.take})) as port:
        configuration = tmp_path / "collector.yaml"
        configuration.write_text(
            SCRAPER.format(port=port, compression=compression, encoding=encoding), "utf-8"
        )
        running = await asyncio.create_subprocess_exec(
            collector.path, "--config", configuration, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            _, first = await asyncio.wait_for(meter.deliveries.get(), 120)
            _, second = await asyncio.wait_for(meter.deliveries.get(), 120)
        finally:
            running.terminate()
            await running.wait()
    names = {meter.decoder.table.series(row).metric for row in range(len(meter.decoder.table))}
    assert min(first, second) > 0
    assert {"process.cpu.time", "process.memory.usage"} <= names
