"""Sums over all processes of the host: from the raw scrapes, and from what each variant let out."""

from collections.abc import Callable

from phoenix_platform.analysis.fidelity import MetricFidelity
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.reports.blocks import Block, Prose, Section, Table
from phoenix_platform.cli.reports.charts import Chart, Line
from phoenix_platform.cli.reports.figures import figure_of
from phoenix_platform.cli.reports.markup import short_name
from phoenix_platform.cli.reports.subjects import Subject
from phoenix_platform.cli.reports.words import amount, share, size
from phoenix_platform.cli.words import metric_label
from phoenix_platform.metering.samples import Sample, Variant

_MOST_CHARTS = 6
_IN_BYTES = ("process.disk.io", "process.memory.usage", "process.memory.virtual")


def totals(subject: Subject) -> Section:
    results = {(each.metric, each.variant): each for each in subject.judgement.fidelity}
    metrics = sorted({each.metric for each in subject.judgement.fidelity})
    blocks: list[Block] = []
    if metrics:
        blocks.append(_errors(metrics, results))
    drawn = sorted(metrics, key=lambda metric: (-_error(results, metric), metric))[:_MOST_CHARTS]
    blocks.extend(_figure(subject, metric) for metric in drawn)
    if len(metrics) > len(drawn):
        words = f"Drawn are the {len(drawn)} metrics with the largest error of {len(metrics)}."
        blocks.append(Prose(paragraphs=(words,)))
    if not metrics:
        blocks.append(Prose(paragraphs=(f"Host totals: {NO_DATA}.",)))
    return Section(
        anchor="totals",
        title="Host totals",
        lead="What a sum over all processes shows: from the raw scrapes, and from each pipeline's "
        "output. Alerts on such sums are only right while they agree.",
        blocks=tuple(blocks),
    )


def _error(results: dict[tuple[str, Variant], MetricFidelity], metric: str) -> float:
    result = results.get((metric, Variant.CANDIDATE))
    return 0.0 if result is None or result.wape is None else result.wape


def _errors(metrics: list[str], results: dict[tuple[str, Variant], MetricFidelity]) -> Table:
    rows = [
        (
            short_name(metric_label(metric)),
            *(_wape(results.get((metric, variant))) for variant in Variant),
            _bias(results.get((metric, Variant.CANDIDATE))),
        )
        for metric in metrics
    ]
    return Table(
        caption="Error over the window: Σ|output − raw| / Σ raw (WAPE)",
        columns=("metric", "baseline", "candidate", "candidate's sum against raw"),
        rows=tuple(rows),
        numeric=(1, 2, 3),
    )


def _wape(result: MetricFidelity | None) -> str:
    if result is None or result.wape is None:
        return NO_DATA
    return share(result.wape) if result.broken_samples else "exact"


def _bias(result: MetricFidelity | None) -> str:
    return NO_DATA if result is None else share(result.bias)


def _figure(subject: Subject, metric: str) -> Block:
    is_binary = metric in _IN_BYTES
    show = size if is_binary else amount

    def total(pick: str) -> Callable[[Sample], float | None]:
        def value_of(sample: Sample) -> float | None:
            found = sample.totals.get(metric)
            return None if found is None else found.raw if pick == "raw" else found.output

        return value_of

    lines = [
        Line(
            name="raw",
            look="raw",
            points=subject.course(Variant.CANDIDATE, total("raw")),
            remark="all processes",
        ),
        *(
            Line(
                name=variant.value,
                look=variant.value,
                points=subject.course(variant, total("output")),
                remark="its output",
            )
            for variant in Variant
        ),
    ]
    chart = Chart(
        title=short_name(metric),
        description="Sum over all processes from the raw scrapes and from each variant's output.",
        lines=lines,
        seconds=subject.seconds,
        show=show,
        is_binary=is_binary,
    )
    unit = "bytes" if is_binary else "the metric's unit"
    return figure_of(
        chart, note=f"Per interval, in {unit}: increases of counters, current values of the others."
    )
