"""Whether host totals survived."""

from dataclasses import replace

import pytest
from tests.unit.analysis.runs import sample

from phoenix_platform.analysis.fidelity import (
    NamesFidelity,
    SignalFidelity,
    TotalsFidelity,
    show_lost_totals,
)
from phoenix_platform.metering.samples import HostTotal, Variant, Visibility


def totals(*pairs: tuple[float, float]) -> TotalsFidelity:
    fidelity = TotalsFidelity()
    for scrape, (raw, output) in enumerate(pairs):
        total = HostTotal(raw=raw, output=output, tolerance=1e-9)
        one = sample(Variant.CANDIDATE, scrape, 100)
        fidelity.take(replace(one, totals={"process.cpu.time": total}))
    return fidelity


def test_errors_of_both_signs_add_up_in_wape_and_cancel_in_bias() -> None:
    (result,) = totals((10.0, 9.0), (10.0, 11.0), (20.0, 20.0)).results()
    assert result.wape == pytest.approx(0.05)
    assert result.bias == pytest.approx(0)
    assert (result.samples, result.broken_samples, result.raw_total) == (3, 2, 40.0)


def test_what_is_lost_is_a_negative_bias() -> None:
    (result,) = totals((10.0, 7.0)).results()
    assert result.wape == pytest.approx(0.3)
    assert result.bias == pytest.approx(-0.3)


def test_a_total_of_nothing_has_no_error_share() -> None:
    (result,) = totals((0.0, 0.0)).results()
    assert (result.wape, result.bias, result.broken_samples) == (None, None, 0)


def test_results_are_by_variant_and_metric() -> None:
    fidelity = TotalsFidelity()
    fidelity.take(sample(Variant.CANDIDATE, 0, 100))
    fidelity.take(sample(Variant.BASELINE, 0, 100))
    assert [(r.variant, r.metric) for r in fidelity.results()] == [
        (Variant.BASELINE, "process.cpu.time"),
        (Variant.CANDIDATE, "process.cpu.time"),
    ]


def test_the_99th_percentile_is_of_the_errors_of_single_samples() -> None:
    (result,) = totals(*((1.0, 1.0),) * 98, (1.0, 0.9), (1.0, 0.5), (0.0, 0.0)).results()
    assert result.p99_error == pytest.approx(0.1)
    (nothing,) = totals((0.0, 0.0)).results()
    assert nothing.p99_error is None


def names(*seen: Visibility) -> SignalFidelity:
    fidelity = NamesFidelity()
    for scrape, visibility in enumerate(seen):
        one = sample(Variant.CANDIDATE, scrape, 100)
        fidelity.take(replace(one, visibility={"rss": visibility}))
    (result,) = fidelity.results()
    return result


def test_coverage_and_recall_are_shares_over_the_window() -> None:
    result = names(Visibility(10.0, 9.0, 10, 8, 30.0, 12.0), Visibility(30.0, 1.0, 5, 1, 10.0, 2.0))
    assert (result.variant, result.signal, result.samples) == (Variant.CANDIDATE, "rss", 2)
    assert result.coverage == pytest.approx(0.25)
    assert result.recall == pytest.approx(0.6)
    assert result.effective_raw == pytest.approx(20.0)
    assert result.effective_lost == pytest.approx(13.0)


def test_a_signal_that_nobody_used_has_no_shares() -> None:
    result = names(Visibility(0.0, 0.0, 0, 0, 0.0, 0.0))
    assert (result.coverage, result.recall, result.effective_lost) == (None, None, 0.0)


def test_only_totals_of_the_candidate_beyond_the_limit_are_called_lost() -> None:
    assert show_lost_totals(totals((10.0, 9.95)).results(), 0.01) == ""
    lost = show_lost_totals(totals((10.0, 4.0)).results(), 0.01)
    assert lost == "process.cpu.time \N{MINUS SIGN}60.0 %"
    baseline = TotalsFidelity()
    total = HostTotal(raw=1.0, output=0.0, tolerance=0.0)
    baseline.take(replace(sample(Variant.BASELINE, 0, 1), totals={"process.cpu.time": total}))
    assert show_lost_totals(baseline.results(), 0.01) == ""
