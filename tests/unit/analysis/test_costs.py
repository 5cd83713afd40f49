from dataclasses import replace
from decimal import Decimal

import pytest
from tests.unit.analysis.runs import PLAN, SECOND, START, sample

from phoenix_platform.analysis.costs import TariffCost, estimate
from phoenix_platform.analysis.prices_catalog import shipped_book
from phoenix_platform.metering.samples import Sample, Variant

PROCESSES = 300
METRIC_NAMES = 4
POINTS = 7 * PROCESSES
SCRAPES = 423


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


def tariff(book: str, samples: list[Sample], name: str | None = None, **how: int) -> TariffCost:
    found = estimate(samples, PLAN, shipped_book(book), **how).tariffs
    return next(one for one in found if name in (None, one.name))


@pytest.mark.parametrize(
    ("book", "name", "bytes_per_point", "units", "listed", "after"),
    [
        pytest.param("new-relic", None, "727.5", "66.0", "26", "0", id="new-relic-low"),
        pytest.param("new-relic", None, "1058", "96.0", "38", "0", id="new-relic-high"),
        pytest.param("dynatrace", None, "727.5", "907.2", "136", "136", id="dynatrace"),
        pytest.param(
            "google-managed-prometheus", None, "727.5", "90.72", "5.44", "5.44", id="google"
        ),
    ],
)
def test_the_worked_example_of_one_host_comes_out_of_points_and_bytes(
    book: str, name: str | None, bytes_per_point: str, units: str, listed: str, after: str
) -> None:
    found = tariff(book, a_host(bytes_per_point=bytes_per_point), name)
    cost = found.variants[Variant.BASELINE]
    assert cost.units.likely is not None
    assert cost.list_price.likely is not None
    assert cost.after_allowance.likely is not None
    assert round(cost.units.likely / found.per, len(units.partition(".")[2])) == Decimal(units)
    places = len(listed.partition(".")[2])
    assert round(cost.list_price.likely, places) == Decimal(listed)
    assert round(cost.after_allowance.likely, places) == Decimal(after)


@pytest.mark.parametrize(
    ("book", "name", "listed", "after"),
    [
        pytest.param("datadog", "pro", "105", "100", id="datadog-pro"),
        pytest.param("datadog", "enterprise", "105", "95", id="datadog-enterprise"),
        pytest.param("grafana-cloud", None, "13.65", "0", id="grafana-cloud"),
        pytest.param("cloudwatch", "custom-metrics", "630", "630", id="cloudwatch"),
    ],
)
def test_the_worked_example_of_one_host_comes_out_of_series(
    book: str, name: str, listed: str, after: str
) -> None:
    cost = tariff(book, a_host(), name).variants[Variant.BASELINE]
    assert cost.units.low == cost.units.high == Decimal(2_100)
    assert cost.list_price.low == Decimal(listed)
    assert cost.after_allowance.low == Decimal(after)
    assert cost.list_price.likely is None  # seven minutes are no billing window


def test_the_points_of_a_month_are_the_mean_scrape_times_the_scrapes_of_a_month() -> None:
    found = estimate(a_host(), PLAN, shipped_book("dynatrace"))
    assert found.scaling.scrapes_per_month == 43_200
    assert found.tariffs[0].variants[Variant.BASELINE].units.likely == Decimal(90_720_000)
    assert found.scaling.sentence == "measured 7 min at 1 s, scaled to 60 s"
