"""The catalog's pipelines as a trial runs them, on three recorded scrapes of a real host, through the real collector."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from re import fullmatch
from typing import TypeAlias

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from tests.collector_runs import SCRAPES, bodies_of

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.pipelines import catalog

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


def outputs_of(entry: str, collector: CollectorBinary, folder: Path) -> list[list[Value]]:
    """What the entry's collector lets out for each of the three scrapes."""
    bodies = bodies_of(catalog.get(entry).configuration, SCRAPES, collector, folder)
    return [list(values_in(body)) for body in bodies]


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
