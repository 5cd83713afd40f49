"""The screen of a running trial: what is known now, and what is still needed."""

import math
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from phoenix_platform.analysis.explanations import NOUN_OF, blocking_sentences
from phoenix_platform.analysis.guardrails import GuardrailStatus
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.verdicts import Judgement
from phoenix_platform.cli import words
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.trial.snapshot import Snapshot
from phoenix_platform.cli.trial.waiting import waiting_for
from phoenix_platform.core.units import show_duration, show_share
from phoenix_platform.metering.samples import Variant

_TELLING_INTERVALS = 20
"""Before so many, the estimate jumps between the least time and several times of it."""
_SAID_ABOVE = "A first verdict is possible "
"""What the headline says already."""
_STYLE_OF = {
    GuardrailStatus.PASS: "green",
    GuardrailStatus.PENDING: "yellow",
    GuardrailStatus.ABORT: "bold red",
    GuardrailStatus.NO_DATA: "yellow",
    GuardrailStatus.NOT_MEASURED: "dim",
    GuardrailStatus.ACCEPTED: "yellow",
}


def screen_of(snapshot: Snapshot, plan: Plan, title: str) -> RenderableType:
    """Everything on one screen of 80 columns."""
    return Group(*_parts(snapshot, plan, title))


def _parts(snapshot: Snapshot, plan: Plan, title: str) -> Iterable[RenderableType]:
    yield Text(title, style="bold")
    most = show_duration(plan.max_duration.total_seconds())
    yield Text(
        f"{show_duration(snapshot.elapsed_seconds)} of at most {most} · "
        f"{snapshot.scrapes} scrapes · lost {sum(snapshot.lost_scrapes.values())}"
    )
    judgement = snapshot.judgement
    if judgement is None:
        yield Text("waiting for the first interval to close", style="dim")
    else:
        yield Text(headline(judgement, plan), style="bold cyan")
        yield _reductions(judgement)
        yield _last_interval(snapshot)
        yield _guardrails(judgement)
    yield _use(snapshot)
    if judgement is not None:
        yield from (
            Text(sentence, style="yellow") for sentence in _still_needed(snapshot, judgement)
        )


def _still_needed(snapshot: Snapshot, judgement: Judgement) -> Iterable[str]:
    """What the screen does not say yet: why a guardrail is open stands in the table."""
    awaited = waiting_for(judgement.guardrails, snapshot.batches)
    if awaited:
        yield f"Waiting for: {awaited}."
    in_table = blocking_sentences(judgement.guardrails)
    for sentence in judgement.needed:
        if sentence not in in_table and not sentence.startswith(_SAID_ABOVE):
            yield sentence


def headline(judgement: Judgement, plan: Plan) -> str:
    """`series in this window: −83.2 % (exact), first verdict possible in about 4 min`."""
    state = next(one for one in judgement.reductions if one.objective is judgement.objective)
    text = (
        f"{NOUN_OF[state.objective]} in this window: {words.change(state.window_reduction)} (exact)"
    )
    look = state.last_look
    if look is None or look.reduction_low is None:
        return f"{text}, {_first_verdict(judgement, state.intervals, plan)}"
    return f"{text}, for the longer run {words.bounds(state)}"


def _first_verdict(judgement: Judgement, intervals: int, plan: Plan) -> str:
    """When a verdict can come first: from the correlation, which the first scrapes do not tell."""
    if intervals < _TELLING_INTERVALS:
        return "too early to say when a verdict is possible"
    left = (judgement.verdict_possible_at - intervals) * plan.interval.total_seconds()
    minutes = math.ceil(max(left, 0) / 60)
    return f"first verdict possible in about {max(minutes, 1)} min"


def _reductions(judgement: Judgement) -> Table:
    table = _table("in this window", "baseline", "candidate", "change", "in the longer run")
    for state in judgement.reductions:
        marker = " ◄ objective" if state.objective is judgement.objective else ""
        table.add_row(
            NOUN_OF[state.objective] + marker,
            words.count(state.baseline_total),
            words.count(state.candidate_total),
            words.change(state.window_reduction),
            words.bounds(state),
        )
    return table


def _last_interval(snapshot: Snapshot) -> Table:
    table = _table("last interval", *Variant)
    samples = [snapshot.last.get(variant) for variant in Variant]
    table.add_row("points in", *(words.count(s.input_points) if s else NO_DATA for s in samples))
    table.add_row("points out", *(words.count(s.output_points) if s else NO_DATA for s in samples))
    table.add_row("series out", *(words.count(s.series) if s else NO_DATA for s in samples))
    table.add_row(
        "critical processes seen",
        *(
            f"{len(s.critical_seen)} of {len(s.critical_seen) + len(s.critical_missing)}"
            if s
            else NO_DATA
            for s in samples
        ),
    )
    metrics = sorted({metric for sample in samples if sample for metric in sample.totals})
    for metric in metrics:
        table.add_row(
            f"host total {metric}",
            *(words.total_error(sample, metric) if sample else NO_DATA for sample in samples),
        )
    return table


def _guardrails(judgement: Judgement) -> Table:
    table = _table("guardrail", "status", "")
    for result in judgement.guardrails:
        status = Text(result.status.replace("_", " "), style=_STYLE_OF[result.status])
        table.add_row(result.name.replace("_", " "), status, result.reason)
    return table


def _use(snapshot: Snapshot) -> Table:
    table = _table("used by the trial", "CPU (of one core)", "memory")
    for name, use in snapshot.use.items():
        table.add_row(name, words.cores(use.cores), words.memory(use.rss_bytes))
    share = snapshot.host_cpu_share
    table.add_row("all of it", NO_DATA if share is None else f"{show_share(share)} of the host", "")
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", expand=False)
    table.add_column(first)
    for column in others:
        table.add_column(column, overflow="fold")
    return table
