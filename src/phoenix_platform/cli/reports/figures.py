"""Figures as the sections ask for them: both drawings of a chart, with its numbers in a table."""

from collections.abc import Callable, Sequence
from typing import Final

from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.reports.blocks import Figure, Table
from phoenix_platform.cli.reports.charts import FULL, HALF, PHONE, Chart, Line, draw
from phoenix_platform.cli.reports.scales import show_time
from phoenix_platform.cli.reports.thinning import Stretch, stretches

_MOST_ROWS: Final = 24


def figure_of(
    chart: Chart, *, note: str, is_half: bool = True, table: Table | None = None
) -> Figure:
    """The chart as a figure of the page; its table is made from its lines unless given."""
    longest = max((len(line.points) for line in chart.lines), default=0)
    frame = HALF if is_half else FULL
    if longest > frame.most_points:
        note = (
            f"{note} Drawn from {longest} values: of every stretch of time the smallest and the "
            "largest, so no peak is lost."
        )
    return Figure(
        title=chart.title,
        note=note,
        wide=draw(chart, frame),
        narrow=draw(chart, PHONE),
        table=table or table_of(chart.lines, chart.show, caption=chart.title),
        is_half=is_half,
    )


def table_of(lines: Sequence[Line], show: Callable[[float], str], *, caption: str) -> Table:
    """Least, mean and most of each line in stretches of the run."""
    courses = [stretches(line.points, most=_MOST_ROWS) for line in lines]
    rows = [
        (show_time(round(line_parts[0].start)), *(_cell(part, show) for part in line_parts))
        for line_parts in zip(*courses, strict=False)
    ]
    is_single = all(len(line.points) <= _MOST_ROWS for line in lines)
    return Table(
        caption=caption if is_single else f"{caption}: mean of each stretch (least to most)",
        columns=("from", *(line.name for line in lines)),
        rows=tuple(rows),
        numeric=tuple(range(len(lines) + 1)),
    )


def _cell(part: Stretch, show: Callable[[float], str]) -> str:
    if part.low is None or part.mean is None or part.high is None:
        return NO_DATA
    if part.points == 1 or part.low == part.high:
        return show(part.mean)
    return f"{show(part.mean)} ({show(part.low)} to {show(part.high)})"


def mean_of(line: Sequence[float | None]) -> float | None:
    """Mean of what was measured; None if nothing was."""
    measured = [value for value in line if value is not None]
    return sum(measured) / len(measured) if measured else None
