"""A judgement in tables: what a running and an ended comparison show, on one host or on a fleet.

`cli.trial` and `cli.experiments` print them.
"""

import math

from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from phoenix_platform.analysis.explanations import NOUN_OF
from phoenix_platform.analysis.guardrails import GuardrailStatus
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.verdicts import Judgement, Verdict
from phoenix_platform.cli import words
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.core.units import show_share
from phoenix_platform.metering.samples import Variant

_TELLING_INTERVALS = 20
"""Before so many, the estimate jumps between the least time and several times of it."""
_STYLE_OF = {
    GuardrailStatus.PASS: "green",
    GuardrailStatus.PENDING: "yellow",
    GuardrailStatus.ABORT: "bold red",
    GuardrailStatus.NO_DATA: "yellow",
    GuardrailStatus.NOT_MEASURED: "dim",
    GuardrailStatus.ACCEPTED: "yellow",
}
_STYLE_OF_VERDICT = {
    Verdict.PROMOTE: "green",
    Verdict.STOP_FUTILE: "yellow",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.ABORT: "red",
    Verdict.INVALID: "red",
}


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


def reductions_now(judgement: Judgement) -> Table:
    table = plain_table("in this window", "baseline", "candidate", "change", "in the longer run")
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


def guardrails_now(judgement: Judgement) -> Table:
    table = plain_table("guardrail", "status", "")
    for result in judgement.guardrails:
        status = Text(result.status.replace("_", " "), style=_STYLE_OF[result.status])
        table.add_row(result.name.replace("_", " "), status, result.reason)
    return table


def verdict_panel(judgement: Judgement, verdict: Verdict) -> Panel:
    """The verdict, why, and what is still needed."""
    # What keeps a run from a verdict is also what it still needs: said once.
    sentences = "\n".join(dict.fromkeys((*judgement.reasons, *judgement.needed)))
    style = _STYLE_OF_VERDICT[verdict]
    return Panel(Text(sentences), title=words.HEADLINE_OF[verdict], border_style=style)


def savings_table(judgement: Judgement) -> Table:
    table = Table(title="Saved", title_justify="left", header_style="bold")
    for column in ("", "baseline", "candidate", "in this window (exact)", "in the longer run"):
        table.add_column(column, overflow="fold")
    for state in judgement.reductions:
        is_objective = state.objective is judgement.objective
        table.add_row(
            NOUN_OF[state.objective] + (" (objective)" if is_objective else ""),
            words.count(state.baseline_total),
            words.count(state.candidate_total),
            words.change(state.window_reduction),
            words.bounds(state),
        )
    return table


def guardrails_table(judgement: Judgement) -> Table:
    table = Table(title="Guardrails", title_justify="left", header_style="bold")
    for column in ("guardrail", "status", "why"):
        table.add_column(column, overflow="fold")
    for result in judgement.guardrails:
        table.add_row(result.name.replace("_", " "), result.status.replace("_", " "), result.reason)
    return table


def totals_table(judgement: Judgement) -> Table:
    table = Table(
        title="Host totals: error over the window (WAPE)", title_justify="left", header_style="bold"
    )
    for column in ("metric", *Variant):
        table.add_column(column, overflow="fold")
    metrics = sorted({one.metric for one in judgement.fidelity})
    wape_of = {(one.variant, one.metric): one for one in judgement.fidelity}
    for metric in metrics:
        cells: list[str] = []
        for variant in Variant:
            one = wape_of.get((variant, metric))
            if one is None or one.wape is None:
                cells.append(NO_DATA)
            else:
                cells.append("exact" if not one.broken_samples else show_share(one.wape))
        table.add_row(words.metric_label(metric), *cells)
    return table


def names_table(judgement: Judgement) -> RenderableType:
    """What a reader may still ask by name: coverage and recall of each signal."""
    if not judgement.names:
        return Text("What is still shown by name: no data.")
    table = Table(
        title="Still shown by name: share of the signal, of the ten largest processes",
        title_justify="left",
        header_style="bold",
    )
    for column in ("signal", *Variant, "effective number of processes"):
        table.add_column(column, overflow="fold")
    for signal in sorted({one.signal for one in judgement.names}):
        of = {one.variant: one for one in judgement.names if one.signal == signal}
        table.add_row(
            signal,
            *(words.by_name(of.get(variant)) for variant in Variant),
            words.effective_numbers(of),
        )
    return table


def plain_table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", expand=False)
    table.add_column(first)
    for column in others:
        table.add_column(column, overflow="fold")
    return table


def _first_verdict(judgement: Judgement, intervals: int, plan: Plan) -> str:
    """When a verdict can come first: from the correlation, which the first scrapes do not tell."""
    if intervals < _TELLING_INTERVALS:
        return "too early to say when a verdict is possible"
    left = (judgement.verdict_possible_at - intervals) * plan.interval.total_seconds()
    minutes = math.ceil(max(left, 0) / 60)
    return f"first verdict possible in about {max(minutes, 1)} min"
