"""What the kept data can still tell: how much of each signal is in processes that kept their name."""

from collections.abc import Callable

from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.reports.blocks import Block, Prose, Section, Table
from phoenix_platform.cli.reports.figures import figure_of, mean_of
from phoenix_platform.cli.reports.markup import short_name
from phoenix_platform.cli.reports.sections.volumes import variants_chart
from phoenix_platform.cli.reports.subjects import Subject, of_variant
from phoenix_platform.cli.reports.words import share
from phoenix_platform.core.units import show_share
from phoenix_platform.metering.samples import Sample, Variant, Visibility

_LEAD = (
    "Coverage: the share of a signal that is in processes with their own name. Recall: how many of the "
    "ten largest processes of an interval still have theirs."
)

_LABEL_OF = {"cpu": "CPU", "rss": "memory", "io": "I/O"}


def fidelity(subject: Subject) -> Section:
    signals = sorted(
        {
            signal
            for one in subject.intervals
            for pair in one.compared
            for signal in pair[1].visibility
        }
    )
    blocks: list[Block] = [_figure(subject, signal) for signal in signals]
    blocks.append(
        _table(subject, signals)
        if signals
        else Prose(paragraphs=(f"Coverage and recall: {NO_DATA}.",))
    )
    return Section(
        anchor="fidelity", title="What can still be told apart", lead=_LEAD, blocks=tuple(blocks)
    )


def _figure(subject: Subject, signal: str) -> Block:
    def coverage(sample: Sample) -> float | None:
        seen = sample.visibility.get(signal)
        return None if seen is None or not seen.raw else seen.named / seen.raw

    chart = variants_chart(
        subject,
        f"Coverage of {_label(signal)}",
        coverage,
        show=lambda value: show_share(value, digits=0),
        is_mean=True,
        high=1.0,
    )
    return figure_of(
        chart, note="Share of the raw sum per interval, in processes that kept their name."
    )


def _table(subject: Subject, signals: list[str]) -> Table:
    return Table(
        caption="Over the window, of the candidate",
        columns=(
            "signal",
            "coverage",
            "recall of the ten largest",
            "processes told apart (effective)",
        ),
        rows=tuple(_row(subject, signal) for signal in signals),
        numeric=(1, 2, 3),
    )


def _row(subject: Subject, signal: str) -> tuple[str, ...]:
    seen = [
        found
        for interval in subject.intervals
        for sample in of_variant(interval, Variant.CANDIDATE)
        if (found := sample.visibility.get(signal))
    ]
    return (
        _label(signal),
        share(_ratio(seen, lambda one: one.named, lambda one: one.raw)),
        share(_ratio(seen, lambda one: one.top_named, lambda one: one.top)),
        _effective(seen),
    )


def _ratio(
    seen: list[Visibility],
    part: Callable[[Visibility], float],
    whole: Callable[[Visibility], float],
) -> float | None:
    total = sum(map(whole, seen))
    return sum(map(part, seen)) / total if total else None


def _effective(seen: list[Visibility]) -> str:
    raw = mean_of([one.effective_raw for one in seen if one.effective_raw])
    named = mean_of([one.effective_named for one in seen if one.effective_raw])
    return NO_DATA if raw is None or named is None else f"{named:.1f} of {raw:.1f}"


def _label(signal: str) -> str:
    return _LABEL_OF.get(signal, short_name(signal))
