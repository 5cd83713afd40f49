"""The catalog's pipelines as a trial runs them, on three recorded scrapes of a real host, through the real collector."""

import gzip
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from re import fullmatch
from threading import Thread
from typing import TypeAlias

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from tests.pipeline_builders import a_request

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.ports import free_ports
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.topologies import VariantPlaces
from phoenix_platform.pipelines.variants import plan_topology

RECORDED = Path(__file__).parents[2] / "recorded" / "otlp"
SCRAPES = [(RECORDED / f"process_default_t{number}.pb").read_bytes() for number in range(3)]
TEMPORALITY_DELTA = 1

Key: TypeAlias = tuple[str, ...]
"""Whatever tells values apart in a test; the first part is the name of the process."""


@dataclass(frozen=True, slots=True)
class Value:
    name: str
    pid: int | None
    metric: str
    dimension: str
    """`state` or `direction`, empty for memory."""
    is_delta: bool
    is_monotonic: bool
    value: float


def values_in(body: bytes) -> Iterator[Value]:
    request = ExportMetricsServiceRequest.FromString(body)
    for resource in request.resource_metrics:
        of_process = {entry.key: entry for entry in resource.resource.attributes}
        for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
            for point in metric.sum.data_points:
                attributes = of_process | {entry.key: entry for entry in point.attributes}
                yield Value(
                    text_of(attributes, "process.executable.name"),
                    attributes["process.pid"].value.int_value
                    if "process.pid" in attributes
                    else None,
                    metric.name,
                    text_of(attributes, "state") + text_of(attributes, "direction"),
                    metric.sum.aggregation_temporality == TEMPORALITY_DELTA,
                    metric.sum.is_monotonic,
                    point.as_double or point.as_int,
                )


def text_of(attributes: dict[str, KeyValue], key: str) -> str:
    return attributes[key].value.string_value if key in attributes else ""


@contextmanager
def meter() -> Generator[tuple[str, list[bytes]]]:
    """A meter that only keeps what it gets: its URL and the bodies, in order."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            bodies.append(gzip.decompress(body))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the inherited name
            """Keep stderr for the test's own words."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", bodies
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def outputs_of(entry: str, collector: CollectorBinary, folder: Path) -> list[list[Value]]:
    """What the entry's collector lets out for each of the three scrapes."""
    configuration = catalog.get(entry).configuration
    otlp_port, telemetry_port = free_ports(2)
    places = VariantPlaces(otlp_port=otlp_port, telemetry_port=telemetry_port, folder=str(folder))
    with meter() as (url, bodies):
        topology = plan_topology(
            configuration,
            configuration,
            a_request(meter_url=url, candidate=places, target=collector.target),
        )
        file = folder / "config.yaml"
        file.write_text(write_document(topology.candidate.config), "utf-8")
        with (folder / "log").open("w") as log:
            process = subprocess.Popen([collector.path, "--config", file], stderr=log)
        try:
            wait_for("Everything is ready", folder / "log")
            for number, scrape in enumerate(SCRAPES):
                send(scrape, otlp_port)
                wait_until_longer(bodies, number)
        finally:
            process.terminate()
            process.wait(10)
    return [list(values_in(body)) for body in bodies]


def wait_for(words: str, log: Path) -> None:
    deadline = time.monotonic() + 20
    while words not in log.read_text("utf-8"):
        assert time.monotonic() < deadline, log.read_text("utf-8")
        time.sleep(0.02)


def wait_until_longer(bodies: list[bytes], length: int) -> None:
    deadline = time.monotonic() + 20
    while len(bodies) <= length:
        assert time.monotonic() < deadline, "the variant let nothing out"
        time.sleep(0.01)


def send(body: bytes, port: int) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/metrics", body, {"content-type": "application/x-protobuf"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
        assert answer.status == 200


def test_the_baseline_lets_everything_out_unchanged(
    collector: CollectorBinary, tmp_path: Path
) -> None:
    outputs = outputs_of("process-baseline-v1", collector, tmp_path)
    assert [Counter(values) for values in outputs] == [Counter(values_in(body)) for body in SCRAPES]


def test_priority_keeps_its_names_unchanged_and_drops_the_rest(
    collector: CollectorBinary, tmp_path: Path
) -> None:
    patterns = catalog.get("process-priority-v1").kept_names
    expected = [
        Counter(
            one
            for one in values_in(body)
            if any(fullmatch(pattern, one.name) for pattern in patterns)
        )
        for body in SCRAPES
    ]
    outputs = outputs_of("process-priority-v1", collector, tmp_path)
    assert [Counter(values) for values in outputs] == expected
    assert {one.name for one in outputs[0]} == {"postgres", "nginx", "redis-server"}


def test_the_stock_aggregation_preserves_totals_by_name(
    collector: CollectorBinary, tmp_path: Path
) -> None:
    outputs = outputs_of("process-aggregated-stock-v1", collector, tmp_path)
    for (before, after), output in zip(pairwise(SCRAPES), outputs[1:], strict=True):
        seen = {(one.name, one.metric, one.dimension): one.value for one in output}
        assert len(seen) == len(output), "two points of one name"
        assert seen == pytest.approx(totals(before, after), rel=1e-9, abs=1e-9)
        assert all(one.is_delta == one.is_monotonic for one in output)


def totals(before: bytes, after: bytes) -> dict[Key, float]:
    """By name: increases of counters of processes seen in both scrapes, current values of the rest."""
    started = {(one.pid, one.metric, one.dimension): one.value for one in values_in(before)}
    sums: dict[Key, float] = {}
    for one in values_in(after):
        earlier = started.get((one.pid, one.metric, one.dimension)) if one.is_monotonic else 0.0
        if earlier is not None:
            key = (one.name, one.metric, one.dimension)
            sums[key] = sums.get(key, 0.0) + one.value - earlier
    return sums
