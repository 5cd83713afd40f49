"""The end of a trial: the verdict in words, the facts in tables, what was lost by name."""

import shlex
from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from phoenix_platform.analysis.explanations import lost_metrics_sentences
from phoenix_platform.analysis.verdicts import Judgement, Verdict
from phoenix_platform.cli import words
from phoenix_platform.cli.judgements import (
    guardrails_table,
    names_table,
    savings_table,
    totals_table,
    verdict_panel,
)
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.trial.options import TrialOptions
from phoenix_platform.cli.trial.snapshot import Snapshot
from phoenix_platform.core.units import show_duration, show_share
from phoenix_platform.metering.instances import NameLoss
from phoenix_platform.metering.samples import Variant
from phoenix_platform.pipelines import catalog

_MOST_NAMES = 15


def print_summary(
    options: TrialOptions,
    judgement: Judgement,
    snapshot: Snapshot,
    losses: list[NameLoss],
    notes: Iterable[str],
) -> None:
    """Everything a reader of the verdict needs, on stdout."""
    console = Console()
    for part in _parts(options, judgement, snapshot, losses, notes):
        console.print(part)


def _parts(
    options: TrialOptions,
    judgement: Judgement,
    snapshot: Snapshot,
    losses: list[NameLoss],
    notes: Iterable[str],
) -> Iterable[RenderableType]:
    assert judgement.verdict is not None
    yield verdict_panel(judgement, judgement.verdict)
    yield savings_table(judgement)
    yield guardrails_table(judgement)
    yield totals_table(judgement)
    yield names_table(judgement)
    yield _facts(options, judgement, snapshot)
    yield _losses(losses)
    if judgement.verdict is not Verdict.PROMOTE:  # which says it among its reasons
        yield from map(Text, lost_metrics_sentences(judgement.lost_metrics))
    yield from _to_take_home(options, judgement)
    for note in notes:
        yield Text(f"note: {note}", style="dim")


def _to_take_home(options: TrialOptions, judgement: Judgement) -> Iterable[Text]:
    """The command that puts a promoted entry of the catalog into the user's own configuration."""
    name, baseline = options.candidate.name, options.baseline.name
    if judgement.verdict is Verdict.PROMOTE and name in catalog.names():
        into = "my-config.yaml" if baseline in catalog.names() else shlex.quote(baseline)
        yield Text(
            f"To take it home: phoenix pipeline export {name} --into {into} --target otelcol-contrib@VERSION",
            no_wrap=True,  # a command is copied
            overflow="ignore",
        )


def _facts(options: TrialOptions, judgement: Judgement, snapshot: Snapshot) -> Table:
    table = Table(title="Measured", title_justify="left", header_style="bold")
    table.add_column("what")
    table.add_column("value", overflow="fold")
    binary = options.binary
    table.add_row("host", f"{options.host.name}, {options.host.processors} processors")
    table.add_row("collector", f"{binary.distribution} {binary.version}")
    table.add_row("window", f"{show_duration(judgement.window.total_seconds())}")
    table.add_row(
        "intervals",
        f"{judgement.intervals} judged, {judgement.paired} paired, {judgement.unpaired} unpaired",
    )
    table.add_row("scrapes", str(snapshot.scrapes))
    for variant, lost in snapshot.lost_scrapes.items():
        table.add_row(f"scrapes lost by the {variant}", str(lost))
    for variant, sample in snapshot.last.items():
        table.add_row(
            f"points out of the {variant} (last interval)",
            f"{words.count(sample.output_points)} of {words.count(sample.input_points)} in",
        )
    for name, use in snapshot.use.items():
        memory = f", {words.memory(use.rss_bytes)}" if use.rss_bytes is not None else ""
        table.add_row(f"CPU and memory: {name}", f"{words.cores(use.cores)} of one core{memory}")
    share = snapshot.host_cpu_share
    table.add_row(
        "CPU of the whole trial", NO_DATA if share is None else f"{show_share(share)} of the host"
    )
    return table


def _losses(losses: list[NameLoss]) -> RenderableType:
    lost = [loss for loss in losses if loss.visible[Variant.CANDIDATE] < loss.processes]
    if not lost:
        return Text("No process lost its own series.")
    table = Table(
        title="Processes without a series of their own in the candidate's output",
        title_justify="left",
        header_style="bold",
    )
    for column in ("executable name", "process ids seen", "baseline shows", "candidate shows"):
        table.add_column(column, overflow="fold")
    for loss in lost[:_MOST_NAMES]:
        table.add_row(
            repr(loss.name)[1:-1],
            str(loss.processes),
            *(str(loss.visible[variant]) for variant in Variant),
        )
    if len(lost) > _MOST_NAMES:
        rest = lost[_MOST_NAMES:]
        table.add_row(
            f"{len(rest)} more names (all in the record)",
            str(sum(loss.processes for loss in rest)),
            *(str(sum(loss.visible[variant] for loss in rest)) for variant in Variant),
        )
    return table
