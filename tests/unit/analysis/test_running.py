"""What is kept along the run equals, digit for digit, what the plain formula says of all its values."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.analysis.runs import PLAN, START, run, sample

from phoenix_platform.analysis.fidelity import NamesFidelity, TotalsFidelity
from phoenix_platform.analysis.plans import Objective
from phoenix_platform.analysis.ratios import residual_correlation_time
from phoenix_platform.analysis.reductions import Amount, ReductionSequence
from phoenix_platform.analysis.retention import CriticalRetention
from phoenix_platform.analysis.running import ExactSum, Percentile99, Values
from phoenix_platform.metering.samples import (
    HostTotal,
    ProcessInstance,
    Sample,
    Variant,
    Visibility,
)

finite = st.floats(min_value=-1e300, max_value=1e300)


def plain_percentile_99(values: Sequence[float]) -> float:
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]


def plain_independent(births: Sequence[tuple[str, int]], tau: float | None) -> int:
    """Of one name only those that begin τ intervals apart, looked at one after the other."""
    apart = math.inf if tau is None else tau
    last_counted: dict[str, int] = {}
    count = 0
    for name, first in births:
        last = last_counted.get(name)
        if last is None or first - last >= apart:
            last_counted[name] = first
            count += 1
    return count


def drawn_visibility(random: np.random.Generator) -> Visibility:
    raw = float(random.lognormal(1, 2))
    top = int(random.integers(11))
    return Visibility(
        raw,
        raw * random.random(),
        top,
        int(random.integers(top + 1)),
        40 * random.random(),
        random.random(),
    )


@given(st.lists(finite, max_size=60))
def test_the_exact_sum_is_that_of_the_whole_list(values: list[float]) -> None:
    total = ExactSum()
    for number, value in enumerate(values, 1):
        total.add(value)
        assert total.value == math.fsum(values[:number])


def test_values_that_cancel_leave_their_last_digits() -> None:
    total = ExactSum()
    for value in (1e100, 1.0, -1e100, 1e-30):
        total.add(value)
    assert total.value == math.fsum([1.0, 1e-30])


@pytest.mark.parametrize("endless", [math.inf, -math.inf, math.nan])
def test_what_has_no_end_stays_so(endless: float) -> None:
    total = ExactSum()
    for value in (1.0, endless, 2.0):
        total.add(value)
    assert total.value == pytest.approx(math.fsum([1.0, endless, 2.0]), nan_ok=True)


@pytest.mark.parametrize("seed", range(5))
def test_the_percentile_is_that_of_the_sorted_list(seed: int) -> None:
    random, values, percentile = np.random.default_rng(seed), list[float](), Percentile99()
    assert percentile.value is None
    for _ in range(1_000):
        values.append(float(random.choice([0.0, 1.0, random.random()])))
        percentile.add(values[-1])
        assert percentile.value == plain_percentile_99(values)


def test_values_are_the_array_of_the_list() -> None:
    values = Values()
    for number in range(200):
        values.append(number / 7)
        assert len(values) == number + 1
        assert np.array_equal(values.array, np.arange(number + 1) / 7)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_shown_by_name_is_made_from_all_samples(seed: int) -> None:
    random, names, seen = np.random.default_rng(seed), NamesFidelity(), list[Visibility]()
    for scrape in range(150):
        seen.append(drawn_visibility(random))
        one = replace(sample(Variant.CANDIDATE, scrape, 100), visibility={"cpu": seen[-1]})
        names.take(one)
        (result,) = names.results()
        raw, top = math.fsum(v.raw for v in seen), sum(v.top for v in seen)
        assert result.samples == len(seen)
        assert result.coverage == math.fsum(v.named for v in seen) / raw
        assert result.recall == (sum(v.top_named for v in seen) / top if top else None)
        assert result.effective_raw == math.fsum(v.effective_raw for v in seen) / len(seen)
        lost = (v.effective_raw - v.effective_named for v in seen)
        assert result.effective_lost == math.fsum(lost) / len(seen)


def test_the_errors_of_totals_have_the_percentile_of_all_samples() -> None:
    random, fidelity, errors = np.random.default_rng(1), TotalsFidelity(), list[float]()
    for scrape in range(250):
        total = HostTotal(1 + random.random(), 2 * random.random(), 0.0)
        errors.append(abs(total.output - total.raw) / total.raw)
        one: Sample = replace(sample(Variant.CANDIDATE, scrape, 100), totals={"threads": total})
        fidelity.take(one)
        assert fidelity.results()[0].p99_error == plain_percentile_99(errors)


@pytest.mark.parametrize("tau", [None, 1.0, 1.5, 4.0, 199.0])
def test_independent_instances_are_those_that_begin_apart(tau: float | None) -> None:
    random, retention, births = (
        np.random.default_rng(2),
        CriticalRetention(PLAN),
        list[tuple[str, int]](),
    )
    for interval in range(300):
        born = [
            ProcessInstance(str(random.choice(["a", "b", "c"])), 1_000 * interval + number, START)
            for number in range(int(random.integers(4)))
        ]
        births += [(process.name, interval) for process in born]
        one = replace(sample(Variant.CANDIDATE, interval, 100), critical_seen=tuple(born))
        retention.take(one, interval=interval)
        assert retention.assurance(tau).independent_instances == plain_independent(births, tau)


def test_the_correlation_time_is_that_of_all_intervals_whenever_it_is_asked_for() -> None:
    sequence = ReductionSequence(Objective.SERIES, target_reduction=0.3, alpha=0.03, g=0.8)
    counts = [one.series for one in run(130)]
    for taken, (b, c) in enumerate(zip(counts[::2], counts[1::2], strict=True), 1):
        sequence.take(Amount(b, float(b)), Amount(c, float(c)))
        own = np.array(counts[: 2 * taken], np.float64)
        plain = None if taken < 20 else float(residual_correlation_time(own[::2], own[1::2]))
        assert sequence.correlation_time() == sequence.state().tau == plain
