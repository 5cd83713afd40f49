"""What was lost, by name, and which rule took it away."""

from phoenix_platform.analysis.explanations import lost_metrics_sentences
from phoenix_platform.cli.reports.blocks import Block, Prose, Section, Table
from phoenix_platform.cli.reports.markup import short_name
from phoenix_platform.cli.reports.subjects import RecordedLoss, Subject
from phoenix_platform.cli.reports.words import listed, whole
from phoenix_platform.metering.samples import Variant

_FIRST_NAMES = 12
"""That a reader sees at once."""
_MOST_NAMES = 300


def losses(subject: Subject) -> Section:
    lost = lost_names(subject)
    rules = listed(
        [short_name(rule) for rule in subject.trial.variants[Variant.CANDIDATE].drops_with],
        nothing="none that is known",
    )
    blocks: list[Block] = [
        Prose(
            paragraphs=(
                f"Components of the candidate that drop processes, or sum them up: {rules}.",
            )
        )
    ]
    if lost:
        blocks += _names(lost)
    else:
        blocks.append(Prose(paragraphs=("No process lost its own series.",)))
    if lost_metrics := lost_metrics_sentences(subject.judgement.lost_metrics):
        blocks.append(Prose(paragraphs=tuple(lost_metrics)))
    if subject.trial.series_by_metric:
        blocks.append(_metrics(subject))
    return Section(
        anchor="losses",
        title="What is lost, and why",
        lead="Processes that the scrapes held and the candidate no longer shows one by one, by the "
        "name of their executable.",
        blocks=tuple(blocks),
    )


def lost_names(subject: Subject) -> list[RecordedLoss]:
    """Names of which the candidate does not show every process, the most processes first."""
    return [
        loss
        for loss in subject.trial.losses
        if loss.visible.get(Variant.CANDIDATE, 0) < loss.processes
    ]


def _names(lost: list[RecordedLoss]) -> list[Table]:
    first, others = lost[:_FIRST_NAMES], lost[_FIRST_NAMES:]
    rows = [_row(short_name(loss.name), [loss]) for loss in first]
    if not others:
        return [_table(rows, "Process ids since the start")]
    rows.append(_row(f"{whole(len(others))} more names", others))
    more = [_row(short_name(loss.name), [loss]) for loss in others[:_MOST_NAMES]]
    if rest := others[_MOST_NAMES:]:
        more.append(_row(f"{whole(len(rest))} more names, all in the record", rest))
    return [
        _table(rows, "Process ids since the start"),
        _table(more, f"The {whole(len(others))} other names", folded=True),
    ]


def _table(rows: list[tuple[str, ...]], caption: str, *, folded: bool = False) -> Table:
    return Table(
        caption=caption,
        columns=("executable name", "seen in the scrapes", "baseline shows", "candidate shows"),
        rows=tuple(rows),
        numeric=(1, 2, 3),
        folded=folded,
    )


def _row(name: str, lost: list[RecordedLoss]) -> tuple[str, ...]:
    return (
        name,
        whole(sum(loss.processes for loss in lost)),
        *(whole(sum(loss.visible.get(variant, 0) for loss in lost)) for variant in Variant),
    )


def _metrics(subject: Subject) -> Table:
    by_metric = subject.trial.series_by_metric
    names = sorted({name for counts in by_metric.values() for name in counts})
    rows = [
        (short_name(name), *(whole(by_metric.get(variant, {}).get(name, 0)) for variant in Variant))
        for name in names
    ]
    return Table(
        caption="Series by metric, in the last interval measured",
        columns=("metric", *(variant.value for variant in Variant)),
        rows=tuple(rows),
        numeric=(1, 2),
    )
