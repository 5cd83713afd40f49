"""The end of a trial: the verdict in words, the facts in tables, what was lost by name."""

import shlex
from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from phoenix_platform.analysis.explanations import NOUN_OF, lost_metrics_sentences
from phoenix_platform.analysis.verdicts import Judgement, Verdict
from phoenix_platform.cli import words
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.trial.options import TrialOptions
from phoenix_platform.cli.trial.snapshot import Snapshot
from phoenix_platform.core.units import show_duration, show_share
from phoenix_platform.metering.instances import NameLoss
from phoenix_platform.metering.samples import Variant
from phoenix_platform.pipelines import catalog

_MOST_NAMES = 15
_STYLE_OF = {
    Verdict.PROMOTE: "green",
    Verdict.STOP_FUTILE: "yellow",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.ABORT: "red",
    Verdict.INVALID: "red",
}


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
    style = _STYLE_OF[judgement.verdict]
    # What keeps a run from a verdict is also what it still needs: said once.
    sentences = "\n".join(dict.fromkeys((*judgement.reasons, *judgement.needed)))
    yield Panel(Text(sentences), title=words.HEADLINE_OF[judgement.verdict], border_style=style)
    yield _savings(judgement)
    yield _guardrails(judgement)
    yield _totals(judgement)
    yield _names(judgement)
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


def _savings(judgement: Judgement) -> Table:
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


def _guardrails(judgement: Judgement) -> Table:
    table = Table(title="Guardrails", title_justify="left", header_style="bold")
    for column in ("guardrail", "status", "why"):
        table.add_column(column, overflow="fold")
    for result in judgement.guardrails:
        table.add_row(result.name.replace("_", " "), result.status.replace("_", " "), result.reason)
    return table


def _totals(judgement: Judgement) -> Table:
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


def _names(judgement: Judgement) -> RenderableType:
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
