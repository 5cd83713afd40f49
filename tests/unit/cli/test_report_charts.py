"""Drawings are whole XML, name what they show, and say where nothing was measured."""

import re
from collections.abc import Sequence
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from phoenix_platform.cli.reports.charts import FULL, HALF, PHONE, Bounds, Chart, Frame, Line, draw
from phoenix_platform.cli.reports.thinning import Point


def a_line(values: Sequence[float | None], *, name: str = "candidate") -> Line:
    points = [Point(float(second), value) for second, value in enumerate(values)]
    return Line(name=name, look=name, points=points, remark="mean 3")


def a_chart(*lines: Line, bounds: Sequence[Bounds] = (), target: float | None = None) -> Chart:
    return Chart(
        title="Series",
        description="Two lines.",
        lines=lines,
        seconds=60,
        show=lambda value: f"{value:g}",
        bounds=bounds,
        bounds_name="longer run" if bounds or target is not None else "",
        bounds_remark="0.5 to 0.7",
        target=target,
        target_name="target",
    )


def parsed(drawing: str) -> ET.Element:
    return ET.fromstring(drawing)  # noqa: S314 - our own drawing


def texts(drawing: str) -> list[str]:
    return [text.text or "" for text in parsed(drawing).iter("text")]


@pytest.mark.parametrize("frame", [FULL, HALF, PHONE], ids=["full", "half", "phone"])
def test_a_drawing_has_a_name_and_a_description(frame: Frame) -> None:
    drawing = parsed(draw(a_chart(a_line([1, 2, 3])), frame))
    assert [drawing.findtext("title"), drawing.findtext("desc")] == ["Series", "Two lines."]
    assert drawing.get("role") == "img"


def test_a_line_is_named_where_it_ends() -> None:
    assert {"candidate", "mean 3"} <= set(texts(draw(a_chart(a_line([1, 2, 3])), HALF)))


def test_names_of_lines_that_end_together_do_not_lie_upon_each_other() -> None:
    drawing = draw(
        a_chart(*(a_line([5, 5], name=name) for name in ("raw", "baseline", "candidate"))), HALF
    )
    heights = sorted(float(y) for y in re.findall(r'y="([\d.]+)" class="name', drawing))
    assert min(later - earlier for earlier, later in pairwise(heights)) >= 30
    assert heights[-1] < HALF.height


def test_a_gap_in_a_line_is_left_open() -> None:
    drawing = draw(a_chart(a_line([1, None, 3, 4])), HALF)
    path = re.findall(r'd="([^"]+)" class="line candidate"', drawing)[0]
    assert path.count("M") == 2


def test_without_any_value_the_drawing_says_so_and_has_no_axis() -> None:
    drawing = draw(a_chart(a_line([None, None])), HALF)
    assert "no data" in texts(drawing)
    assert "line candidate" not in drawing


def test_the_bounds_go_on_beyond_the_end_of_the_run() -> None:
    bounds = [Bounds(20, None, None), Bounds(40, 0.2, 0.9), Bounds(60, 0.5, 0.7)]
    drawing = draw(a_chart(a_line([0.6] * 60), bounds=bounds, target=0.3), FULL)
    bands = re.findall(r'width="([\d.]+)" height="[\d.]+" class="band"', drawing)
    assert len(bands) == 2
    assert all(float(width) > 20 for width in bands)
    assert {"no bounds yet", "target", "end of the run", "longer run", "0.5 to 0.7"} <= set(
        texts(drawing)
    )


def test_without_bounds_the_whole_run_is_marked_as_not_known() -> None:
    drawing = draw(a_chart(a_line([0.6] * 60), target=0.3), PHONE)
    assert drawing.count('class="band"') == 0
    assert "unknown" in drawing


def test_a_long_line_is_drawn_with_few_points() -> None:
    drawing = draw(a_chart(a_line([float(n % 97) for n in range(10_000)])), HALF)
    assert len(drawing) < 12_000
