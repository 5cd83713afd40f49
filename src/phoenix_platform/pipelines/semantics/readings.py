"""One component, read by whoever knows its type. Called by `diffs`."""

from collections.abc import Callable, Mapping
from typing import Final

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Component
from phoenix_platform.pipelines.semantics import filters, processing, reducing, statements
from phoenix_platform.pipelines.semantics.delivering import (
    read_exporter,
    read_nothing_known,
    read_otlp,
)
from phoenix_platform.pipelines.semantics.facts import Reading
from phoenix_platform.pipelines.semantics.scraping import read_host_metrics_effects

_READERS: Final[Mapping[tuple[Kind, str], Callable[[Component], Reading]]] = {
    (Kind.RECEIVER, "host_metrics"): read_host_metrics_effects,
    (Kind.RECEIVER, "otlp"): read_otlp,
    (Kind.PROCESSOR, "filter"): filters.read_filter,
    (Kind.PROCESSOR, "transform"): statements.read_transform,
    (Kind.PROCESSOR, "resource"): processing.read_resource,
    (Kind.PROCESSOR, "attributes"): processing.read_attributes,
    (Kind.PROCESSOR, "cumulative_to_delta"): processing.read_cumulative_to_delta,
    (Kind.PROCESSOR, "delta_to_rate"): processing.read_delta_to_rate,
    (Kind.PROCESSOR, "groupbyattrs"): processing.read_groupbyattrs,
    (Kind.PROCESSOR, "metrics_transform"): processing.read_metrics_transform,
    (Kind.PROCESSOR, "interval"): processing.read_interval,
    (Kind.PROCESSOR, "resource_detection"): processing.read_resource_detection,
    (Kind.PROCESSOR, "reduce"): reducing.read_reduce,
    (Kind.PROCESSOR, "batch"): processing.read_batch,
    (Kind.PROCESSOR, "memory_limiter"): processing.read_memory_limiter,
}


def read_component(component: Component) -> Reading:
    """What the component does, as far as its type is known here."""
    if component.kind is Kind.EXPORTER:
        return read_exporter(component)
    return _READERS.get((component.kind, component.type), read_nothing_known)(component)


def is_known(kind: Kind, type_: str) -> bool:
    """Whether the effect of a component of this type is known, even without settings."""
    return kind in (Kind.EXPORTER, Kind.EXTENSION) or type_ in _PLAIN or (kind, type_) in _READERS


_PLAIN: Final = frozenset({"forward", "nop"})
"""Receivers and connectors that hand on what they get."""
