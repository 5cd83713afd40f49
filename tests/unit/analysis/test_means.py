"""Means with a limit: what they decide, and how soon and how often wrongly."""

import math
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from tests.unit.analysis.simulation import autoregressive

from phoenix_platform.analysis.means import Levels, MeanSequence
from phoenix_platform.analysis.sequences import ALPHA, G

Measured = Callable[[str, str], None]
LEVELS = Levels(promotion=ALPHA, abort=ALPHA / 4, g=G)
"""Of a plan with four guardrails that abort by a bound."""
LIMIT = 0.05
INTERVAL = timedelta(seconds=15)


def sequence(interval: timedelta = INTERVAL) -> MeanSequence:
    return MeanSequence(limit=LIMIT, levels=LEVELS, interval=interval)


def test_a_mean_without_values_is_none() -> None:
    assert sequence().mean is None


def test_a_constant_is_known_after_five_batches() -> None:
    means = sequence()
    for _ in range(99):
        means.take(0.02)
    assert means.look is not None
    assert means.look.high == math.inf
    means.take(0.02)
    assert means.look is not None
    assert means.look.low == -math.inf  # the level of aborts is shared, and needs another batch
    assert means.look.high == pytest.approx(0.02)
    for _ in range(20):
        means.take(0.02)
    assert means.look.low == pytest.approx(0.02)
    assert means.mean == pytest.approx(0.02)


def test_no_bound_outlives_the_merging_of_its_batches() -> None:
    means = sequence()
    for value in [0.02] * 150 + [0.04] * 90:  # a level that lasts: τ is long
        means.take(value)
    assert means.look is not None
    assert means.look.intervals > 200
    assert means.look.high == math.inf


def test_what_holds_0_or_below_is_not_taken_as_lognormal() -> None:
    means = sequence()
    for number in range(100):
        means.take(4.0 if number == 0 else 0.0)
    assert means.look is not None
    assert means.look.low < 0


def test_what_is_skewed_and_positive_is_taken_as_lognormal() -> None:
    means = sequence()
    for number in range(120):
        means.take(4.0 if number == 0 else 0.01)
    assert means.look is not None
    assert means.look.low > 0


def test_extremes_do_not_overflow() -> None:
    means = sequence()
    for number in range(100):
        means.take(1e100 if number == 0 else 1e-300)
    assert means.look is not None
    assert means.look.high == math.inf


@pytest.mark.parametrize(("seconds", "intervals"), [(1, 40), (5, 8), (15, 4), (60, 4)])
def test_the_hard_cap_needs_four_batches_of_ten_seconds_in_a_row(
    seconds: int, intervals: int
) -> None:
    means = sequence(timedelta(seconds=seconds))
    for _ in range(intervals - 1):
        means.take(3.1 * LIMIT)
    assert not means.is_beyond_cap
    means.take(3.1 * LIMIT)
    assert means.is_beyond_cap


def test_one_batch_below_the_cap_starts_the_count_again() -> None:
    means = sequence()
    for value in [0.2, 0.2, 0.2, 0.1, 0.2, 0.2, 0.2]:
        means.take(value)
    assert not means.is_beyond_cap


class Ends:
    """When runs of 4 h at 15 s of a lognormal mean (CV 50 %, AR 0.8) abort and pass, in minutes."""

    def __init__(self, mean: float, runs: int = 300) -> None:
        variance = math.log(1.25)
        z = autoregressive(0.8, runs, 960, np.random.default_rng(20300101))
        values = mean * np.exp(math.sqrt(variance) * z - variance / 2)
        ends = [self._ends(run) for run in values.tolist()]
        self.aborts = np.array([abort for abort, _ in ends])
        self.passes = np.array([passed for _, passed in ends])

    @staticmethod
    def _ends(values: list[float]) -> tuple[float, float]:
        means, passed = sequence(), math.inf
        for interval, value in enumerate(values, start=1):
            means.take(value)
            look = means.look
            if means.is_beyond_cap or (look is not None and look.low > LIMIT):
                return interval / 4, passed
            if look is not None and look.high < LIMIT:
                passed = min(passed, interval / 4)
        return math.inf, passed


slow = pytest.mark.slow


@slow
@pytest.mark.timeout(120)
def test_a_mean_of_2_percent_never_aborts_and_passes_within_the_hour(measured: Measured) -> None:
    ends = Ends(0.02)
    aborts, minutes = float(np.isfinite(ends.aborts).mean()), float(np.median(ends.passes))
    measured("no abort; passes within 60 min (median)", f"{aborts:.1%} aborts; {minutes:.0f} min")
    assert aborts == 0
    assert minutes <= 60


@slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("mean", "most_minutes"), [(0.10, 20), (0.20, 3)])
def test_a_mean_beyond_the_limit_always_aborts_and_soon(
    mean: float, most_minutes: float, measured: Measured
) -> None:
    ends = Ends(mean)
    aborts, minutes = float(np.isfinite(ends.aborts).mean()), float(np.median(ends.aborts))
    measured(
        f"all abort; within {most_minutes} min (median)", f"{aborts:.1%} aborts; {minutes:g} min"
    )
    assert aborts == 1
    assert minutes <= most_minutes


@slow
@pytest.mark.timeout(120)
def test_any_interval_above_the_limit_would_abort_nearly_every_run_of_a_mean_of_2_percent(
    measured: Measured,
) -> None:
    variance = math.log(1.25)
    z = autoregressive(0.8, 2_000, 960, np.random.default_rng(20300101))
    values = 0.02 * np.exp(math.sqrt(variance) * z - variance / 2)
    share = float((values > LIMIT).any(axis=1).mean())
    measured("more than 99%: why no single interval decides", f"{share:.1%}")
    assert share > 0.99
