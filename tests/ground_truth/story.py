"""A host whose every point is known: fifteen scrapes with all that goes wrong on a real one.

Plain values; nothing here or in `truth` shares code with the meter.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from tests.builders import SECOND, an_attribute

SCRAPES: Final = 15
CRITICAL: Final = ("db", "cache")
DROPPED_NAMES: Final = ("worker", "cache")
"""What the filter of the story takes out; one of them is critical."""

CPU, RSS, IO, FAULTS = (
    "process.cpu.time", "process.memory.usage", "process.disk.io", "process.paging.faults",
)  # fmt: skip
NOT_SUMMED: Final = "process.uptime"
COUNTERS: Final = (CPU, IO, FAULTS)
SPREAD: Final = 50_000
"""Nanoseconds between the points of one process and those of the next."""

Value = str | int | float | bool
Attributes = tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One data point with all that identifies it."""

    resource: Attributes
    metric: str
    attributes: Attributes = ()
    start: int
    time: int
    value: float
    is_int: bool = False
    has_value: bool = True
    is_delta: bool = False
    is_gauge: bool = False

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes it one series with others; True and 1 are different values."""
        return (self.metric, _typed(self.resource), _typed(self.attributes))

    @property
    def label_identity(self) -> tuple[object, ...]:
        return (self.metric, _typed(self.attributes))


@dataclass(slots=True, kw_only=True)
class Actor:
    """A process of the story."""

    pid: int
    name: str
    born: int
    """The first scrape that holds it; 0 for one that was there long before."""
    dies: int = SCRAPES
    """The first scrape without it."""
    lived_before: float = 100.0
    """Seconds between its start and its first scrape."""
    away: frozenset[int] = frozenset()
    """Scrapes in which it could not be read."""
    new_conventions: bool = False
    delta: bool = False
    resets_at: int | None = None
    """A counter begins anew, with the same start time."""
    falls_at: int | None = None
    """CPU time falls by one clock tick, which is rounding and no reset."""
    doubled_at: int | None = None
    """Its points are there twice."""
    silent_at: int | None = None
    """Its CPU points say that there is no value."""
    cpu_step: float = 0.125
    ints: bool = False
    command_lines: Mapping[int, str] = field(default_factory=dict[int, str])


CAST: Final = (
    Actor(pid=10, name="db", born=0, cpu_step=0.5),
    Actor(pid=11, name="cache", born=0, dies=9, cpu_step=0.25),
    Actor(pid=12, name="worker", born=0, resets_at=6),
    Actor(pid=13, name="worker", born=0, falls_at=7, cpu_step=0.01),
    Actor(pid=14, name="worker", born=4, lived_before=0.5, dies=5),
    Actor(pid=15, name="batch", born=3, lived_before=0.5, dies=8, new_conventions=True),
    Actor(pid=15, name="batch", born=8, lived_before=0.25, new_conventions=True),
    Actor(pid=16, name="db", born=5, lived_before=0.5, dies=10),
    Actor(pid=17, name="meter", born=0, delta=True),
    Actor(pid=18, name="ints", born=0, ints=True, cpu_step=1.0),
    Actor(pid=19, name="twice", born=0, doubled_at=6),
    Actor(pid=20, name="mute", born=0, silent_at=5),
    Actor(pid=21, name="absent", born=0, away=frozenset({5, 6})),
    Actor(pid=22, name="absent", born=0, away=frozenset(range(4, 12))),
    Actor(pid=23, name="shell", born=0, command_lines={5: "sh -c b", 9: "sh -c c"}),
    Actor(pid=24, name="late", born=6, lived_before=1000.0),
    Actor(pid=25, name="one", born=7, lived_before=0.5, dies=8),
    Actor(pid=26, name="idle", born=0, cpu_step=0.0),
)


def scrape_time(base: int, number: int) -> int:
    return base + number * SECOND


def scrape(number: int, base: int) -> list[Point]:
    """The points of one scrape."""
    points: list[Point] = []
    present = (a for a in CAST if a.born <= number < a.dies and number not in a.away)
    for position, actor in enumerate(present):
        points += _points(actor, number, base, scrape_time(base, number) + position * SPREAD)
    return points


def _points(actor: Actor, number: int, base: int, at: int) -> list[Point]:
    """What one process shows in one scrape."""
    age = number - actor.born + 1
    started = scrape_time(base, actor.born) - round(actor.lived_before * SECOND)
    command = actor.name
    for since, line in actor.command_lines.items():
        command = line if number >= since else command
    resource: Attributes = (
        ("host.name", "story"), ("process.pid", actor.pid),
        ("process.executable.name", actor.name), ("process.command_line", command),
    )  # fmt: skip
    if actor.resets_at is not None and number >= actor.resets_at:
        age = number - actor.resets_at + 1
    mode, direction, fault = ("state", "direction", "type")
    if actor.new_conventions:
        mode, direction, fault = ("cpu.mode", "disk.io.direction", "system.paging.fault.type")
    tick = 0.01 if number == actor.falls_at else 0.0
    step = 1 if actor.delta else age
    common = Point(resource=resource, metric=CPU, start=started, time=at, value=0.0)
    cpu = replace(common, is_delta=actor.delta, is_int=actor.ints)
    silent = number == actor.silent_at
    points = [
        replace(
            cpu,
            attributes=((mode, state),),
            value=0.0 if silent else actor.cpu_step * share * step - tick,
            has_value=not silent,
        )
        for state, share in (("user", 1), ("system", 2))
        if age > 1 or not tick
    ]
    points += [
        replace(common, metric=RSS, value=actor.pid * 1000 + number, is_int=True),
        replace(common, metric=IO, attributes=((direction, "read"),), value=64 * age, is_int=True),
        replace(common, metric=FAULTS, attributes=((fault, "major"),), value=age, is_int=True),
        replace(common, metric=NOT_SUMMED, value=number / 2, is_gauge=True, start=0),
    ]
    if actor.name == "ints":
        # Four values that look alike, hence four series.
        points += [
            replace(common, metric=NOT_SUMMED, attributes=(("v", v),), value=1.0, is_gauge=True)
            for v in (True, 1, 1.0, "1")
        ]
    return points * 2 if number == actor.doubled_at else points


def encoded(points: Iterable[Point]) -> bytes:
    """The points as one request, by the official classes."""
    request = ExportMetricsServiceRequest()
    by_resource: dict[Attributes, list[Point]] = {}
    for point in points:
        by_resource.setdefault(point.resource, []).append(point)
    for resource, own in by_resource.items():
        message = request.resource_metrics.add()
        message.resource.attributes.extend(an_attribute(k, v) for k, v in resource)
        metrics = message.scope_metrics.add().metrics
        for point in own:
            metric = metrics.add(name=point.metric)
            target = metric.gauge if point.is_gauge else metric.sum
            if not point.is_gauge:
                metric.sum.is_monotonic = point.metric in COUNTERS
                metric.sum.aggregation_temporality = 1 if point.is_delta else 2  # type: ignore[assignment]
            added = target.data_points.add(
                attributes=[an_attribute(k, v) for k, v in point.attributes],
                start_time_unix_nano=point.start,
                time_unix_nano=point.time,
                flags=0 if point.has_value else 1,
            )
            if point.has_value and point.is_int:
                added.as_int = int(point.value)
            elif point.has_value:
                added.as_double = point.value
    return request.SerializeToString()


def decoded(body: bytes) -> list[Point]:
    """The points of a request, by the official classes."""
    points: list[Point] = []
    for message in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        resource = _attributes(message.resource.attributes)
        for scope in message.scope_metrics:
            for metric in scope.metrics:
                is_gauge = metric.HasField("gauge")
                for point in metric.gauge.data_points if is_gauge else metric.sum.data_points:
                    is_int = point.HasField("as_int")
                    points.append(
                        Point(
                            resource=resource,
                            metric=metric.name,
                            attributes=_attributes(point.attributes),
                            start=point.start_time_unix_nano,
                            time=point.time_unix_nano,
                            value=float(point.as_int if is_int else point.as_double),
                            is_int=is_int,
                            has_value=not point.flags & 1,
                            is_delta=not is_gauge and metric.sum.aggregation_temporality == 1,
                            is_gauge=is_gauge,
                        )
                    )
    return points


def _attributes(messages: Sequence[object]) -> Attributes:
    pairs: list[tuple[str, Value]] = []
    for message in messages:
        value = message.value  # type: ignore[attr-defined]
        pairs.append((message.key, getattr(value, value.WhichOneof("value"))))  # type: ignore[attr-defined]
    return tuple(sorted(pairs, key=lambda pair: pair[0]))


def _typed(attributes: Attributes) -> tuple[tuple[str, str, Value], ...]:
    return tuple(sorted((key, type(value).__name__, value) for key, value in attributes))
