from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.analysis.priced_runs import POINTS, SCRAPES, a_host
from tests.unit.analysis.runs import PLAN, SECOND, START

from phoenix_platform.analysis.costs import CostEstimate, TariffCost, estimate
from phoenix_platform.analysis.costs_units import NO_CASES, Cases
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.prices_catalog import shipped_book, shipped_books
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.samples import Sample, Variant


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


AT_PRODUCTION = replace(PLAN, interval=timedelta(seconds=60))
"""Measured as often as production scrapes, so that nothing is thinned."""


def cases(low: int | None, likely: int | None, high: int | None) -> Cases:
    values = [None if value is None else Decimal(value) for value in (low, likely, high)]
    return Cases(low=values[0], likely=values[1], high=values[2])


def baseline_units(book: str, samples: list[Sample], plan: Plan = PLAN) -> Cases:
    return estimate(samples, plan, shipped_book(book)).tariffs[0].variants[Variant.BASELINE].units


def test_series_reach_from_the_last_scrape_to_what_an_hour_adds() -> None:
    samples = a_host(new_series=10)
    assert baseline_units("datadog", samples) == cases(2_100, None, 2_700)
    assert baseline_units("grafana-cloud", samples) == cases(2_100, None, 2_700)


def test_one_scrape_of_production_says_nothing_about_an_hour() -> None:
    assert baseline_units("datadog", a_host(90, new_series=10)) == cases(2_100, None, None)


def test_churn_is_not_counted_in_the_first_scrapes() -> None:
    samples = [
        replace(one, new_series=None if one.scrape == 0 else one.new_series) for one in a_host()
    ]
    assert baseline_units("datadog", samples) == cases(2_100, None, 2_100)


def test_a_whole_hour_has_a_likely_figure_as_production_would_see_it() -> None:
    samples = a_host(61, seconds=60, new_series=10)
    assert baseline_units("datadog", samples) == cases(2_100, 2_100 + 59 * 10, 2_700)
    assert baseline_units("datadog", samples[:-2]).likely is None


def test_twenty_minutes_have_a_likely_figure_of_active_series() -> None:
    samples = a_host(21, seconds=60, new_series=10)
    assert baseline_units("grafana-cloud", samples) == cases(2_100, 2_100 + 19 * 10, 2_700)
    assert baseline_units("grafana-cloud", samples[:-2]).likely is None


def test_without_counts_of_new_series_there_is_no_figure_of_a_window() -> None:
    samples = [replace(one, new_series=None) for one in a_host(61, seconds=60)]
    assert baseline_units("datadog", samples) == cases(2_100, None, None)
    assert baseline_units("grafana-cloud", samples) == cases(2_100, None, None)


def test_at_the_production_interval_whole_clock_hours_are_averaged() -> None:
    begin = START // SECOND // 60 % 60  # minutes of the hour in which the run starts
    series = {0: None, 1: 3_000, 2: 3_100, 3: 4_000}  # the hour it began in was not seen whole
    samples = [
        # The last sample of an hour is made when the next hour has begun.
        replace(
            one,
            hour_series=7
            if (begin + one.scrape) % 60 == 59
            else series[(begin + one.scrape) // 60],
        )
        for one in a_host(181, seconds=60)
    ]
    assert baseline_units("datadog", samples, AT_PRODUCTION) == cases(2_100, 3_050, 3_050)
    short = [one for one in samples if one.scrape < 60 - begin]
    assert baseline_units("datadog", short, AT_PRODUCTION) == cases(2_100, None, 2_100)


def test_a_population_that_shrank_does_not_turn_the_cases_around() -> None:
    samples = [replace(one, active_series=1_900) for one in a_host(30, seconds=60)]
    found = estimate(samples, AT_PRODUCTION, shipped_book("grafana-cloud"))
    # One point a minute and series is included, so that the points set the least.
    assert found.tariffs[0].variants[Variant.BASELINE].units == cases(2_100, 2_100, 2_100)
    rarely = replace(PLAN, interval=timedelta(minutes=2), production_interval=timedelta(minutes=2))
    assert baseline_units("grafana-cloud", samples, rarely) == cases(1_900, 1_900, 2_100)


def test_active_series_are_the_95th_percentile_of_the_run() -> None:
    samples = [
        replace(one, active_series=5_000 + one.scrape if one.scrape >= 2 else None)
        for one in a_host(102, seconds=60)
    ]
    assert baseline_units("grafana-cloud", samples, AT_PRODUCTION).likely == 5_000 + 96


def test_points_a_minute_count_where_the_interval_is_short() -> None:
    often = replace(PLAN, production_interval=timedelta(seconds=15))
    found = estimate(a_host(), often, shipped_book("grafana-cloud")).tariffs[0]
    assert found.variants[Variant.BASELINE].units.low == Decimal(8_400)
    assert found.depends_on_interval
    assert not tariff("grafana-cloud", a_host()).depends_on_interval
    assert not tariff("datadog", a_host()).depends_on_interval
    assert tariff("new-relic", a_host()).depends_on_interval


def test_a_candidate_that_scrapes_less_often_leaves_the_source_its_interval() -> None:
    found = estimate(a_host(), PLAN, shipped_book("dynatrace"), relay_every=4)
    assert found.tariffs[0].variants[Variant.BASELINE].units.likely == Decimal(4 * 90_720_000)
    assert found.scaling.sentence == "measured 7 min at 1 s, scaled to 15 s"


def test_prometheus_counts_series_by_labels_and_warns_of_those_that_collide() -> None:
    found = estimate(a_host(kept=3), PLAN, shipped_book("prometheus"))
    cost = found.tariffs[0].variants[Variant.BASELINE]
    assert cost.units == cases(7, None, None)  # of labels, churn was not counted
    assert cost.list_price == NO_CASES
    assert found.tariffs[0].saves_nothing
    compared = SCRAPES - PLAN.discarded_scrapes
    assert found.colliding_points[Variant.BASELINE] == compared * (POINTS - 7)
    assert any(note.startswith("warning: candidate: ") for note in found.notes)


def test_where_labels_tell_all_series_apart_their_churn_is_that_of_series() -> None:
    samples = [replace(one, label_series=one.series) for one in a_host(new_series=10)]
    assert baseline_units("prometheus", samples) == cases(2_100, None, 2_700)


def test_colliding_points_that_were_not_counted_are_no_data() -> None:
    unknown = [replace(one, label_series=None, label_colliding_points=None) for one in a_host(9)]
    found = estimate(unknown, PLAN, shipped_book("prometheus"))
    assert found.tariffs[0].variants[Variant.BASELINE].units == NO_CASES
    assert found.colliding_points[Variant.BASELINE] is None
    assert any(note.endswith("no data") for note in found.notes)
    labelled = estimate(unknown, PLAN, shipped_book("datadog"))
    assert labelled.colliding_points[Variant.BASELINE] is None
    assert not any(note.endswith("no data") for note in labelled.notes)


def test_nothing_is_said_about_labels_where_nothing_collides() -> None:
    alone = [replace(one, label_colliding_points=0) for one in a_host(9)]
    notes = estimate(alone, PLAN, shipped_book("prometheus")).notes
    assert not any("warning" in note or "no data" in note for note in notes)


def test_where_names_are_billed_fewer_processes_save_nothing() -> None:
    found = tariff("datadog-metric-names", a_host(kept=3))
    assert found.variants[Variant.CANDIDATE].units == cases(4, 4, 4)
    assert found.variants[Variant.CANDIDATE].list_price == NO_CASES
    assert found.saving_list_price == NO_CASES
    assert found.saves_nothing
    assert not found.depends_on_interval
    assert found.notes[-2:] == (
        "baseline: about 50,720,000 points a month above those that its names include",
        "candidate: its names include all its points, if these spread evenly",
    )


def test_the_saving_is_the_difference_in_each_case() -> None:
    found = tariff("datadog", a_host(kept=3, new_series=10), "pro")
    assert found.saving_list_price == Cases(low=Decimal(70), likely=None, high=Decimal(70))
    assert not found.saves_nothing
    stored = tariff("new-relic", a_host(kept=3, bytes_per_point="1000"), "original-data")
    assert stored.saving_list_price == Cases(
        low=Decimal("19.3536"), likely=Decimal("24.192"), high=Decimal("29.0304")
    )


def test_a_candidate_that_costs_more_saves_less_than_nothing() -> None:
    found = tariff("dynatrace", [doubled(one) for one in a_host()])
    assert found.saves_nothing
    assert found.saving_list_price.likely == Decimal("-136.08")


def doubled(one: Sample) -> Sample:
    is_candidate = one.variant is Variant.CANDIDATE
    return replace(one, output_points=2 * one.output_points) if is_candidate else one


def test_hosts_multiply_the_list_price_and_the_allowance_of_each_host() -> None:
    samples = a_host(new_series=10)
    one, ten = tariff("datadog", samples, "pro"), tariff("datadog", samples, "pro", hosts=10)
    cost, of_ten = one.variants[Variant.BASELINE], ten.variants[Variant.BASELINE]
    assert cost.list_price.high is not None
    assert of_ten.list_price.high == 10 * cost.list_price.high
    assert of_ten.after_allowance.low == Decimal(10 * 100)
    sentence = estimate(samples, PLAN, shipped_book("datadog"), hosts=10).scaling.sentence
    assert sentence.endswith("scaled to 60 s, multiplied from 1 host to 10 hosts")


def test_the_allowance_of_an_account_is_there_once() -> None:
    ten = tariff("grafana-cloud", a_host(), hosts=10).variants[Variant.BASELINE]
    assert ten.list_price.low == Decimal("136.5")
    assert ten.after_allowance.low == Decimal("71.5")


def test_metric_names_do_not_multiply() -> None:
    names = tariff("datadog-metric-names", a_host(), hosts=10).variants[Variant.BASELINE].units
    assert names == cases(4, 4, 4)


def test_several_hosts_add_up() -> None:
    both = [*a_host(), *(replace(one, host="b") for one in a_host())]
    found = estimate(both, PLAN, shipped_book("datadog"))
    assert found.tariffs[0].variants[Variant.BASELINE].units == cases(4_200, None, 4_200)
    assert (found.scaling.hosts, found.scaling.measured_hosts) == (2, 2)
    points = estimate(both, PLAN, shipped_book("signoz"), hosts=3).tariffs[0]
    assert points.variants[Variant.BASELINE].units.likely == Decimal(3 * 90_720_000)


def not_acknowledged(one: Sample) -> Sample:
    return replace(one, acknowledged=False)


def of_one_variant(one: Sample) -> Sample:
    return replace(one, variant=Variant.BASELINE)


def of_the_first_scrapes(one: Sample) -> Sample:
    return replace(one, scrape=one.scrape % 2)


def of_another_length(one: Sample) -> Sample:
    return replace(one, scrapes=2) if one.variant is Variant.CANDIDATE else one


@pytest.mark.parametrize(
    "change", [not_acknowledged, of_one_variant, of_the_first_scrapes, of_another_length]
)
def test_a_run_without_anything_to_compare_has_no_cost(change: Callable[[Sample], Sample]) -> None:
    for book in shipped_books():
        found = estimate(map(change, a_host(9)), PLAN, book)
        assert found.scaling.sentence == "nothing measured that can be compared"
        assert [one.saves_nothing for one in found.tariffs] == [False] * len(found.tariffs)
        assert {
            case
            for one in found.tariffs
            for cost in one.variants.values()
            for case in (cost.units, cost.list_price, cost.after_allowance)
        } == {NO_CASES}


def test_long_intervals_are_shown_as_durations() -> None:
    rarely = replace(PLAN, production_interval=timedelta(minutes=5))
    found = estimate(a_host(), rarely, shipped_book("signoz"))
    assert found.scaling.sentence == "measured 7 min at 1 s, scaled to 5 min"


@pytest.mark.parametrize("how", [{"hosts": 0}, {"relay_every": 0}])
def test_fewer_than_one_is_refused(how: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError, match="below 1: 0; write 1 or more"):
        estimate(a_host(3), PLAN, shipped_book("signoz"), **how)


def test_an_estimate_survives_json_with_every_digit_of_its_money() -> None:
    for book in shipped_books():
        found = estimate(a_host(new_series=3), PLAN, book)
        text = msgspec.json.encode(found)
        assert msgspec.json.decode(text, type=CostEstimate) == found
    assert b'"90720000"' in msgspec.json.encode(estimate(a_host(), PLAN, shipped_book("signoz")))


def test_an_estimate_names_the_edition_of_its_book() -> None:
    book = shipped_book("signoz")
    found = estimate(a_host(9), PLAN, book).book
    assert (found.name, found.dated, found.hash) == (book.name, book.dated, book.hash)


@settings(max_examples=15, deadline=None)
@given(
    scrapes=st.integers(3, 70),
    new_series=st.integers(0, 500),
    series=st.integers(0, 4_000),
    kept=st.integers(1, 9),
    is_thinned=st.booleans(),
)
def test_in_every_run_the_cases_are_in_order_and_no_amount_is_below_zero(
    scrapes: int, new_series: int, series: int, kept: int, *, is_thinned: bool
) -> None:
    samples = [
        replace(one, hour_series=series, active_series=series)
        for one in a_host(scrapes, seconds=60, kept=kept, new_series=new_series)
    ]
    for book in shipped_books():
        for found in estimate(samples, PLAN if is_thinned else AT_PRODUCTION, book).tariffs:
            for cost in found.variants.values():
                for one in (cost.units, cost.list_price, cost.after_allowance):
                    assert list(one.known()) == sorted(one.known())
                    assert all(case >= 0 for case in one.known())
