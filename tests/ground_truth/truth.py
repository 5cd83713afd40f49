"""What every field of every sample must be: plain Python over the points, one at a time.

Simple and slow on purpose, and without any code of the meter: an error would have to be made twice.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.builders import SECOND
from tests.ground_truth.story import COUNTERS, CPU, CRITICAL, FAULTS, IO, RSS, Point, Value

SUMMED: Final = (CPU, RSS, IO, FAULTS)
SIGNALS: Final = {"cpu": CPU, "rss": RSS, "io": IO}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request that left a collector, as the test itself saw it."""

    at: int
    """Wall clock, nanoseconds."""
    points: Sequence[Point]
    scrapes: list[int]
    """The scrape each point belongs to."""
    body_bytes: int


@dataclass(slots=True, kw_only=True)
class Given:
    """What truth is told about one case."""

    scrapes: Sequence[Sequence[Point]]
    out: Mapping[int, Sequence[Point]]
    """What left of each scrape."""
    arrivals: Sequence[Arrival]
    relay_every: int = 1
    per_span: int = 1
    late: Mapping[int, int] = field(default_factory=dict[int, int])
    """By first scrape of a sample: points that came too late before it was closed."""
    counted: frozenset[int] = frozenset()
    """First scrapes of the samples that count new series."""


def samples(given: Given) -> list[dict[str, Any]]:
    """One dictionary per sample, by field name."""
    per_span = given.per_span
    raw_work, out_work = _Work(), _Work()
    raw_sums: list[_Sums] = []
    out_sums: list[_Sums] = []
    previous_out: int | None = None
    for number, points in enumerate(given.scrapes):
        before = given.scrapes[number - 1] if number else None
        raw_sums.append(raw_work.take(number, points, _first(before)))
        if (number + 1) % given.relay_every == 0:
            previous = None if previous_out is None else given.scrapes[previous_out]
            out_sums.append(out_work.take(number, given.out.get(number, ()), _first(previous)))
            previous_out = number
        else:
            out_sums.append(_Sums())
    known: set[object] = set()
    result: list[dict[str, Any]] = []
    for first in range(0, len(given.scrapes) - per_span + 1, per_span):
        span = range(first, first + per_span)
        result.append(_sample(given, span, raw_sums, out_sums, known))
    return result


@dataclass(slots=True)
class _Sums:
    """What the points of one scrape add up to."""

    total: dict[str, float] = field(default_factory=dict[str, float])
    largest: dict[str, float] = field(default_factory=dict[str, float])
    used: dict[str, dict[tuple[Value, Value], float]] = field(
        default_factory=dict[str, dict[tuple[Value, Value], float]]
    )
    """By metric, by (pid, name)."""


class _Work:
    """Turns running totals into what was added."""

    def __init__(self) -> None:
        self.seen: dict[object, tuple[float, int, int]] = {}

    def take(self, number: int, points: Iterable[Point], previous: int | None) -> _Sums:
        sums = _Sums()
        for point in points:
            if not point.has_value or point.metric not in SUMMED or point.is_gauge:
                continue
            added = point.value
            if point.metric in COUNTERS and not point.is_delta:
                added = self._added(number, point, previous)
            metric = point.metric
            sums.total[metric] = sums.total.get(metric, 0.0) + added
            sums.largest[metric] = max(sums.largest.get(metric, 0.0), abs(point.value))
            who = process_of(point)
            if who is not None:
                used = sums.used.setdefault(metric, {})
                used[who] = used.get(who, 0.0) + added
        return sums

    def _added(self, number: int, point: Point, previous: int | None) -> float:
        who = process_of(point)
        key = (who[0], point.metric, point.attributes) if who else point.identity
        value, start = point.value, point.start
        last = self.seen.get(key)
        self.seen[key] = (value, start, number)
        if last is None or number - last[2] > 5:
            is_born = previous is not None and start >= previous - 2 * SECOND
            return value if is_born else 0.0
        if start > last[1] + SECOND // 100:
            return value
        if value < last[0]:
            tick = 0.01 if point.metric == CPU else 1.0
            return 0.0 if last[0] - value <= tick * (1 + 1e-9) else value
        return value - last[0]


def _sample(
    given: Given,
    span: range,
    raw_sums: Sequence[_Sums],
    out_sums: Sequence[_Sums],
    known: set[object],
) -> dict[str, Any]:
    raw = [point for number in span for point in given.scrapes[number]]
    by_scrape = [list(given.out.get(number, ())) for number in span]
    left = [point for points in by_scrape for point in points]
    valued = [point for point in left if point.has_value]
    series = {point.identity for point in valued}
    seen, missing = _critical(given, span)
    shown = _metrics_shown(given, span, seen)
    new = None
    if span[0] in given.counted:
        new = len(series - known)
        known |= series
    return {
        "scrape": span[0],
        "scrapes": len(span),
        "started_unix_nano": min(point.time for point in given.scrapes[span[0]]),
        "ended_unix_nano": max(point.time for point in given.scrapes[span[-1]]),
        "acknowledged": True,
        "input_points": len(raw),
        "output_points": len(left),
        "series": len(series),
        "active_series": None,
        "hour_series": None,
        "label_series": len({point.label_identity for point in valued}),
        "label_colliding_points": sum(
            _beyond_first(p.label_identity for p in points if p.has_value) for points in by_scrape
        ),
        "new_series": new,
        "stored_bytes": sum(stored_bytes(point) for point in left),
        "otlp_bytes": _otlp_bytes(given, span),
        "metric_names": len({point.metric for point in valued}),
        "colliding_points": sum(
            _beyond_first(p.identity for p in points if p.has_value) for points in by_scrape
        ),
        "late_points": given.late.get(span[0], 0),
        "raw_processes": max(len(_processes(given.scrapes[number])) for number in span),
        "critical_seen": seen,
        "critical_missing": missing,
        "critical_metrics": shown,
        "totals": _totals(span, raw_sums, out_sums),
        "visibility": _visibility(span, raw_sums, valued),
        "delay_p50_seconds": _delay(given, span, 0.5),
        "delay_p95_seconds": _delay(given, span, 0.95),
    }


def stored_bytes(point: Point) -> int:
    """60 for the row, and the lengths of all names and values as text."""
    size = 60 + len(point.metric)
    for key, value in (*point.resource, *point.attributes):
        size += len(key) + (1 if isinstance(value, bool) else len(str(value)))
    return size


def process_of(point: Point) -> tuple[Value, Value] | None:
    """(pid, name) if the point speaks of one process."""
    values = dict((*point.resource, *point.attributes))
    pid = values.get("process.pid")
    return None if pid is None else (pid, values.get("process.executable.name", ""))


def _first(points: Sequence[Point] | None) -> int | None:
    return min(point.time for point in points) if points else None


def _beyond_first(identities: Iterable[object]) -> int:
    return sum(count - 1 for count in Counter(identities).values())


def _processes(points: Iterable[Point]) -> set[tuple[Value, Value]]:
    return {who for point in points if (who := process_of(point)) is not None}


def _instances(points: Iterable[Point]) -> set[tuple[Value, Value, int]]:
    """(name, pid, start) of the critical processes of a scrape."""
    starts: dict[tuple[Value, Value], int] = {}
    for point in points:
        who = process_of(point)
        if who is not None and who[1] in CRITICAL:
            starts[who] = max(starts.get(who, 0), point.start)
    return {(name, pid, start) for (pid, name), start in starts.items()}


def _critical(given: Given, span: range) -> tuple[Any, Any]:
    expected: set[tuple[Value, Value, int]] = set()
    seen: set[tuple[Value, Value, int]] = set()
    present = [_instances(points) for points in given.scrapes]
    for number in span:
        for one in present[number]:
            was_there = number > 0 and one in present[number - 1]
            is_last = number + 1 < len(present) and one not in present[number + 1]
            if was_there or (is_last and number > 0):
                expected.add(one)
    for number in span:
        left = [point for point in given.out.get(number, ()) if point.has_value]
        pids = {who[0] for point in left if (who := process_of(point)) is not None}
        groups = {
            tuple(pair for pair in (*p.resource, *p.attributes) if pair[0].startswith("process."))
            for p in left
            if process_of(p) is None
        }
        described = {
            who: dict(point.resource)
            for point in given.scrapes[number]
            if (who := process_of(point)) is not None
        }
        for name, pid, start in expected & present[number]:
            own = described[pid, name]
            is_alone = any(
                group
                and all(own.get(key) == value for key, value in group)
                and sum(
                    all(other.get(key) == value for key, value in group)
                    for other in described.values()
                )
                == 1
                for group in groups
            )
            if pid in pids or is_alone:
                seen.add((name, pid, start))
    return tuple(sorted(seen)), tuple(sorted(expected - seen))


def _metrics_shown(
    given: Given, span: range, seen: Sequence[tuple[Value, Value, int]]
) -> dict[str, tuple[int, int, Any]]:
    """(had, lost, first that lost it) of every metric of the processes that stayed visible."""
    had: set[tuple[str, Any]] = set()
    kept: set[tuple[str, Any]] = set()
    for number in span:
        raw = [point for point in given.scrapes[number] if point.has_value]
        everybody = {who: dict(p.resource) for p in given.scrapes[number] if (who := process_of(p))}
        present = _instances(given.scrapes[number])
        for one in seen:
            if one not in present:
                continue
            who = (one[1], one[0])
            had |= {(point.metric, one) for point in raw if process_of(point) == who}
            for point in given.out.get(number, ()):
                if point.has_value and _shows(point, who, everybody):
                    kept.add((point.metric, one))
    result: dict[str, tuple[int, int, Any]] = {}
    for metric in {metric for metric, _ in had}:
        owners = sorted(one for name, one in had if name == metric)
        losers = [one for one in owners if (metric, one) not in kept]
        result[metric] = (len(owners), len(losers), losers[0] if losers else None)
    return result


def _shows(
    point: Point,
    who: tuple[Value, Value],
    everybody: Mapping[tuple[Value, Value], Mapping[str, Value]],
) -> bool:
    own = process_of(point)
    if own is not None:
        return own[0] == who[0]
    group = [
        pair for pair in (*point.resource, *point.attributes) if pair[0].startswith("process.")
    ]
    members = [
        one
        for one, described in everybody.items()
        if all(described.get(key) == value for key, value in group)
    ]
    return bool(group) and members == [who]


def _otlp_bytes(given: Given, span: range) -> int:
    size = 0
    for arrival in given.arrivals:
        for number in span:
            own = arrival.scrapes.count(number)
            size += round(arrival.body_bytes * own / len(arrival.points))
    return size


def _delay(given: Given, span: range, share: float) -> float | None:
    delays = sorted(
        (arrival.at - max(p.time for p in given.scrapes[number])) / 1e9
        for arrival in given.arrivals
        for number in arrival.scrapes
        if number in span
    )
    return delays[math.ceil(share * len(delays)) - 1] if delays else None


def _totals(
    span: range, raw_sums: Sequence[_Sums], out_sums: Sequence[_Sums]
) -> dict[str, tuple[float, float, float]]:
    totals: dict[str, tuple[float, float, float]] = {}
    for metric in SUMMED:
        raw, out = (_of_span(span, sums, metric) for sums in (raw_sums, out_sums))
        if raw is None:
            continue
        largest = max(
            sums[number].largest.get(metric, 0.0)
            for sums in (raw_sums, out_sums)
            for number in span
        )
        totals[metric] = (raw, out or 0.0, 1e-9 * abs(raw) + 4 * math.ulp(largest))
    return totals


def _of_span(span: range, sums: Sequence[_Sums], metric: str) -> float | None:
    values = [sums[number].total[metric] for number in span if metric in sums[number].total]
    if not values:
        return None
    return math.fsum(values) if metric in COUNTERS else values[-1]


def _visibility(
    span: range, raw_sums: Sequence[_Sums], left: Sequence[Point]
) -> dict[str, tuple[float, ...]]:
    seen: dict[str, tuple[float, ...]] = {}
    for signal, metric in SIGNALS.items():
        scrapes = [
            raw_sums[number].used[metric] for number in span if metric in raw_sums[number].used
        ]
        used: dict[tuple[Value, Value], float] = {}
        for scrape in scrapes if metric in COUNTERS else scrapes[-1:]:
            for one, value in scrape.items():
                used[one] = used.get(one, 0.0) + value
        own = [point for point in left if point.metric == metric]
        pids = {who[0] for point in own if (who := process_of(point)) is not None}
        names = {
            dict((*point.resource, *point.attributes)).get("process.executable.name")
            for point in own
            if process_of(point) is None
        }
        kept = {one for one in used if one[0] in pids or one[1] in names}
        top = sorted((one for one in used if used[one] > 0), key=lambda one: (-used[one], one[0]))
        unnamed = math.fsum(value for one, value in used.items() if one not in kept)
        seen[signal] = (
            math.fsum(used.values()),
            math.fsum(used[one] for one in kept),
            len(top[:10]),
            len([one for one in top[:10] if one in kept]),
            _effective(used.values()),
            _effective([*(used[one] for one in kept), unnamed]),
        )
    return seen


def _effective(values: Iterable[float]) -> float:
    above = [value for value in values if value > 0]
    whole = math.fsum(above)
    if not above:
        return 0.0
    return math.exp(-math.fsum(value / whole * math.log(value / whole) for value in above))
