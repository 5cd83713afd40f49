"""The batch length, and how correlation is measured."""

import numpy as np
import pytest
from tests.unit.analysis.simulation import autoregressive

from phoenix_platform.analysis.batches import (
    batch_means,
    coarsened,
    correlation_time,
    expected_length,
    variance_factor,
)

ONE = np.float64(1.0)


def test_a_batch_left_over_is_left_out() -> None:
    values = np.arange(7, dtype=np.float64)
    np.testing.assert_array_equal(batch_means(values, 3), [1.0, 4.0])


def test_batches_are_made_along_the_last_axis() -> None:
    values = np.arange(8, dtype=np.float64).reshape(2, 4)
    np.testing.assert_array_equal(batch_means(values, 2), [[0.5, 2.5], [4.5, 6.5]])


@pytest.mark.parametrize(
    ("intervals", "tau", "expected"),
    [
        pytest.param(100, 1.0, 20, id="long-enough"),
        pytest.param(100, 13.3, 20, id="just-long-enough"),
        pytest.param(100, 13.4, 40, id="too-short"),
        pytest.param(100, 199.0, 40, id="stops-when-five-batches-are-gone"),
        pytest.param(200, 199.0, 80, id="twice-as-five-of-twenty-are-left"),
        pytest.param(80, 199.0, 20, id="not-judged-before-five-batches"),
    ],
)
def test_a_batch_doubles_while_it_is_shorter_than_the_correlation(
    intervals: int, tau: float, expected: int
) -> None:
    assert coarsened(20, intervals=intervals, tau=tau) == expected


def test_the_expected_length_looks_past_the_next_batch_end() -> None:
    assert expected_length(20, 199.0) == 320


@pytest.mark.parametrize(("rho", "tau"), [(0.0, 1.0), (0.6, 4.0), (0.9, 19.0)])
def test_the_correlation_time_of_an_autoregression_is_found(rho: float, tau: float) -> None:
    series = autoregressive(rho, 400, 2_000, np.random.default_rng(20300101))
    residual = series - series.mean(axis=-1, keepdims=True)
    found = correlation_time(residual, np.ones(400))
    assert float(np.median(found)) == pytest.approx(tau, rel=0.07)


def test_correlation_is_capped_where_nothing_more_can_be_told() -> None:
    slope = np.linspace(-1, 1, 2_000)
    assert float(correlation_time(slope, ONE)) == pytest.approx(199)
    assert float(variance_factor(slope, ONE)) == pytest.approx(19)


def test_alternating_differences_do_not_narrow_the_interval() -> None:
    assert float(variance_factor(np.array([1.0, -1.0] * 20), ONE)) == 1.0


def test_rounding_is_no_variation() -> None:
    rounding = np.full(100, 1e-13)
    assert float(correlation_time(rounding, np.float64(1_000.0))) == 1.0
    assert float(variance_factor(np.zeros(5), np.float64(0.0))) == 1.0
