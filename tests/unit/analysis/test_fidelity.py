"""Whether host totals survived."""

from dataclasses import replace

import pytest
from tests.unit.analysis.runs import sample

from phoenix_platform.analysis.fidelity import TotalsFidelity
from phoenix_platform.metering.samples import HostTotal, Variant


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
