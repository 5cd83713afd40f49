"""The screen of a running trial: what is known now, and what is still needed."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from phoenix_platform.analysis.explanations import blocking_sentences
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.verdicts import Judgement
from phoenix_platform.cli import words
from phoenix_platform.cli.judgements import guardrails_now, headline, plain_table, reductions_now
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.trial.snapshot import Snapshot
from phoenix_platform.cli.trial.waiting import waiting_for
from phoenix_platform.core.units import show_duration, show_share
from phoenix_platform.metering.samples import Variant

_SAID_ABOVE = "A first verdict is possible "
"""What the headline says already."""


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
        yield reductions_now(judgement)
        yield _last_interval(snapshot)
        yield guardrails_now(judgement)
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


def _last_interval(snapshot: Snapshot) -> Table:
    table = plain_table("last interval", *Variant)
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


def _use(snapshot: Snapshot) -> Table:
    table = plain_table("used by the trial", "CPU (of one core)", "memory")
    for name, use in snapshot.use.items():
        table.add_row(name, words.cores(use.cores), words.memory(use.rss_bytes))
    share = snapshot.host_cpu_share
    table.add_row("all of it", NO_DATA if share is None else f"{show_share(share)} of the host", "")
    return table
