"""A real Prometheus behind `reduce`: what it computes as increase while a process goes kept, rest, kept."""

import http.client
import json
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE
from tests.prometheus_runs import free_port, listens, running, running_prometheus

from phoenix_platform.agent.binaries import CollectorBinary

pytestmark = [pytest.mark.collector, pytest.mark.timeout(180)]

SECOND = 1_000_000_000
RICH, POOR = 10**9, 1
LAST_VALUE_BEFORE_THE_GAP = 1.5
# `anchored`: exactly what the samples say, nothing extrapolated.
INCREASE = (
    "sum by (process_executable_name) (increase(process_cpu_time_seconds_total[10m] anchored))"
)
PROMOTING = "otlp: { promote_resource_attributes: [process.pid, process.executable.name] }\n"

Life: TypeAlias = tuple[int, str, float, int]
"""A process in a scrape: pid, name, CPU seconds so far, resident bytes."""

# Who has more memory is kept. `a` is kept, then rest for two scrapes, then kept again.
ROUND_TRIP: Sequence[Sequence[Life]] = (
    ((1, "a", 1.00, RICH), (2, "b", 5.00, POOR)),
    ((1, "a", 1.50, RICH), (2, "b", 5.01, POOR)),
    ((1, "a", 1.60, POOR), (2, "b", 5.02, POOR + 1)),
    ((1, "a", 1.70, POOR), (2, "b", 5.03, POOR + 1)),
    ((1, "a", 1.80, RICH), (2, "b", 5.04, POOR)),
    ((1, "a", 2.00, RICH), (2, "b", 5.05, POOR)),
)
# The same, but in the interval in which it comes back it does more than it had ever done.
GREAT_RETURN: Sequence[Sequence[Life]] = (
    *ROUND_TRIP[:4],
    ((1, "a", 4.70, RICH), (2, "b", 5.04, POOR)),
    ((1, "a", 4.90, RICH), (2, "b", 5.05, POOR)),
)


def test_a_process_that_comes_back_is_counted_once(
    collector: CollectorBinary, tmp_path: Path
) -> None:
    assert increase_seen(collector, tmp_path, ROUND_TRIP) == {
        "a": pytest.approx(0.5 + 0.1 + 0.2),
        "_other": pytest.approx(0.01 + 0.1 + 0.1 + 0.01 + 0.01),
        # b is kept for two intervals. Its series is new to Prometheus, which takes a first value as the base.
        "b": pytest.approx(0.01),
    }


def test_a_return_above_the_last_value_misses_that_value_once(
    collector: CollectorBinary, tmp_path: Path
) -> None:
    seen = increase_seen(collector, tmp_path, GREAT_RETURN)
    assert seen["a"] == pytest.approx(0.5 + 3.0 + 0.2 - LAST_VALUE_BEFORE_THE_GAP)


def increase_seen(
    collector: CollectorBinary, folder: Path, story: Sequence[Sequence[Life]]
) -> dict[str, float]:
    """What Prometheus computes as increase of CPU time by name."""
    with ExitStack() as stack:
        database = stack.enter_context(running_prometheus(folder, config=PROMOTING)).port
        intake = stack.enter_context(running_collector(collector, folder, database))
        began = time.time_ns() - len(story) * SECOND
        for index, scrape in enumerate(story):
            post(intake, body_of(scrape, began + index * SECOND, began - 100 * SECOND))
        return query(database, INCREASE)


def body_of(scrape: Sequence[Life], at: int, start: int) -> bytes:
    request = ExportMetricsServiceRequest()
    for pid, name, seconds, rss in scrape:
        resource = request.resource_metrics.add()
        resource.resource.attributes.add(key="host.name").value.string_value = "h"
        resource.resource.attributes.add(key="process.pid").value.int_value = pid
        resource.resource.attributes.add(key="process.executable.name").value.string_value = name
        metrics = resource.scope_metrics.add().metrics
        cpu = metrics.add(name="process.cpu.time", unit="s")
        cpu.sum.is_monotonic = True
        cpu.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
        cpu.sum.data_points.add(start_time_unix_nano=start, time_unix_nano=at, as_double=seconds)
        usage = metrics.add(name="process.memory.usage", unit="By")
        usage.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
        usage.sum.data_points.add(start_time_unix_nano=start, time_unix_nano=at, as_int=rss)
    return request.SerializeToString()


@contextmanager
def running_collector(collector: CollectorBinary, folder: Path, database: int) -> Generator[int]:
    port = free_port()
    config = folder / "collector.yaml"
    config.write_text(f"""
receivers: {{ otlp: {{ protocols: {{ http: {{ endpoint: "127.0.0.1:{port}" }} }} }} }}
processors: {{ reduce: {{ top_k: {{ rss: 1, margin: 0, leave_after: 1 }} }} }}
exporters:
  otlp_http:
    endpoint: http://127.0.0.1:{database}/api/v1/otlp
    sending_queue: {{ enabled: false }}
service:
  telemetry: {{ metrics: {{ level: none }}, logs: {{ level: error }} }}
  pipelines: {{ metrics: {{ receivers: [otlp], processors: [reduce], exporters: [otlp_http] }} }}
""")
    with running([str(collector.path), "--config", str(config)], lambda: listens(port)):
        yield port


def post(port: int, body: bytes) -> None:
    status, said = ask(port, "POST", "/v1/metrics", body)
    assert status == http.client.OK, said


def query(port: int, text: str) -> dict[str, float]:
    status, said = ask(port, "GET", f"/api/v1/query?query={quote(text)}")
    assert status == http.client.OK, said
    return {
        one["metric"]["process_executable_name"]: float(one["value"][1])
        for one in json.loads(said)["data"]["result"]
    }


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body, {"Content-Type": "application/x-protobuf"})
        answer = connection.getresponse()
        return answer.status, answer.read()
