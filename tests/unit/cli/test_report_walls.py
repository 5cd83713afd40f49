"""The wall tells the worst of what it joins: no miss disappears."""

from collections.abc import Sequence
from dataclasses import replace

from tests.unit.analysis.runs import DATABASE, PROXY, START, sample

from phoenix_platform.analysis.histories import JudgedInterval
from phoenix_platform.cli.reports.charts import FULL, PHONE
from phoenix_platform.cli.reports.walls import MOST_ROWS, Presence, draw_wall, wall_rows
from phoenix_platform.metering.samples import ProcessInstance, Variant


def an_interval(
    number: int,
    *,
    seen: Sequence[ProcessInstance] = (),
    missing: Sequence[ProcessInstance] = (),
    uncompared: bool = False,
    host: str = "a",
) -> JudgedInterval:
    baseline = sample(Variant.BASELINE, number, 100, host=host)
    candidate = replace(
        sample(Variant.CANDIDATE, number, 10, host=host),
        critical_seen=tuple(seen),
        critical_missing=tuple(missing),
    )
    return JudgedInterval(
        started_unix_nano=baseline.started_unix_nano,
        ended_unix_nano=baseline.ended_unix_nano,
        compared=() if uncompared else ((baseline, candidate),),
        uncompared_hosts=(host,) if uncompared else (),
    )


def test_a_row_tells_every_interval_of_a_process() -> None:
    intervals = [
        an_interval(0, seen=[DATABASE]),
        an_interval(1, uncompared=True),
        an_interval(2, missing=[DATABASE]),
        an_interval(3),
    ]
    (row,) = wall_rows(intervals)
    assert row.name == "postgres 4242"
    assert row.cells == [Presence.SEEN, Presence.UNCOMPARED, Presence.MISSING, Presence.ABSENT]
    assert row.first_missing is not None
    assert round(row.first_missing) == 2


def test_a_process_with_a_miss_stands_on_top() -> None:
    rows = wall_rows([an_interval(0, seen=[DATABASE], missing=[PROXY])])
    assert [row.name for row in rows] == ["nginx 4343", "postgres 4242"]


def test_on_several_hosts_a_row_names_its_host() -> None:
    rows = wall_rows([an_interval(0, seen=[DATABASE]), an_interval(1, seen=[DATABASE], host="b")])
    assert [row.name for row in rows] == ["postgres 4242 on a", "postgres 4242 on b"]


def test_many_processes_are_joined_by_name_and_keep_their_misses() -> None:
    many = [ProcessInstance("worker", pid, START) for pid in range(MOST_ROWS + 1)]
    rows = wall_rows([an_interval(0, seen=many), an_interval(1, seen=many[1:], missing=many[:1])])
    assert [row.name for row in rows] == ["worker, 25 processes"]
    assert rows[0].cells == [Presence.SEEN, Presence.MISSING]


def test_many_names_are_joined_into_a_last_row() -> None:
    many = [ProcessInstance(f"worker-{number:02}", number, START) for number in range(60)]
    rows = wall_rows([an_interval(0, seen=many[:-1], missing=many[-1:])])
    assert len(rows) == MOST_ROWS
    assert rows[0].name == "worker-59, 1 process"
    assert rows[-1].name == "37 more names"
    assert rows[-1].instances == 37


def test_one_miss_among_thousands_of_intervals_is_drawn_wide_enough_to_see() -> None:
    intervals = [an_interval(number, seen=[DATABASE]) for number in range(3_000)]
    intervals[1_500] = an_interval(1_500, missing=[DATABASE])
    drawing = draw_wall(wall_rows(intervals), 3_000, PHONE, title="wall", description="one miss")
    assert drawing.count('class="cell missing"') == 1
    assert 'width="3" height="20" class="cell missing"' in drawing or "hatched" in drawing
    assert len(drawing) < 10_000


def test_a_name_too_long_for_its_column_ends_in_dots() -> None:
    process = ProcessInstance("n" * 70, 1, START)
    drawing = draw_wall(
        wall_rows([an_interval(0, seen=[process])]), 1, PHONE, title="wall", description="-"
    )
    assert "n…</text>" in drawing


def test_what_was_not_there_is_drawn_as_a_thin_line() -> None:
    rows = wall_rows([an_interval(0, seen=[DATABASE]), an_interval(1)])
    drawing = draw_wall(rows, 2, FULL, title="wall", description="-")
    assert 'height="1" class="cell absent"' in drawing


def test_without_a_critical_process_there_is_no_row() -> None:
    assert wall_rows([an_interval(0)]) == []
    assert wall_rows([]) == []
