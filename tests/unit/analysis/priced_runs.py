"""A host whose monthly bill is known: the worked example that prices are checked with."""

from dataclasses import replace
from decimal import Decimal
from typing import Final

from tests.unit.analysis.runs import SECOND, START, sample

from phoenix_platform.metering.samples import Sample, Variant

PROCESSES: Final = 300
METRIC_NAMES: Final = 4
POINTS: Final = 7 * PROCESSES
SCRAPES: Final = 423


def a_host(
    scrapes: int = SCRAPES,
    *,
    bytes_per_point: str = "727.5",
    kept: int = 1,
    new_series: int = 0,
    seconds: int = 1,
) -> list[Sample]:
    """300 processes with 7 points each; the candidate keeps one of `kept`.

    A scrape every `seconds`; every minute `new_series` series are new.
    """
    rows: list[Sample] = []
    for scrape in range(scrapes):
        for variant, points in ((Variant.BASELINE, POINTS), (Variant.CANDIDATE, POINTS // kept)):
            new = POINTS if scrape == 0 else new_series
            rows.append(
                replace(
                    sample(variant, scrape, points),
                    started_unix_nano=START + scrape * seconds * SECOND,
                    ended_unix_nano=START + scrape * seconds * SECOND + SECOND // 5,
                    stored_bytes=int(points * Decimal(bytes_per_point)),
                    metric_names=METRIC_NAMES,
                    new_series=new if scrape * seconds % 60 == 0 else None,
                    label_series=7,
                    label_colliding_points=points - 7,
                )
            )
    return rows
