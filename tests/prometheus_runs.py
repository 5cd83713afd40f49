"""A real Prometheus for tests, with the samples that a test gives it."""

import http.client
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)

_SCRIPTS: Final = Path(__file__).parents[1] / "scripts"


def prometheus_binary() -> Path:
    """What `scripts/prometheus.sh` builds; `make test` does."""
    said = subprocess.run(
        [_SCRIPTS / "prometheus.sh", "--path"], capture_output=True, text=True, check=True
    )
    found = Path(said.stdout.strip())
    if not found.exists():
        pytest.fail("no Prometheus is built; run scripts/prometheus.sh, as `make test` does")
    return found


@dataclass(frozen=True, slots=True)
class RunningPrometheus:
    port: int
    url: str
    tls: ssl.SSLContext | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def take(self, request: ExportMetricsServiceRequest) -> None:
        """Store the points of an OTLP request at their own times."""
        body = request.SerializeToString()
        status, said = self.ask("POST", "/api/v1/otlp/v1/metrics", body)
        assert status == http.client.OK, said

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/x-protobuf", **self.headers}
        with closing(self._connection()) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def _connection(self) -> http.client.HTTPConnection:
        if self.tls is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        return http.client.HTTPSConnection("localhost", self.port, timeout=60, context=self.tls)


@contextmanager
def running_prometheus(
    folder: Path,
    *,
    config: str = "{}\n",
    web_config: Path | None = None,
    tls: ssl.SSLContext | None = None,
    headers: Mapping[str, str] | None = None,
) -> Generator[RunningPrometheus]:
    """A server of its own, ready to be asked, with an empty database in the folder."""
    port = free_port()
    file = folder / "prometheus.yaml"
    file.write_text(config)
    scheme, host = ("http", "127.0.0.1") if tls is None else ("https", "localhost")
    server = RunningPrometheus(port, f"{scheme}://{host}:{port}", tls, headers or {})
    command = [
        str(prometheus_binary()),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-otlp-receiver",
        "--log.level=warn",
        *([] if web_config is None else [f"--web.config.file={web_config}"]),
    ]
    with running(command, lambda: listens(port) and server.ask("GET", "/-/ready")[0] == 200):
        yield server


@contextmanager
def running(command: Sequence[str], is_ready: Callable[[], bool]) -> Generator[None]:
    with subprocess.Popen(command) as process:
        try:
            deadline = time.monotonic() + 60
            while not is_ready():
                assert process.poll() is None, f"{command[0]} ended"
                assert time.monotonic() < deadline, f"{command[0]} was not ready within a minute"
                time.sleep(0.05)
            yield
        finally:
            process.send_signal(signal.SIGTERM)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# --- samples, each at its own second


def counters(
    name: str, at: Sequence[int], values_of: Mapping[str, Sequence[float]], *, label: str = "code"
) -> ExportMetricsServiceRequest:
    """Counters `<name>_total`, one for each value of a label."""
    request = ExportMetricsServiceRequest()
    metric = _metric(request, name)
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
    metric.sum.data_points.extend(_points(at, values_of, label))
    return request


def gauges(
    name: str, at: Sequence[int], values_of: Mapping[str, Sequence[float]], *, label: str = "site"
) -> ExportMetricsServiceRequest:
    """Gauges `<name>`, one for each value of a label."""
    request = ExportMetricsServiceRequest()
    _metric(request, name).gauge.data_points.extend(_points(at, values_of, label))
    return request


def histogram(
    name: str, at: int, bounds: Sequence[float], counts: Sequence[int]
) -> ExportMetricsServiceRequest:
    """A classic histogram `<name>_bucket`; one count more than bounds."""
    request = ExportMetricsServiceRequest()
    metric = _metric(request, name)
    metric.histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
    metric.histogram.data_points.append(
        HistogramDataPoint(
            time_unix_nano=at * 1_000_000_000,
            count=sum(counts),
            explicit_bounds=bounds,
            bucket_counts=counts,
        )
    )
    return request


def _metric(request: ExportMetricsServiceRequest, name: str) -> Metric:
    metric: Metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name=name)
    return metric


def _points(
    at: Sequence[int], values_of: Mapping[str, Sequence[float]], label: str
) -> list[NumberDataPoint]:
    points: list[NumberDataPoint] = []
    for text, values in values_of.items():
        for second, value in zip(at, values, strict=True):
            point = NumberDataPoint(time_unix_nano=second * 1_000_000_000, as_double=value)
            point.attributes.add(key=label).value.string_value = text
            points.append(point)
    return points
