"""What the collectors themselves use: CPU and memory of each variant, and the trial's other parts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.reports.blocks import Section, Table
from phoenix_platform.cli.reports.charts import Chart
from phoenix_platform.cli.reports.figures import figure_of, mean_of
from phoenix_platform.cli.reports.markup import short_name
from phoenix_platform.cli.reports.sections.volumes import variants_chart
from phoenix_platform.cli.reports.subjects import Subject
from phoenix_platform.cli.reports.thinning import Point
from phoenix_platform.cli.reports.words import size
from phoenix_platform.core.units import show_duration, show_share
from phoenix_platform.metering.samples import Sample

_SMOOTHED: Final = 10
"""Intervals; the CPU guardrail's batches begin with as many."""


def resources(subject: Subject) -> Section:
    interval = subject.trial.conditions.interval.total_seconds()

    def cores(sample: Sample) -> float | None:
        return (
            None if sample.cpu_seconds is None else sample.cpu_seconds / (interval * sample.scrapes)
        )

    cpu = _smoothed(
        variants_chart(subject, "CPU of the collector", cores, show=_share_of_core, is_mean=True)
    )
    memory = variants_chart(
        subject,
        "Resident memory of the collector",
        lambda sample: sample.rss_bytes,
        show=size,
        is_binary=True,
        is_mean=True,
    )
    production = show_duration(subject.trial.plan.production_interval.total_seconds())
    return Section(
        anchor="resources",
        title="What it uses",
        lead=f"Measured while scrapes came every {show_duration(interval)}. The CPU guardrail judges "
        f"what that means at the production interval of {production}.",
        blocks=(
            figure_of(
                cpu,
                note=f"Share of one core, from /proc: mean of {_SMOOTHED} intervals each, because the "
                "kernel counts in ticks of 10 ms.",
            ),
            figure_of(memory, note="At the end of each interval, from /proc."),
            _uses(subject),
        ),
    )


def _uses(subject: Subject) -> Table:
    rows = [
        (
            short_name(name),
            NO_DATA if use.cpu_seconds is None else f"{use.cpu_seconds:.2f} s",
            size(use.rss_bytes),
        )
        for name, use in subject.trial.usage.items()
    ]
    return Table(
        caption="All parts of the trial, since the first scrape",
        columns=("part", "CPU time", "memory at the end"),
        rows=tuple(rows),
        numeric=(1, 2),
    )


def _share_of_core(value: float) -> str:
    return show_share(value, digits=1)


def _smoothed(chart: Chart) -> Chart:
    """The means of so many intervals each: single values jump between whole ticks of the kernel."""
    lines = [replace(line, points=_means(line.points)) for line in chart.lines]
    return replace(chart, lines=lines)


def _means(points: Sequence[Point]) -> list[Point]:
    parts = [points[at : at + _SMOOTHED] for at in range(0, len(points), _SMOOTHED)]
    return [
        Point((part[0].seconds + part[-1].seconds) / 2, mean_of([point.value for point in part]))
        for part in parts
    ]
