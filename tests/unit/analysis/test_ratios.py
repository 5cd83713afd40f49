"""Fieller's interval, against its textbook form and against simulation."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from phoenix_platform.analysis.batches import variance_factor
from phoenix_platform.analysis.ratios import Interval, ratio_bounds, ratio_interval
from phoenix_platform.analysis.sequences import critical_t
from phoenix_platform.core.errors import InvalidInputError

WHOLE_LINE = Interval(-math.inf, math.inf)


def textbook(b: np.ndarray, c: np.ndarray) -> Interval:
    """Fieller as the statistics write it."""
    k, r_hat = len(b), c.mean() / b.mean()
    q = critical_t(k) ** 2 * float(variance_factor(c - r_hat * b, c.mean())) / k
    covariance = np.cov(b, c)
    a = b.mean() ** 2 - q * covariance[0, 0]
    h = b.mean() * c.mean() - q * covariance[0, 1]
    rest = c.mean() ** 2 - q * covariance[1, 1]
    if a <= 0 or h**2 < a * rest:
        return WHOLE_LINE
    root = math.sqrt(h**2 - a * rest)
    return Interval((h - root) / a, (h + root) / a)


@given(st.integers(5, 60), st.integers(0, 2**32), st.floats(0.1, 3), st.floats(0.01, 0.4))
def test_the_interval_is_that_of_the_textbook(
    k: int, seed: int, ratio: float, variation: float
) -> None:
    source = np.random.default_rng(seed)
    b = 1_000 * (1 + variation * source.standard_normal(k))
    c = ratio * b + 100 * source.standard_normal(k)
    assume(c.mean() > 0)
    expected, found = textbook(b, c), ratio_interval(b, c)
    assert found.low == pytest.approx(expected.low, rel=1e-6, abs=1e-6)
    assert found.high == pytest.approx(expected.high, rel=1e-6, abs=1e-6)


def test_constant_counts_give_an_interval_without_width_from_five_batches_on() -> None:
    b, c = np.full(5, 2_315.0), np.full(5, 147.0)
    assert ratio_interval(b, c) == Interval(147 / 2_315, 147 / 2_315)
    assert ratio_interval(b[:4], c[:4]) == WHOLE_LINE


def test_a_candidate_that_lets_nothing_out_keeps_exactly_nothing() -> None:
    b = np.array([10.0, 12.0, 11.0, 9.0, 10.0])
    assert ratio_interval(b, np.zeros(5)) == Interval(0.0, 0.0)


@pytest.mark.parametrize(
    "baseline",
    [
        pytest.param([0.0] * 5, id="no-baseline"),
        pytest.param([1.0, 200.0, 3.0, 1.0, 900.0], id="a-baseline-that-may-be-0"),
    ],
)
def test_nothing_is_known_of_a_ratio_to_what_may_be_nothing(baseline: list[float]) -> None:
    assert ratio_interval(np.array(baseline), np.ones(5)) == WHOLE_LINE


@pytest.mark.parametrize(("baseline", "candidate"), [((5,), (6,)), ((1,), (1,)), ((2, 5), (2, 5))])
def test_batches_that_do_not_pair_are_refused(
    baseline: tuple[int, ...], candidate: tuple[int, ...]
) -> None:
    with pytest.raises(InvalidInputError, match="two arrays of one shape"):
        ratio_interval(np.ones(baseline), np.ones(candidate))


def test_many_series_at_once_give_what_each_gives_alone() -> None:
    source = np.random.default_rng(20300101)
    b = 1_000 + source.normal(0, 50, (20, 8))
    c = 0.3 * b + source.normal(0, 20, (20, 8))
    together = ratio_bounds(b, c, critical_t(8))
    alone = [ratio_interval(*pair) for pair in zip(b, c, strict=True)]
    np.testing.assert_allclose(together.low, [interval.low for interval in alone], rtol=1e-12)
    np.testing.assert_allclose(together.high, [interval.high for interval in alone], rtol=1e-12)
