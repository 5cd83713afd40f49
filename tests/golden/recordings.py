"""What a catalog entry makes of three recorded scrapes, through the real collector, as text that people can compare.

`test_goldens.py` compares it with what was recorded; `python -m tests.golden` records it anew.
"""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    Metric,
    NumberDataPoint,
)
from tests.integration.pipelines.test_catalog_on_recorded_scrapes import (
    SCRAPES,
    meter,
    send,
    wait_for,
    wait_until_longer,
)
from tests.pipeline_builders import a_request

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.ports import free_ports
from phoenix_platform.pipelines.configurations import Configuration, parse_configuration
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.topologies import VariantPlaces
from phoenix_platform.pipelines.variants import plan_topology

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
    bodies = _outputs(configuration, collector, folder)
    parts = [HEAD]
    for number, body in enumerate(bodies):
        parts.append(f"scrape {number}:\n")
        parts += [f"  - {line}\n" for line in sorted(_lines(body))]
    return "".join(parts)


def _outputs(
    configuration: Configuration, collector: CollectorBinary, folder: Path
) -> Sequence[bytes]:
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
                send(_with_busy_processor(scrape, BUSY_SECONDS[number]), otlp_port)
                wait_until_longer(bodies, number)
        finally:
            process.terminate()
            process.wait(30)
    return bodies


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
