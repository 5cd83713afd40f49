"""The critical values and the evidence of the confidence sequence."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_platform.analysis.sequences import ALPHA, G, critical_t, e_value, log_e_value


@pytest.mark.parametrize(
    ("k", "expected"),
    [(5, 10.84), (6, 6.24), (8, 4.71), (10, 4.25), (12, 4.02), (24, 3.63), (48, 3.54)],
)
def test_critical_values_at_the_level_we_use_are_those_of_the_statistics(
    k: int, expected: float
) -> None:
    assert critical_t(k, 0.03, 0.7924) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(
    ("k", "expected"),
    [(5, 8.04), (6, 5.37), (8, 4.23), (10, 3.87), (12, 3.68), (24, 3.39), (48, 3.33)],
)
def test_critical_values_at_5_percent_are_those_of_the_statistics(k: int, expected: float) -> None:
    assert critical_t(k, 0.05, 0.9547) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("k", [0, 1, 2, 3, 4])
def test_nothing_is_rejected_before_five_batches(k: int) -> None:
    assert critical_t(k) == math.inf


@given(st.integers(5, 200), st.sampled_from([(0.03, 0.7924), (0.05, 0.9547)]))
def test_the_evidence_at_the_critical_value_is_one_over_alpha(
    k: int, level: tuple[float, float]
) -> None:
    alpha, g = level
    assert e_value(critical_t(k, alpha, g), k, g) * alpha == pytest.approx(1, abs=1e-9)


def test_g_has_the_smallest_critical_value_at_twelve_batches() -> None:
    assert critical_t(12, ALPHA, G) < critical_t(12, ALPHA, G * 1.01)
    assert critical_t(12, ALPHA, G) < critical_t(12, ALPHA, G / 1.01)


@given(st.floats(0, 1e6), st.integers(2, 500))
def test_more_distance_is_more_evidence_up_to_a_limit(t: float, k: int) -> None:
    assert log_e_value(t, k) <= log_e_value(t * 2 + 1, k) <= log_e_value(math.inf, k)


def test_evidence_beyond_what_a_double_holds_is_infinite() -> None:
    assert e_value(math.inf, 1_000) == math.inf
    assert e_value(0.0, 1_000) == pytest.approx((G / (1_000 + G)) ** 0.5)
