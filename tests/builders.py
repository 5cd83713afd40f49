"""Valid objects for tests: scrapes of a host as a collector would send them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Metric,
    NumberDataPoint,
    ResourceMetrics,
)

SECOND: Final = 1_000_000_000
NOON: Final = 1_800_000_000 * SECOND
"""When the tests' first scrape takes place."""

CUMULATIVE: Final = 2
DELTA: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeProcess:
    """A process of a made-up host, as one scrape finds it."""

    pid: int
    name: str = "worker"
    command_line: str | None = None
    started: int = NOON - 100 * SECOND
    cpu: Mapping[str, float] = field(default_factory=lambda: {"user": 1.0, "system": 0.5})
    rss: int = 1_000_000
    extra: Mapping[str, str] = field(default_factory=dict[str, str])

    def later(self, *, cpu: float = 0.0, rss: int | None = None) -> "FakeProcess":
        grown = {state: value + cpu for state, value in self.cpu.items()}
        return replace(self, cpu=grown, rss=self.rss if rss is None else rss)


def a_scrape(
    processes: Iterable[FakeProcess],
    at: int,
    *,
    spread: int = 50_000,
    temporality: int = CUMULATIVE,
    resource_keys: Sequence[str] | None = None,
) -> bytes:
    """One request: every process with its own time, `spread` ns after the one before."""
    request = ExportMetricsServiceRequest()
    for number, process in enumerate(processes):
        _add_process(
            request.resource_metrics.add(),
            process,
            at + number * spread,
            temporality,
            resource_keys,
        )
    return request.SerializeToString()


def an_attribute(key: str, value: str | float | bool) -> KeyValue:
    match value:
        case bool():
            return KeyValue(key=key, value=AnyValue(bool_value=value))
        case int():
            return KeyValue(key=key, value=AnyValue(int_value=value))
        case float():
            return KeyValue(key=key, value=AnyValue(double_value=value))
        case str():
            return KeyValue(key=key, value=AnyValue(string_value=value))


def _add_process(
    resource: ResourceMetrics,
    process: FakeProcess,
    at: int,
    temporality: int,
    resource_keys: Sequence[str] | None,
) -> None:
    attributes: dict[str, str | int] = {
        "process.pid": process.pid,
        "process.executable.name": process.name,
        "process.command_line": process.command_line or f"/usr/bin/{process.name}",
        **process.extra,
    }
    kept = attributes if resource_keys is None else {key: attributes[key] for key in resource_keys}
    resource.resource.attributes.extend(an_attribute(key, value) for key, value in kept.items())
    metrics = resource.scope_metrics.add().metrics
    cpu = [
        NumberDataPoint(
            attributes=[an_attribute("state", state)],
            start_time_unix_nano=process.started,
            time_unix_nano=at,
            as_double=value,
        )
        for state, value in process.cpu.items()
    ]
    rss = NumberDataPoint(
        start_time_unix_nano=process.started, time_unix_nano=at, as_int=process.rss
    )
    _fill(metrics.add(), "process.cpu.time", "s", temporality, cpu)
    _fill(metrics.add(), "process.memory.usage", "By", CUMULATIVE, [rss])


def _fill(
    metric: Metric, name: str, unit: str, temporality: int, points: Sequence[NumberDataPoint]
) -> None:
    metric.name, metric.unit = name, unit
    metric.sum.is_monotonic = name == "process.cpu.time"
    metric.sum.aggregation_temporality = temporality  # type: ignore[assignment]
    metric.sum.data_points.extend(points)
