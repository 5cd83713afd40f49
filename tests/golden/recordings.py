"""What a catalog entry makes of three recorded scrapes, through the real collector, as text that people can compare.

`test_goldens.py` compares it with what was recorded; `python -m tests.golden` records it anew.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    Metric,
    NumberDataPoint,
)
from tests.collector_runs import SCRAPES, bodies_of

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.pipelines.configurations import Configuration, parse_configuration

FOLDER: Final = Path(__file__).parent
HEAD: Final = """\
# What left for each of three recorded scrapes: metric, attributes, value, from and to in milliseconds
# since the first scrape. Written by `python -m tests.golden`.
"""
NO_VALUE: Final = 1
"""The flag of a point that ends its series."""
CPU_SCOPE: Final = "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver/internal/scraper/cpuscraper"
BUSY_SECONDS: Final = (10.0, 10.95, 11.9)
"""CPU time of a busy host of one processor, by scrape; they lie a second apart."""


def recorded(configuration: Configuration, collector: CollectorBinary, folder: Path) -> str:
    """What leaves the candidate's collector for each scrape, as YAML."""
    scrapes = [
        _with_busy_processor(scrape, busy)
        for scrape, busy in zip(SCRAPES, BUSY_SECONDS, strict=True)
    ]
    bodies = bodies_of(configuration, scrapes, collector, folder)
    parts = [HEAD]
    for number, body in enumerate(bodies):
        parts.append(f"scrape {number}:\n")
        parts += [f"  - {line}\n" for line in sorted(_lines(body))]
    return "".join(parts)


def _with_busy_processor(body: bytes, busy: float) -> bytes:
    """The scrape with what the cpu scraper would add on a host that idles 5 % of the time."""
    request = ExportMetricsServiceRequest.FromString(body)
    time = request.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points[0].time_unix_nano
    resource = request.resource_metrics.add()
    resource.resource.attributes.extend(
        one
        for one in request.resource_metrics[0].resource.attributes
        if not one.key.startswith("process.")
    )
    scope = resource.scope_metrics.add()
    scope.scope.name = CPU_SCOPE
    metric = scope.metrics.add(name="system.cpu.time", unit="s")
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
    for state, value in (("user", busy), ("idle", busy / 19)):
        point = metric.sum.data_points.add(time_unix_nano=time, as_double=value)
        point.attributes.add(key="state").value.string_value = state
        point.attributes.add(key="cpu").value.string_value = "cpu0"
    return request.SerializeToString()


def _lines(body: bytes) -> Iterator[str]:
    request = ExportMetricsServiceRequest.FromString(body)
    for resource in request.resource_metrics:
        of_resource = {one.key: _text(one) for one in resource.resource.attributes}
        pid, name = of_resource.get("process.pid"), of_resource.get("process.executable.name", "")
        who = f"{name} {pid}" if pid else f"sum {name}".strip()
        for metric in (one for scope in resource.scope_metrics for one in scope.metrics):
            for point in (*metric.sum.data_points, *metric.gauge.data_points):
                yield f"{who}: {_point(metric, point)}"


def _point(metric: Metric, point: NumberDataPoint) -> str:
    attributes = ", ".join(sorted(_text(one) for one in point.attributes))
    kind = {0: "gauge", 1: "delta", 2: "cumulative"}[metric.sum.aggregation_temporality]
    is_double = point.WhichOneof("value") == "as_double"
    value = f"{point.as_double:.9g}" if is_double else str(point.as_int)
    if point.flags & NO_VALUE:
        value = "ends"
    start = "" if not point.start_time_unix_nano else f"from {_offset(point.start_time_unix_nano)} "
    return f"{metric.name}[{attributes}] {kind} {value} {start}to {_offset(point.time_unix_nano)}"


def _offset(nanoseconds: int) -> str:
    """Milliseconds since the last point of the first scrape."""
    first = ExportMetricsServiceRequest.FromString(SCRAPES[0])
    times = [
        point.time_unix_nano
        for resource in first.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.sum.data_points
    ]
    return f"{(nanoseconds - max(times)) / 1e6:.3f}"


def _text(attribute: KeyValue) -> str:
    value = attribute.value
    return value.string_value if value.HasField("string_value") else str(value.int_value)


def configuration_of(case: str) -> Configuration:
    return parse_configuration((FOLDER / case / "in.yaml").read_text("utf-8"), name=case)
