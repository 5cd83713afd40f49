"""Courses over the time of a run, drawn as SVG: lines, bounds, a target. Used by `sections`.

Colours and type are in the style sheet, by class: a variant looks the same in every drawing. Each line
is named where it ends, so that colour is never the only way to tell them apart. A drawing is made once
for screens and paper and once for phones, because letters must not shrink with the drawing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from phoenix_platform.cli.reports.markup import element
from phoenix_platform.cli.reports.scales import Scale, round_ticks, show_time, time_ticks
from phoenix_platform.cli.reports.thinning import Point, thinned

_LETTER: Final = 7.2
"""Width of a letter at the drawing's 12 px, a little on the wide side: the reader's font is not known."""
_BOLD_LETTER: Final = 8.6
"""The same at 13 px and bold."""
_LINE_HEIGHT: Final = 15.0
_TOP: Final = 14.0
_BOTTOM: Final = 26.0
_GAP: Final = 8.0
_LOOK_AHEAD: Final = 1.09


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    name: str
    look: str
    """Class of the style sheet: `baseline`, `candidate`, `raw`."""
    points: Sequence[Point]
    remark: str = ""
    """Beside the name, such as the mean."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """From this time on the truth lies between the two; None while there are no bounds."""

    seconds: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    title: str
    description: str
    """What a reader who does not see the drawing must know."""
    lines: Sequence[Line]
    seconds: float
    """How long the run took; the time axis ends there, or a little later where there are bounds."""
    show: Callable[[float], str]
    """A value of the vertical axis in words, with its unit."""
    low: float | None = 0.0
    """Where the vertical axis begins; None: at the smallest value."""
    high: float | None = None
    is_binary: bool = False
    """Whether round steps are powers of two, as for bytes."""
    bounds: Sequence[Bounds] = ()
    bounds_name: str = ""
    bounds_remark: str = ""
    target: float | None = None
    target_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """How large a drawing is, in units that are pixels at its full width."""

    width: float
    height: float
    most_points: int
    most_times: int


FULL: Final = Frame(width=920, height=300, most_points=600, most_times=9)
HALF: Final = Frame(width=452, height=220, most_points=300, most_times=5)
PHONE: Final = Frame(width=328, height=220, most_points=160, most_times=4)


def draw(chart: Chart, frame: Frame) -> Markup:
    """The drawing of one chart; without any value it says so."""
    values = list(_values(chart))
    low = chart.low if chart.low is not None else min(values, default=0.0)
    high = chart.high if chart.high is not None else max(values, default=1.0)
    ticks = round_ticks(low, high, most=4, binary=chart.is_binary)
    words = [chart.show(tick) for tick in ticks]
    left = _LETTER * max(map(len, words)) + _GAP
    right = frame.width - max(_label_widths(chart), default=0.0) - _GAP
    horizontal = Scale(0.0, max(chart.seconds * _beyond(chart), 1e-9), left, right)
    vertical = Scale(ticks[0], ticks[-1], frame.height - _BOTTOM, _TOP)
    is_empty = not has_values(chart)
    parts: list[Markup] = [
        *(() if is_empty else _vertical_axis(ticks, words, horizontal, vertical)),
        *_time_axis(chart, frame, horizontal),
        *_end_of_run(chart, horizontal, vertical),
        *_band(chart, horizontal, vertical),
        *_target(chart, horizontal, vertical),
        *(part for line in chart.lines for part in _line(line, frame, horizontal, vertical)),
        *_end_labels(chart, horizontal, vertical),
    ]
    if is_empty:
        middle = (left + right) / 2
        parts.append(element("text", "no data", x=middle, y=frame.height / 2, class_="nothing"))
    return element(
        "svg",
        element("title", chart.title),
        element("desc", chart.description),
        *parts,
        viewBox=f"0 0 {frame.width:g} {frame.height:g}",
        role="img",
        class_="chart",
    )


def _beyond(chart: Chart) -> float:
    """Bounds speak for the time after the run, so they go on beyond its end."""
    return _LOOK_AHEAD if chart.bounds_name else 1.0


def has_values(chart: Chart) -> bool:
    """Whether anything was measured that a line could show."""
    return any(point.value is not None for line in chart.lines for point in line.points)


def _values(chart: Chart) -> Iterator[float]:
    for line in chart.lines:
        yield from (point.value for point in line.points if point.value is not None)
    if chart.target is not None:
        yield chart.target
    for bounds in chart.bounds:
        yield from (bound for bound in (bounds.low, bounds.high) if bound is not None)


def _label_widths(chart: Chart) -> Iterator[float]:
    names = [(line.name, line.remark) for line in chart.lines]
    for name, remark in (*names, (chart.bounds_name, chart.bounds_remark)):
        yield max(_BOLD_LETTER * len(name), _LETTER * len(remark))


def _vertical_axis(
    ticks: Sequence[float], words: Sequence[str], horizontal: Scale, vertical: Scale
) -> Iterator[Markup]:
    for tick, word in zip(ticks, words, strict=True):
        y = vertical.place(tick)
        look = "axis" if tick == 0 else "grid"
        yield element(
            "path", d=f"M{horizontal.start:.1f} {y:.1f}H{horizontal.end:.1f}", class_=look
        )
        yield element("text", word, x=horizontal.start - _GAP, y=y + 4, class_="tick end")


def _time_axis(chart: Chart, frame: Frame, horizontal: Scale) -> Iterator[Markup]:
    y = frame.height - _BOTTOM
    for tick in time_ticks(chart.seconds, most=frame.most_times):
        x = horizontal.place(tick)
        yield element("path", d=f"M{x:.1f} {y:.1f}v4", class_="axis")
        yield element("text", show_time(tick), x=x, y=y + 18, class_="tick middle")


def _line(line: Line, frame: Frame, horizontal: Scale, vertical: Scale) -> Iterator[Markup]:
    steps: list[str] = []
    is_drawing = False
    for point in thinned(line.points, most=frame.most_points):
        if point.value is None:
            is_drawing = False
            continue
        place = f"{horizontal.place(point.seconds):.1f} {vertical.place(point.value):.1f}"
        # A move and a line to the same place: a lone value between two gaps is a dot.
        steps.append(f"L{place}" if is_drawing else f"M{place}L{place}")
        is_drawing = True
    if steps:
        yield element("path", d="".join(steps), class_=f"line {line.look}")


def _band(chart: Chart, horizontal: Scale, vertical: Scale) -> Iterator[Markup]:
    ends = [*(bounds.seconds for bounds in chart.bounds[1:]), chart.seconds * _LOOK_AHEAD]
    known = [
        (horizontal.place(bounds.seconds), horizontal.place(end), bounds.low, bounds.high)
        for bounds, end in zip(chart.bounds, ends, strict=False)
        if bounds.low is not None and bounds.high is not None
    ]
    begin = known[0][0] if known else horizontal.place(chart.seconds)
    if chart.bounds_name:
        yield from _unknown(begin, horizontal, vertical)
    for start, end, low, high in known:
        assert low is not None
        assert high is not None
        top, bottom = vertical.place(high), vertical.place(low)
        yield element(
            "rect", x=start, y=top, width=end - start, height=max(bottom - top, 1.0), class_="band"
        )
        for y in (top, bottom):
            yield element("path", d=f"M{start:.1f} {y:.1f}H{end:.1f}", class_="bound")


def _unknown(end: float, horizontal: Scale, vertical: Scale) -> Iterator[Markup]:
    """The time before the first bounds, where nothing is known of the longer run."""
    width, height = end - horizontal.start, vertical.start - vertical.end
    yield element(
        "rect", x=horizontal.start, y=vertical.end, width=width, height=height, class_="unknown"
    )
    words = "no bounds yet"
    if width > _LETTER * len(words):
        middle = horizontal.start + width / 2
        yield element("text", words, x=middle, y=vertical.start - 10, class_="tick middle halo")


def _end_of_run(chart: Chart, horizontal: Scale, vertical: Scale) -> Iterator[Markup]:
    if chart.bounds_name:
        x = horizontal.place(chart.seconds)
        yield element(
            "path", d=f"M{x:.1f} {vertical.end:.1f}V{vertical.start:.1f}", class_="end-line"
        )
        y = vertical.end - 4
        yield element("text", "end of the run", x=x, y=y, class_="tick middle")


def _target(chart: Chart, horizontal: Scale, vertical: Scale) -> Iterator[Markup]:
    if chart.target is None:
        return
    y = vertical.place(chart.target)
    yield element(
        "path", d=f"M{horizontal.start:.1f} {y:.1f}H{horizontal.end:.1f}", class_="target"
    )
    x = horizontal.start + 6
    # On the side where the first line does not begin.
    first = next(
        (p.value for line in chart.lines for p in line.points if p.value is not None), None
    )
    is_below = first is not None and first >= chart.target and y + 20 < vertical.start
    yield element(
        "text", chart.target_name, x=x, y=y + 16 if is_below else y - 6, class_="target-name halo"
    )


def _end_labels(chart: Chart, horizontal: Scale, vertical: Scale) -> Iterator[Markup]:
    """Names where the lines end, pushed apart where they would lie upon each other."""
    wanted: list[tuple[float, str, str, str]] = []
    for line in chart.lines:
        last = next((p.value for p in reversed(line.points) if p.value is not None), None)
        if last is not None:
            wanted.append((vertical.place(last), line.look, line.name, line.remark))
    if chart.bounds and (bounds := chart.bounds[-1]).low is not None and bounds.high is not None:
        middle = vertical.place((bounds.low + bounds.high) / 2)
        wanted.append((middle, "bounds", chart.bounds_name, chart.bounds_remark))
    x, lowest = horizontal.end + _GAP, _TOP + 4
    height = 2 * _LINE_HEIGHT + 4
    room = vertical.start - height * len(wanted) + _LINE_HEIGHT
    for place, look, name, remark in sorted(wanted):
        y = min(max(place, lowest), max(room, lowest))
        lowest, room = y + height, room + height
        yield element("text", name, x=x, y=y, class_=f"name {look}")
        yield element("text", remark, x=x, y=y + _LINE_HEIGHT, class_="remark")
