"""Samples of made-up runs: `tests` say what differs from a quiet, healthy one."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.verdicts import Conditions
from phoenix_platform.metering.samples import (
    HostTotal,
    KeptMetric,
    ProcessInstance,
    Sample,
    Variant,
    Visibility,
)

SECOND: Final = 1_000_000_000
START: Final = 1_800_000_000 * SECOND
MEBIBYTE: Final = 2**20
DATABASE: Final = ProcessInstance("postgres", 4242, START)
PROXY: Final = ProcessInstance("nginx", 4343, START)

PLAN: Final = Plan(
    target_reduction=0.3, interval=timedelta(seconds=1), critical_patterns=("postgres",)
)
CONDITIONS: Final = Conditions(interval=timedelta(seconds=1), idle_cores=0.01)
AT_END: Final = replace(CONDITIONS, at_end=True)


def sample(variant: Variant, scrape: int, points: int, *, host: str = "a") -> Sample:
    """A sample of one scrape; series, points and bytes go together."""
    return Sample(
        host=host,
        variant=variant,
        scrape=scrape,
        scrapes=1,
        started_unix_nano=START + scrape * SECOND,
        ended_unix_nano=START + scrape * SECOND + SECOND // 5,
        acknowledged=True,
        input_points=2_000,
        output_points=points,
        series=points,
        active_series=None,
        hour_series=None,
        label_series=points,
        label_colliding_points=0,
        new_series=points if scrape % 60 == 0 else None,
        stored_bytes=200 * points,
        otlp_bytes=150 * points,
        metric_names=10,
        colliding_points=0,
        late_points=0,
        raw_processes=200,
        critical_seen=(DATABASE,),
        critical_missing=(),
        critical_metrics={"process.cpu.time": KeptMetric(1, 0, None)},
        totals={"process.cpu.time": HostTotal(raw=2.0, output=2.0, tolerance=1e-9)},
        visibility={"cpu": Visibility(2.0, 2.0, 10, 10, 40.0, 40.0)},
        cpu_seconds=0.02 + 0.001 * (scrape % 3),
        rss_bytes=80 * MEBIBYTE + scrape % 7,
        refused_points=0,
        dropped_points=0,
        queue_full=False,
        delay_p50_seconds=0.2,
        delay_p95_seconds=0.4,
    )


Change = Callable[[Sample], Sample | None]
"""What a test does to a sample of a healthy run; None takes it out."""


def unchanged(sample: Sample) -> Sample | None:
    return sample


def run(
    scrapes: int, *, kept: float = 0.4, change: Change = unchanged, host: str = "a"
) -> list[Sample]:
    """A run whose candidate keeps that share of some 2,000 points, give or take a percent."""
    return list(_samples(scrapes, kept, change, host))


def _samples(scrapes: int, kept: float, change: Change, host: str) -> Iterator[Sample]:
    for scrape in range(scrapes):
        baseline = 2_000 + 37 * (scrape * 7 % 11)
        candidate = round(baseline * kept) + scrape * 5 % 13
        for variant, points in ((Variant.BASELINE, baseline), (Variant.CANDIDATE, candidate)):
            changed = change(sample(variant, scrape, points, host=host))
            if changed is not None:
                yield changed
