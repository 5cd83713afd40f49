"""Series, points and bytes of both variants over time."""

from collections.abc import Callable

from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.reports.blocks import Prose, Section
from phoenix_platform.cli.reports.charts import Chart, Line, has_values
from phoenix_platform.cli.reports.figures import figure_of, mean_of
from phoenix_platform.cli.reports.subjects import Subject
from phoenix_platform.cli.reports.words import amount, size
from phoenix_platform.metering.samples import Sample, Variant


def volumes(subject: Subject) -> Section:
    charts = [
        _chart(subject, "Series per interval", lambda sample: sample.series),
        _chart(subject, "Data points per interval", lambda sample: sample.output_points),
        _chart(
            subject,
            "Stored bytes per interval, estimated",
            lambda sample: sample.stored_bytes,
            is_binary=True,
        ),
        _chart(subject, "Active series of 20 minutes", lambda sample: sample.active_series),
    ]
    notes = (
        "Distinct series with a value in the interval.",
        "Points that left for the exporter.",
        "Per point the metric name, every attribute key and value, and 60 B.",
        "Distinct series with a value in the last 20 minutes, from the time when the run is that old.",
    )
    return Section(
        anchor="volumes",
        title="What leaves, over time",
        lead="Counted behind each pipeline from the same scrapes, interval by interval.",
        blocks=tuple(
            figure_of(chart, note=note)
            if has_values(chart)
            else Prose(paragraphs=(f"{chart.title}: {NO_DATA}. {note}",))
            for chart, note in zip(charts, notes, strict=True)
        ),
    )


def _chart(
    subject: Subject,
    title: str,
    value_of: Callable[[Sample], float | None],
    *,
    is_binary: bool = False,
) -> Chart:
    return variants_chart(
        subject, title, value_of, show=size if is_binary else amount, is_binary=is_binary
    )


def variants_chart(
    subject: Subject,
    title: str,
    value_of: Callable[[Sample], float | None],
    *,
    show: Callable[[float], str],
    is_binary: bool = False,
    is_mean: bool = False,
    high: float | None = None,
) -> Chart:
    """One line per variant, named with its mean over the run."""
    lines: list[Line] = []
    for variant in Variant:
        points = subject.course(variant, value_of, is_mean=is_mean)
        mean = mean_of([point.value for point in points])
        remark = "" if mean is None else f"mean {show(mean)}"
        lines.append(Line(name=variant.value, look=variant.value, points=points, remark=remark))
    spoken = "; ".join(f"{line.name}: {line.remark or 'no data'}" for line in lines)
    return Chart(
        title=title,
        description=f"{spoken}.",
        lines=lines,
        seconds=subject.seconds,
        show=show,
        is_binary=is_binary,
        high=high,
    )
