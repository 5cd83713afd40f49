"""The course of a run: the same intervals and sums as the judgement's, with its bounds in their place."""

from dataclasses import replace

import pytest
from tests.unit.analysis.runs import AT_END, CONDITIONS, PLAN, Change, run, unchanged

from phoenix_platform.analysis.histories import (
    JudgedInterval,
    judged_intervals,
    reduction_points,
)
from phoenix_platform.analysis.plans import Objective
from phoenix_platform.analysis.verdicts import Conditions, Judgement, Verdict, judge
from phoenix_platform.metering.samples import Sample, Variant


def walked(
    samples: list[Sample], conditions: Conditions = AT_END
) -> tuple[tuple[JudgedInterval, ...], Judgement]:
    judgement = judge(samples, PLAN, conditions)
    return judged_intervals(samples, PLAN, conditions, judgement), judgement


def without_the_candidates_scrape(*scrapes: int) -> Change:
    def change(sample: Sample) -> Sample | None:
        is_gone = sample.variant is Variant.CANDIDATE and sample.scrape in scrapes
        return None if is_gone else sample

    return change


@pytest.mark.parametrize("objective", list(Objective))
def test_the_points_add_up_to_the_judgements_totals(objective: Objective) -> None:
    intervals, judgement = walked(run(130))
    state = next(state for state in judgement.reductions if state.objective is objective)
    points = reduction_points(intervals, judgement, objective)
    assert len(points) == state.intervals
    assert sum(point.baseline for point in points) == state.baseline_total
    assert sum(point.candidate for point in points) == state.candidate_total
    assert points[-1].window_reduction == state.window_reduction


def test_the_looks_stand_where_their_batches_ended() -> None:
    intervals, judgement = walked(run(130))
    state = next(one for one in judgement.reductions if one.objective is judgement.objective)
    points = reduction_points(intervals, judgement, judgement.objective)
    looks = {number: point.look for number, point in enumerate(points, 1) if point.look}
    assert looks == {look.intervals: look for look in state.path}


def test_nothing_behind_the_verdict_is_told() -> None:
    samples = run(300)
    intervals, judgement = walked(samples)
    assert judgement.verdict is Verdict.PROMOTE
    assert len(intervals) == judgement.intervals < 298


def test_the_first_scrapes_are_left_out() -> None:
    intervals, _ = walked(run(10))
    assert [pair[0].scrape for one in intervals for pair in one.compared] == list(range(2, 10))


def test_an_interval_that_one_variant_missed_is_told_as_not_compared() -> None:
    intervals, judgement = walked(run(30, change=without_the_candidates_scrape(7)))
    gaps = [one for one in intervals if one.uncompared_hosts]
    assert [one.uncompared_hosts for one in gaps] == [("a",)]
    assert judgement.unpaired == 1
    assert len(reduction_points(intervals, judgement, Objective.SERIES)) == judgement.paired


def test_an_interval_of_two_hosts_is_compared_on_the_host_that_saw_it_whole() -> None:
    lossy = run(30, change=without_the_candidates_scrape(7), host="b")
    intervals, judgement = walked([*run(30), *lossy])
    points = reduction_points(intervals, judgement, Objective.POINTS)
    gap = next(one for one in intervals if one.uncompared_hosts)
    assert [pair[0].host for pair in gap.compared] == ["a"]
    assert sum(point.baseline for point in points) == judgement.reductions[0].baseline_total


def test_a_run_without_samples_has_no_course() -> None:
    intervals, judgement = walked([])
    assert intervals == ()
    assert reduction_points(intervals, judgement, Objective.SERIES) == ()


def test_while_the_run_goes_on_only_complete_intervals_are_told() -> None:
    samples = run(10, change=without_the_candidates_scrape(8, 9))
    intervals, _ = walked(samples, CONDITIONS)
    assert len(intervals) == 6


def test_a_baseline_that_let_nothing_out_has_no_reduction() -> None:
    def silent(sample: Sample) -> Sample | None:
        return replace(sample, series=0, stored_bytes=0)

    intervals, judgement = walked(run(5, change=silent))
    points = reduction_points(intervals, judgement, Objective.SERIES)
    assert [point.window_reduction for point in points] == [None] * 3


def test_the_course_begins_and_ends_with_the_scrapes_times() -> None:
    intervals, judgement = walked(run(10, change=unchanged))
    first, last = intervals[0], intervals[-1]
    nanoseconds = last.ended_unix_nano - first.started_unix_nano
    assert nanoseconds == round(judgement.window.total_seconds() * 1e9)
