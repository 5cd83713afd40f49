from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.analysis.priced_runs import a_host
from tests.unit.analysis.runs import PLAN

from phoenix_platform.analysis.costs import estimate
from phoenix_platform.analysis.prices import PriceBook
from phoenix_platform.analysis.prices_catalog import shipped_book, shipped_books
from phoenix_platform.cli.prices_tables import book_rows, price_of, print_costs
from phoenix_platform.metering.samples import Sample


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """No cell wraps, so that a row can be read as a line."""
    monkeypatch.setenv("COLUMNS", "300")


def lines(
    books: Sequence[PriceBook],
    samples: list[Sample],
    capsys: pytest.CaptureFixture[str],
    hosts: int | None = None,
) -> list[str]:
    print_costs([estimate(samples, PLAN, book, hosts=hosts) for book in books])
    return [
        " ".join(line.replace("│", "|").split()).replace("\N{NARROW NO-BREAK SPACE}", " ")
        for line in capsys.readouterr().out.splitlines()
    ]


@pytest.mark.usefixtures("wide")
def test_one_book_is_shown_with_list_price_allowance_and_what_it_rests_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = lines([shipped_book("datadog")], a_host(kept=3, new_series=10), capsys)
    assert shown[0].endswith("(measured 7 min at 1 s, scaled to 60 s)")
    assert any(row.endswith("| 2 100 to 2 700 | 700 to 1 300 | 1 400 |") for row in shown)
    assert "| list price, USD (secondary) | 105.00 to 135.00 | 35.00 to 65.00 | 70.00 |" in shown
    assert (
        "| after the free allowance of one host alone, USD | 100.00 to 130.00 | 30.00 to 60.00 | 70.00 |"
        in shown
    )
    assert "note: points and bytes a month = mean per scrape × 43 200 scrapes in 30 days" in shown
    assert any("does not depend on the interval: Pro" in line for line in shown)
    assert any("prices: datadog of 2026-11-25, sha256:" in line for line in shown)
    assert any("billing window" in line for line in shown)


@pytest.mark.usefixtures("wide")
def test_an_estimated_unit_is_shown_with_its_range(capsys: pytest.CaptureFixture[str]) -> None:
    shown = lines([shipped_book("new-relic")], a_host(kept=3), capsys)
    assert any("66.0 (52.8 to 79.2) | 22.0 (17.6 to 26.4) |" in line for line in shown)
    assert any("| 26.40 (21.12 to 31.68) |" in line for line in shown)
    assert not any("billing window" in line for line in shown)
    assert not any("does not depend on the interval" in line for line in shown)


@pytest.mark.usefixtures("wide")
def test_units_without_a_price_are_shown_and_their_amount_is_no_data(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = lines([shipped_book("datadog-metric-names")], a_host(kept=3), capsys)
    assert "| metric names: metric names | 4 | 4 | saves 0 under this unit |" in shown
    assert "| USD | no data | no data | no data |" in shown


@pytest.mark.usefixtures("wide")
def test_several_hosts_are_marked_as_extrapolated(capsys: pytest.CaptureFixture[str]) -> None:
    shown = lines([shipped_book("signoz")], a_host(), capsys, hosts=10)
    assert "scaled to 60 s, multiplied from 1 host to 10 hosts)" in " ".join(shown[:2])
    assert "note: extrapolated from 1 measured to 10 hosts: the others were not seen" in shown
    assert any("of 10 hosts alone" in line for line in shown)


@pytest.mark.usefixtures("wide")
def test_without_a_book_all_vendors_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    shown = lines(shipped_books(), a_host(kept=3, new_series=10), capsys)
    assert "| dynatrace | 136.08 USD | 45.36 USD | 90.72 USD | 90.72 USD |" in shown
    assert (
        "| grafana-cloud | 13.65 to 17.55 USD | 4.55 to 8.45 USD | 9.10 USD | 0.00 USD |" in shown
    )
    assert (
        "| datadog-metric-names | 4 metric names | 4 metric names | saves 0 under this unit | amount: no data |"
        in shown
    )
    assert "| prometheus | 7 series (last scrape) | 7 series (last scrape) | saves 0" in " ".join(
        line for line in shown if line.startswith("| prometheus |")
    )
    assert any("warning: candidate: " in line for line in shown)
    assert shown[-1] == "Choose one with --prices NAME: it then says what it rests on."


@pytest.mark.usefixtures("wide")
def test_where_all_units_stay_every_amount_says_that_nothing_is_saved(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = lines(shipped_books(), a_host(), capsys, hosts=3)
    assert any(
        line.endswith("| saves 0 under this unit | saves 0 under this unit |") for line in shown
    )
    assert "note: extrapolated from 1 measured to 3 hosts: the others were not seen" in shown


@pytest.mark.usefixtures("wide")
def test_before_churn_is_known_the_last_scrape_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    shown = lines([shipped_book("datadog")], a_host(30), capsys)
    assert any("| 105.00 (last scrape) |" in line for line in shown)


@pytest.mark.usefixtures("wide")
def test_a_run_without_samples_has_no_data(capsys: pytest.CaptureFixture[str]) -> None:
    shown = lines(shipped_books(), [], capsys)
    assert "| signoz | no data | no data | amount: no data |" in " ".join(shown)
    assert any("nothing measured that can be compared" in line for line in shown)


def test_no_estimate_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_costs([])
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("wide")
def test_scrapes_a_month_that_are_no_whole_number_keep_their_fraction(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = replace(PLAN, production_interval=timedelta(seconds=7))
    print_costs([estimate(a_host(), plan, shipped_book("signoz"))])
    assert "× 370\N{NARROW NO-BREAK SPACE}285.714 scrapes" in capsys.readouterr().out


def test_every_price_of_a_book_is_shown_with_source_and_confidence() -> None:
    rows = dict(book_rows(shipped_book("cloudwatch")))
    tariff = rows["tariff custom-metrics"]
    assert "0.30 USD per metric (secondary, seen 2026-11; public price list" in tariff
    assert "above 1\N{NARROW NO-BREAK SPACE}000\N{NARROW NO-BREAK SPACE}000: 0.02 USD" in tariff
    assert "unknown per GB (unknown, " in rows["tariff otlp"]
    assert "free: 100 a month per host" in dict(book_rows(shipped_book("datadog")))["tariff pro"]
    assert "0.8 to 1.2" in dict(book_rows(shipped_book("new-relic")))["tariff data-plus"]


def test_the_first_price_stands_for_a_book_in_the_list() -> None:
    shown = {book.name: price_of(book.tariffs[0], book.currency) for book in shipped_books()}
    assert shown["cloudwatch"] == "0.30 USD per metric, 3 lower tiers"
    assert shown["prometheus"] == "no price"
    assert shown["datadog-metric-names"] == "unknown per metric name"
