"""What a collector says of itself: refused and lost points, and how full its queues are."""

from dataclasses import dataclass
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

_REFUSED: Final = (
    "otelcol_receiver_refused_metric_points",
    "otelcol_receiver_failed_metric_points",
)
_LOST: Final = (
    "otelcol_exporter_send_failed_metric_points",
    "otelcol_exporter_enqueue_failed_metric_points",
)
_UPTIME: Final = "otelcol_process_uptime"
_QUEUE_SIZE: Final = "otelcol_exporter_queue_size"
_QUEUE_CAPACITY: Final = "otelcol_exporter_queue_capacity"


@dataclass(frozen=True, slots=True)
class CollectorCounters:
    """Totals since the collector's start; a counter that it does not show yet is 0."""

    refused_points: int
    dropped_points: int
    queue_full: bool
    uptime_seconds: float | None = None
    """Since its process began; None if it does not say. When it falls, the process is another one."""


async def read_counters(client: httpx.AsyncClient, url: str) -> CollectorCounters | None:
    """Ask the collector; None when it does not answer."""
    try:
        response = await client.get(url)
        response.raise_for_status()
    except httpx.HTTPError:
        return None
    return counters_of(response.text)


def counters_of(exposition: str) -> CollectorCounters:
    """Read the Prometheus text of a collector, with or without `_total` in its names."""
    sums: dict[str, float] = {}
    fullest = 0.0
    capacity: dict[str, float] = {}
    sizes: dict[str, float] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            name = sample.name.removesuffix("_total")
            sums[name] = sums.get(name, 0.0) + sample.value
            exporter = sample.labels.get("exporter", "")
            if name == _QUEUE_CAPACITY:
                capacity[exporter] = sample.value
            elif name == _QUEUE_SIZE:
                sizes[exporter] = sample.value
    for exporter, size in sizes.items():
        if capacity.get(exporter):
            fullest = max(fullest, size / capacity[exporter])
    return CollectorCounters(
        int(sum(sums.get(name, 0.0) for name in _REFUSED)),
        int(sum(sums.get(name, 0.0) for name in _LOST)),
        fullest >= 1,
        sums.get(_UPTIME),
    )
