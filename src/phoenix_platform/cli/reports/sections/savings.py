"""Saved: exactly in this window, with bounds for the longer run, and how these bounds came to be."""

from collections.abc import Sequence

from phoenix_platform.analysis.explanations import NOUN_OF
from phoenix_platform.analysis.histories import ReductionPoint, reduction_points
from phoenix_platform.analysis.plans import Objective
from phoenix_platform.analysis.reductions import ReductionState
from phoenix_platform.cli import words
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.reports.blocks import Bar, Card, Cards, Figure, Section, Table
from phoenix_platform.cli.reports.charts import Bounds, Chart, Line
from phoenix_platform.cli.reports.figures import figure_of
from phoenix_platform.cli.reports.scales import show_time
from phoenix_platform.cli.reports.subjects import Subject
from phoenix_platform.cli.reports.thinning import Point
from phoenix_platform.cli.reports.words import share, size, whole
from phoenix_platform.core.units import show_share
from phoenix_platform.metering.samples import Variant

_ORDER = (Objective.SERIES, Objective.POINTS, Objective.BYTES)


def savings(subject: Subject) -> Section:
    states = {state.objective: state for state in subject.judgement.reductions}
    objective = subject.judgement.objective
    order = sorted(_ORDER, key=lambda each: each is not objective)
    cards = Cards(cards=tuple(_card(subject, states[each]) for each in order))
    return Section(
        anchor="saved",
        title="What is saved",
        lead="Both pipelines were given the same scrapes, so within this window the saving is a count "
        "without error. For the longer run there are bounds, which hold however often one looks.",
        blocks=(cards, _sequence(subject, states[objective])),
    )


def _card(subject: Subject, state: ReductionState) -> Card:
    noun = NOUN_OF[state.objective]
    is_objective = state.objective is subject.judgement.objective
    means = {
        Variant.BASELINE: state.baseline_total / state.intervals if state.intervals else None,
        Variant.CANDIDATE: state.candidate_total / state.intervals if state.intervals else None,
    }
    most = max((value for value in means.values() if value), default=1.0)
    show = size if state.objective is Objective.BYTES else whole
    bars = tuple(
        Bar(look=variant.value, name=variant.value, share=(value or 0) / most, words=show(value))
        for variant, value in means.items()
    )
    estimated = ", estimated" if state.objective is Objective.BYTES else ""
    return Card(
        label=noun + (" (what decides)" if is_objective else ""),
        value=words.change(state.window_reduction),
        detail=f"in the longer run {_bounds(state)}",
        made_from=f"Mean per interval{estimated}, over {state.intervals} intervals compared.",
        bars=bars,
        is_first=is_objective,
    )


def _bounds(state: ReductionState) -> str:
    found = words.bounds(state)
    return "not known yet" if found == "too early" else found


def _sequence(subject: Subject, state: ReductionState) -> Figure:
    points = reduction_points(subject.intervals, subject.judgement, state.objective)
    noun, target = NOUN_OF[state.objective], subject.trial.plan.target_reduction
    course = [Point(subject.seconds_at(p.ended_unix_nano), p.window_reduction) for p in points]
    bounds = [
        Bounds(subject.seconds_at(p.ended_unix_nano), p.look.reduction_low, p.look.reduction_high)
        for p in points
        if p.look
    ]
    lows = [bound.low for bound in bounds if bound.low is not None]
    lowest = min([0.0, *lows, *(p.value for p in course if p.value is not None)])
    chart = Chart(
        title=f"Share of {noun} saved, over the time of the run",
        description=f"{_spoken(state)} The target is {show_share(target)}.",
        lines=(
            Line(
                name="in this window",
                look="candidate",
                points=course,
                remark=share(state.window_reduction),
            ),
        ),
        seconds=subject.seconds,
        show=lambda value: show_share(value, digits=0),
        low=max(lowest, -1.0),
        high=1.0,
        bounds=bounds,
        bounds_name="longer run",
        bounds_remark=_short_bounds(state),
        target=target,
        target_name=f"target {show_share(target, digits=0)}",
    )
    note = (
        "Line: 1 − candidate / baseline over all intervals so far, a count. Band: where the saving of "
        "the longer run lies, a confidence sequence at 95 % that is made again at each end of a "
        "batch. A verdict needs the whole band on one side of the target."
    )
    return figure_of(chart, note=note, is_half=False, table=_looks(subject, points))


def _short_bounds(state: ReductionState) -> str:
    look = state.last_look
    if look is None or look.reduction_low is None or look.reduction_high is None:
        return ""
    return f"{100 * look.reduction_low:.1f} to {show_share(look.reduction_high)}"


def _spoken(state: ReductionState) -> str:
    window = share(state.window_reduction)
    return f"Saved in this window: {window}. For the longer run: {_short_bounds(state) or NO_DATA}."


def _looks(subject: Subject, points: Sequence[ReductionPoint]) -> Table:
    rows = [
        (
            show_time(round(subject.seconds_at(point.ended_unix_nano))),
            str(look.intervals),
            f"{look.batches} of {look.batch_length}",
            share(point.window_reduction),
            share(look.reduction_low),
            share(look.reduction_high),
        )
        for point in points
        if (look := point.look)
    ]
    return Table(
        caption="The bounds at each end of a batch",
        columns=("after", "intervals", "batches", "saved in window", "at least", "at most"),
        rows=tuple(rows),
        numeric=(0, 1, 2, 3, 4, 5),
    )
