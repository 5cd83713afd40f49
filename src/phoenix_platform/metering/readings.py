"""What a variant's collector used in a span, from totals read when scrapes were relayed. The meter calls it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a collector said and used up to a scrape; totals since its start."""

    cpu_seconds: float | None
    rss_bytes: int | None
    refused_points: int | None
    dropped_points: int | None
    queue_full: bool | None


def take_usage(readings: dict[int, Reading], first: int, last: int) -> Reading:
    """What was used between the relay of the span's first scrape and that of the next span.

    Args:
        readings: By scrape number; those up to the span's last one are taken out.
        first: Number of the span's first scrape.
        last: Of its last one.
    """
    before, after = readings.get(first), readings.get(last + 1)
    for number in [number for number in readings if number <= last]:
        del readings[number]
    if before is None or after is None:
        return Reading(
            cpu_seconds=None,
            rss_bytes=None,
            refused_points=None,
            dropped_points=None,
            queue_full=None,
        )
    return Reading(
        cpu_seconds=_difference(after.cpu_seconds, before.cpu_seconds),
        rss_bytes=after.rss_bytes,
        refused_points=_count(_difference(after.refused_points, before.refused_points)),
        dropped_points=_count(_difference(after.dropped_points, before.dropped_points)),
        queue_full=after.queue_full,
    )


def _difference(after: float | None, before: float | None) -> float | None:
    if after is None or before is None or after < before:
        return None
    return after - before


def _count(value: float | None) -> int | None:
    return None if value is None else int(value)
