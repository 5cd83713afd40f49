"""How many points a second one core of the real collector takes: `reduce`, the stock chain, plain deltas.

    python bench/reduce_binary.py [--collector FILE] [--scrapes 150] [--repeats 3]

otlp -> processors -> nop, the collector on one core, its CPU seconds from /proc: what the machine does besides does
not count. A run of its own sends what `reduce` lets out back to this program, which holds every scrape of it to the
law: for each metric and set of point attributes, the increases that left equal those that came in.
`make reduce-bench` calls it.
"""

import argparse
import http.client
import json
import os
import queue
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final

import numpy as np
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE, Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

ROOT: Final = Path(__file__).resolve().parent.parent
PROCESSES: Final = 1000
POINTS_PER_PROCESS: Final = 7
SECOND: Final = 1_000_000_000
NOON: Final = 1_800_000_000 * SECOND
CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")
NO_RECORDED_VALUE: Final = 1

TOP_K: Final = "reduce: { critical: [worker-7], top_k: { cpu: 10, rss: 5, io: 5 } }"
BY_NAME: Final = "reduce: { group_by: [process.executable.name], output_temporality: delta }"
CHAIN: Final = """cumulative_to_delta: {}
  transform/strip:
    metric_statements:
      - context: datapoint
        statements:
          - set(attributes["process.executable.name"], resource.attributes["process.executable.name"])
          - set(time, TruncateTime(time, Duration("1s")))
          - set(start_time, TruncateTime(start_time, Duration("1s")))
      - context: resource
        statements: ['keep_keys(attributes, ["host.name","service.name"])']
  groupbyattrs: {}
  transform/agg:
    metric_statements:
      - context: metric
        statements: ['aggregate_on_attributes("sum", ["process.executable.name","state","direction"])']"""

VARIANTS: Final = {
    "receiving alone": ("", []),
    "reduce, top-k": (TOP_K, ["reduce"]),
    "reduce, by name": (BY_NAME, ["reduce"]),
    "cumulative_to_delta": ("cumulative_to_delta: {}", ["cumulative_to_delta"]),
    "stock chain, by name": (
        CHAIN,
        ["cumulative_to_delta", "transform/strip", "groupbyattrs", "transform/agg"],
    ),
}


class Host:
    """A host whose work changes, so that who is kept does too; one body per scrape.

    Attributes and metrics are those of the process scraper with its cpu, memory and disk metrics.
    """

    def __init__(self, processes: int = PROCESSES) -> None:
        self.scrapes, self._processes = 0, processes
        self._work = np.zeros((processes, 5), np.int64)  # user, system, wait ticks; read, written
        self._request = ExportMetricsServiceRequest()
        for index in range(processes):
            _add_process(self._request, index)

    def scrape(self) -> ExportMetricsServiceRequest:
        """The next one, a second after the one before; the same object each time."""
        self.scrapes += 1
        random = np.random.default_rng(self.scrapes)
        count = self._processes
        self._work += random.geometric(0.2, (count, 5)) * random.integers(0, 9, (count, 1))
        rss = random.integers(1, 2**33, count)
        at = NOON + self.scrapes * SECOND
        for index, resource in enumerate(self._request.resource_metrics):
            cpu, io, usage, virtual = resource.scope_metrics[0].metrics
            values = self._work[index]
            for point, ticks in zip(cpu.sum.data_points, values[:3], strict=True):
                point.time_unix_nano, point.as_double = at, ticks / 100
            for point, count in zip(io.sum.data_points, values[3:], strict=True):
                point.time_unix_nano, point.as_int = at, int(count) * 4096
            for metric in (usage, virtual):
                point = metric.sum.data_points[0]
                point.time_unix_nano, point.as_int = at, int(rss[index])
        return self._request


def _add_process(request: ExportMetricsServiceRequest, index: int) -> None:
    added = request.resource_metrics.add()
    name = f"worker-{index % 50}"
    _put(added.resource, "host.name", "a")
    _put(added.resource, "process.pid", 1000 + index)
    _put(added.resource, "process.parent_pid", 1)
    _put(added.resource, "process.executable.name", name)
    _put(added.resource, "process.executable.path", f"/usr/lib/workers/{name}")
    _put(added.resource, "process.command", f"/usr/lib/workers/{name}")
    _put(
        added.resource,
        "process.command_line",
        f"/usr/lib/workers/{name} --shard {index} --config {name}.yaml",
    )
    _put(added.resource, "process.owner", "worker")
    metrics = added.scope_metrics.add().metrics
    _add_sum(metrics.add(), "process.cpu.time", "s", "state", ("user", "system", "wait"))
    _add_sum(metrics.add(), "process.disk.io", "By", "direction", ("read", "write"))
    _add_sum(metrics.add(), "process.memory.usage", "By", "", ("",))
    _add_sum(metrics.add(), "process.memory.virtual", "By", "", ("",))


def _put(resource: Resource, key: str, value: str | int) -> None:
    added = resource.attributes.add(key=key)
    if isinstance(value, int):
        added.value.int_value = value
    else:
        added.value.string_value = value


def _add_sum(metric: Metric, name: str, unit: str, key: str, values: tuple[str, ...]) -> None:
    metric.name, metric.unit = name, unit
    metric.sum.is_monotonic = bool(key)
    metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
    for value in values:
        point = metric.sum.data_points.add(start_time_unix_nano=NOON - 1000 * SECOND)
        if key:
            point.attributes.add(key=key).value.string_value = value


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running_collector(
    binary: Path, processors: str, order: list[str], exporter: str, name: str
) -> Iterator[tuple[int, int]]:
    """A collector on one core; its process id and port."""
    port = _free_port()
    text = f"""receivers:
  otlp: {{ protocols: {{ http: {{ endpoint: "127.0.0.1:{port}", max_request_body_size: 100000000 }} }} }}
processors:
  {processors}
exporters:
  {exporter}
service:
  telemetry: {{ metrics: {{ level: none }}, logs: {{ level: error }} }}
  pipelines:
    metrics: {{ receivers: [otlp], processors: {json.dumps(order)}, exporters: [{name}] }}
"""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.yaml")
        config.write_text(text if processors else text.replace("processors:\n  \n", ""))
        core = min(os.sched_getaffinity(0))
        process = subprocess.Popen(
            [
                "env",
                "GOMAXPROCS=1",
                "taskset",
                "-c",
                str(core),
                str(binary),
                "--config",
                str(config),
            ]
        )
        try:
            _wait_for(port, process)
            yield process.pid, port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit(
                f"the collector ended with {process.returncode}; its last words are above"
            )
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("the collector did not listen within a minute")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def send(connection: http.client.HTTPConnection, body: bytes) -> None:
    connection.request("POST", "/v1/metrics", body, {"Content-Type": "application/x-protobuf"})
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != http.client.OK:
        raise SystemExit(f"the collector refused a scrape: {answer.status} {said!r}")


def points_per_cpu_second(binary: Path, variant: str, scrapes: int) -> float:
    """Points taken in, by a second of the collector's CPU; the first tenth of the scrapes warms it up."""
    processors, order = VARIANTS[variant]
    host, warm = Host(), scrapes // 10
    with running_collector(binary, processors, order, "nop: {}", "nop") as (pid, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        for _ in range(warm):
            send(connection, host.scrape().SerializeToString())
        before = _cpu_seconds(pid)
        for _ in range(scrapes):
            send(connection, host.scrape().SerializeToString())
        spent = _cpu_seconds(pid) - before
    return scrapes * PROCESSES * POINTS_PER_PROCESS / spent


@dataclass
class Reader:
    """Increases of a stream as any consumer reads them that knows start times."""

    last: dict[tuple[object, ...], tuple[float, int]] = field(default_factory=dict)
    before: int = 0

    def read(self, request: ExportMetricsServiceRequest) -> dict[tuple[str, str], float]:
        """Sums by metric and point attribute of one scrape; current values of what is no counter."""
        totals: dict[tuple[str, str], float] = defaultdict(float)
        now = 0
        for resource in request.resource_metrics:
            who = tuple((one.key, str(one.value)) for one in resource.resource.attributes)
            for metric in resource.scope_metrics[0].metrics:
                for point in metric.sum.data_points:
                    now = max(now, point.time_unix_nano)
                    of = (metric.name, ",".join(one.value.string_value for one in point.attributes))
                    if point.flags & NO_RECORDED_VALUE:
                        self.last.pop((who, of), None)
                        continue
                    value = float(point.as_int) if point.HasField("as_int") else point.as_double
                    totals[of] += (
                        self._increase((who, of), value, point.start_time_unix_nano)
                        if (metric.sum.is_monotonic)
                        else value
                    )
        self.before = now
        return totals

    def _increase(self, series: tuple[object, ...], value: float, start: int) -> float:
        known = self.last.get(series)
        self.last[series] = (value, start)
        if known is None:
            return value if self.before and start >= self.before else 0.0
        return value if start > known[1] else value - known[0]


class _Sink(BaseHTTPRequestHandler):
    bodies: "queue.Queue[bytes]" = queue.Queue()
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.bodies.put(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silence: a line per scrape says nothing."""


def check_the_law(binary: Path, scrapes: int) -> tuple[int, float]:
    """How many totals of how many scrapes were compared, and the largest relative difference."""
    server = HTTPServer(("127.0.0.1", 0), _Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    exporter = (
        f'otlp_http: {{ endpoint: "http://127.0.0.1:{server.server_port}", compression: none, '
        "sending_queue: { enabled: false }, retry_on_failure: { enabled: false } }"
    )
    host, came, left = Host(), Reader(), Reader()
    compared, worst = 0, 0.0
    with running_collector(binary, TOP_K, ["reduce"], exporter, "otlp_http") as (_, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        for _ in range(scrapes):
            request = host.scrape()
            send(connection, request.SerializeToString())
            answer = ExportMetricsServiceRequest.FromString(_Sink.bodies.get(timeout=60))
            inputs, outputs = came.read(request), left.read(answer)
            for of, wanted in inputs.items():
                difference = abs(outputs.get(of, 0.0) - wanted)
                if difference > 1e-9 * abs(wanted) + 1e-6:
                    raise SystemExit(
                        f"scrape {host.scrapes}: {of} came as {wanted} and left as {outputs.get(of)}"
                    )
                compared, worst = (
                    compared + 1,
                    max(worst, difference / max(abs(wanted), 1e-300) if wanted else 0),
                )
    server.shutdown()
    return compared, worst


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--collector", type=Path)
    parser.add_argument("--scrapes", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=3)
    wanted = parser.parse_args()
    binary = wanted.collector or Path(
        subprocess.run(
            [ROOT / "collector/build.sh"], capture_output=True, text=True, check=True
        ).stdout.strip()
    )
    compared, worst = check_the_law(binary, 30)
    print(
        f"the law: {compared} totals of 30 scrapes compared, largest relative difference {worst:.1e}",
        flush=True,
    )
    # Round by round, so that what else the machine does meets all variants alike.
    seen: dict[str, list[float]] = defaultdict(list)
    for _ in range(wanted.repeats):
        for variant in VARIANTS:
            seen[variant].append(points_per_cpu_second(binary, variant, wanted.scrapes))
    print(
        f"{PROCESSES} processes x {POINTS_PER_PROCESS} points, {wanted.scrapes} scrapes, one core, median of {wanted.repeats}:"
    )
    for variant, rates in seen.items():
        spread = f"{min(rates) / 1e6:.2f} to {max(rates) / 1e6:.2f}"
        print(
            f"{variant:22} {statistics.median(rates) / 1e6:6.2f} M points per CPU second ({spread})"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
