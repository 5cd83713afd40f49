"""Fewer points, no lost peak: a long course as one smallest and one largest value per stretch of time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a time; None where nothing was measured then."""

    seconds: float
    value: float | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """What happened between two times."""

    start: float
    end: float
    points: int
    """Of these, those with a value."""
    low: float | None
    mean: float | None
    high: float | None


def thinned(points: Sequence[Point], *, most: int) -> list[Point]:
    """At most about `most` points: of each stretch the smallest and the largest in their order.

    A gap stays one: a stretch without any value becomes one point without a value.
    """
    if len(points) <= most:
        return list(points)
    return [
        point for part in _parts(points, stretches=max(1, most // 2)) for point in _extremes(part)
    ]


def stretches(points: Sequence[Point], *, most: int) -> list[Stretch]:
    """The course in at most `most` stretches of as many points each, for a table."""
    return [_stretch(part) for part in _parts(points, stretches=most)]


def _parts(points: Sequence[Point], *, stretches: int) -> Iterator[Sequence[Point]]:
    length = max(1, -(-len(points) // stretches))
    for start in range(0, len(points), length):
        yield points[start : start + length]


def _extremes(part: Sequence[Point]) -> Iterable[Point]:
    measured = [
        (point.value, number) for number, point in enumerate(part) if point.value is not None
    ]
    if not measured:
        return [part[0]]
    numbers = {min(measured)[1], max(measured)[1]}
    return [part[number] for number in sorted(numbers)]


def _stretch(part: Sequence[Point]) -> Stretch:
    values = [point.value for point in part if point.value is not None]
    return Stretch(
        start=part[0].seconds,
        end=part[-1].seconds,
        points=len(values),
        low=min(values, default=None),
        mean=sum(values) / len(values) if values else None,
        high=max(values, default=None),
    )
