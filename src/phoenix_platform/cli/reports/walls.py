"""The wall of critical processes: a row per process, a cell per stretch of time.

Cells and rows are joined where there are too many to see. A joined cell tells the worst of what is in
it: one miss among a thousand intervals stays a miss.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import groupby
from typing import Final

from markupsafe import Markup

from phoenix_platform.analysis.histories import JudgedInterval
from phoenix_platform.cli.reports.charts import Frame
from phoenix_platform.cli.reports.markup import element, short_name
from phoenix_platform.cli.reports.scales import Scale, show_time, time_ticks
from phoenix_platform.metering.samples import ProcessInstance, Sample

MOST_ROWS: Final = 24
_ROW: Final = 22.0
_CELL: Final = 14.0
_TOP: Final = 4.0
_BOTTOM: Final = 26.0
_RIGHT: Final = 30.0
"""Room for half of the last time."""
_LETTER: Final = 6.9
_SHORTEST_NAME: Final = 12


class Presence(IntEnum):
    """What a cell says; of several the largest counts."""

    ABSENT = 0
    """The process was not in the raw scrapes."""
    UNCOMPARED = 1
    """One variant did not see the scrape whole: nothing is known."""
    SEEN = 2
    MISSING = 3


LOOK_OF: Final = {
    Presence.ABSENT: "absent",
    Presence.UNCOMPARED: "uncompared",
    Presence.SEEN: "seen",
    Presence.MISSING: "missing",
}


@dataclass(slots=True)
class Row:
    name: str
    cells: list[Presence]
    first_missing: float | None = None
    """Seconds from the start."""
    instances: int = 1

    def count(self, presence: Presence) -> int:
        return self.cells.count(presence)


@dataclass(slots=True)
class _Rows:
    length: int
    rows: dict[tuple[str, ProcessInstance], Row] = field(
        default_factory=dict[tuple[str, ProcessInstance], Row]
    )

    def mark(
        self, host: str, process: ProcessInstance, number: int, presence: Presence, seconds: float
    ) -> None:
        row = self.rows.get((host, process))
        if row is None:
            row = Row("", [Presence.ABSENT] * self.length)
            self.rows[host, process] = row
        row.cells[number] = presence
        if presence is Presence.MISSING and row.first_missing is None:
            row.first_missing = seconds


def wall_rows(intervals: Sequence[JudgedInterval]) -> list[Row]:
    """A row per instance, or per name where there are more than fit; those with a miss first."""
    started = intervals[0].started_unix_nano if intervals else 0
    found = _Rows(len(intervals))
    hosts = {pair[1].host for interval in intervals for pair in interval.compared}
    for number, interval in enumerate(intervals):
        seconds = (interval.ended_unix_nano - started) / 1e9
        for _, candidate in interval.compared:
            _mark(found, candidate, number, seconds)
    _mark_gaps(found, intervals)
    for (host, process), row in found.rows.items():
        place = f" on {short_name(host)}" if len(hosts) > 1 else ""
        row.name = f"{short_name(process.name)} {process.pid}{place}"
    rows = list(found.rows.values())
    if len(rows) > MOST_ROWS:
        rows = _joined_by_name(found.rows)
    return _fitting(sorted(rows, key=_urgency))


def _mark(found: _Rows, candidate: Sample, number: int, seconds: float) -> None:
    for process in candidate.critical_seen:
        found.mark(candidate.host, process, number, Presence.SEEN, seconds)
    for process in candidate.critical_missing:
        found.mark(candidate.host, process, number, Presence.MISSING, seconds)


def _mark_gaps(found: _Rows, intervals: Sequence[JudgedInterval]) -> None:
    """A scrape that was not compared tells nothing of the processes on its host."""
    for number, interval in enumerate(intervals):
        for host in interval.uncompared_hosts:
            for (of_host, _), row in found.rows.items():
                if of_host == host:
                    row.cells[number] = Presence.UNCOMPARED


def _joined_by_name(rows: Mapping[tuple[str, ProcessInstance], Row]) -> list[Row]:
    by_name: dict[str, list[Row]] = {}
    for (_, process), row in rows.items():
        by_name.setdefault(process.name, []).append(row)
    return [
        _joined(f"{short_name(name)}, {len(group)} process{'es' if group[1:] else ''}", group)
        for name, group in by_name.items()
    ]


def _fitting(rows: Sequence[Row]) -> list[Row]:
    if len(rows) <= MOST_ROWS:
        return list(rows)
    shown, rest = rows[: MOST_ROWS - 1], rows[MOST_ROWS - 1 :]
    return [*shown, _joined(f"{len(rest)} more names", rest)]


def _joined(name: str, rows: Sequence[Row]) -> Row:
    misses = [row.first_missing for row in rows if row.first_missing is not None]
    return Row(
        name=name,
        cells=[max(cells) for cells in zip(*(row.cells for row in rows), strict=True)],
        first_missing=min(misses, default=None),
        instances=sum(row.instances for row in rows),
    )


def _urgency(row: Row) -> tuple[int, str]:
    return (-row.count(Presence.MISSING), row.name)


def draw_wall(
    rows: Sequence[Row], seconds: float, frame: Frame, *, title: str, description: str
) -> Markup:
    """The wall; cells are joined to at most as many as the frame has points for."""
    longest = max((len(row.name) for row in rows), default=0)
    letters = min(longest, max(_SHORTEST_NAME, round(frame.width * 0.3 / _LETTER)))
    left = letters * _LETTER + 8
    height = _TOP + _ROW * len(rows) + _BOTTOM
    scale = Scale(0.0, max(seconds, 1e-9), left, frame.width - _RIGHT)
    parts = [
        *(
            part
            for number, row in enumerate(rows)
            for part in _row(row, _TOP + number * _ROW, scale, letters, frame.most_points // 2)
        ),
        *_times(seconds, scale, height - _BOTTOM, frame.most_times),
    ]
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        *parts,
        viewBox=f"0 0 {frame.width:g} {height:g}",
        role="img",
        class_="chart wall",
    )


def _row(row: Row, top: float, scale: Scale, letters: int, most: int) -> Iterator[Markup]:
    name = row.name if len(row.name) <= letters else f"{row.name[: letters - 1]}…"
    yield element("text", name, x=scale.start - 8, y=top + _ROW / 2 + 4, class_="label end")
    cells = _joined_cells(row.cells, most)
    width = (scale.end - scale.start) / len(cells)
    y, position = top + (_ROW - _CELL) / 2, 0
    for presence, run in groupby(cells):
        length = sum(1 for _ in run)
        x = scale.start + position * width
        position += length
        yield from _cell(presence, x, y, max(length * width, 0.8))


def _cell(presence: Presence, x: float, y: float, width: float) -> Iterator[Markup]:
    look = f"cell {LOOK_OF[presence]}"
    match presence:
        case Presence.ABSENT:
            yield element("rect", x=x, y=y + _CELL / 2 - 0.5, width=width, height=1, class_=look)
        case Presence.MISSING:
            # Taller than the others and at least three wide: one miss must catch the eye.
            width = max(width, 3.0)
            yield element("rect", x=x, y=y - 3, width=width, height=_CELL + 6, class_=look)
            yield element("rect", x=x, y=y - 3, width=width, height=_CELL + 6, class_="hatched")
        case _:
            yield element("rect", x=x, y=y, width=width, height=_CELL, class_=look)


def _joined_cells(cells: Sequence[Presence], most: int) -> list[Presence]:
    length = max(1, -(-len(cells) // most))
    return [max(cells[start : start + length]) for start in range(0, len(cells), length)]


def _times(seconds: float, scale: Scale, y: float, most: int) -> Iterable[Markup]:
    yield element("path", d=f"M{scale.start:.1f} {y:.1f}H{scale.end:.1f}", class_="axis")
    for tick in time_ticks(seconds, most=most):
        x = scale.place(tick)
        yield element("path", d=f"M{x:.1f} {y:.1f}v4", class_="axis")
        yield element("text", show_time(tick), x=x, y=y + 18, class_="tick middle")
