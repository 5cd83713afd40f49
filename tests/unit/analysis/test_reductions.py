"""The state of one objective while intervals come in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.analysis.simulation import proportional, stop_times

from phoenix_platform.analysis.plans import Objective
from phoenix_platform.analysis.reductions import Amount, ReductionSequence
from phoenix_platform.analysis.sequences import ALPHA, G


def sequence(target_reduction: float = 0.3) -> ReductionSequence:
    return ReductionSequence(Objective.SERIES, target_reduction=target_reduction, alpha=ALPHA, g=G)


def test_the_window_is_exact_from_the_first_interval_and_has_no_bounds_yet() -> None:
    reductions = sequence()
    assert reductions.take(Amount(1_000, 1_000.0), Amount(170, 170.0)) is None
    state = reductions.state()
    assert state.window_reduction == pytest.approx(0.83)
    assert (state.baseline_total, state.candidate_total) == (1_000, 170)
    assert state.last_look is None
    assert state.tau is None
    assert (state.next_look_in, state.verdict_possible_at) == (19, 100)


def test_an_empty_window_has_no_reduction() -> None:
    state = sequence().state()
    assert (state.window_reduction, state.p_value, state.path) == (None, 1.0, ())


def test_constant_counts_are_decided_at_the_fifth_batch_without_width() -> None:
    reductions = sequence()
    for _ in range(100):
        reductions.take(Amount(2_315, 2_315.0), Amount(147, 147.0))
    state = reductions.state()
    look = state.last_look
    assert look is not None
    assert (look.intervals, look.batches, look.batch_length) == (100, 5, 20)
    assert look.reduction_low == look.reduction_high == look.reduction == 1 - 147 / 2_315
    assert state.p_value == pytest.approx((G / (5 + G)) ** 2)
    assert [earlier.reduction_low for earlier in state.path[:-1]] == [None] * 4
    assert (state.next_look_in, state.verdict_possible_at) == (20, 120)


def test_constant_counts_at_the_target_give_no_evidence() -> None:
    reductions = sequence(0.5)
    for _ in range(100):
        reductions.take(Amount(200, 200.0), Amount(100, 100.0))
    look = reductions.state().last_look
    assert look is not None
    assert look.log_e_value < 0
    assert reductions.state().p_value == 1.0


def test_a_baseline_of_nothing_has_no_reduction_at_a_batch_end() -> None:
    reductions = sequence()
    for _ in range(100):
        reductions.take(Amount(0, 0.0), Amount(5, 5.0))
    look = reductions.state().last_look
    assert look is not None
    assert (look.reduction_low, look.reduction, look.reduction_high) == (None, None, None)


def test_the_expected_first_verdict_follows_the_correlation_seen() -> None:
    reductions = sequence()
    for interval in range(40):
        reductions.take(Amount(1_000, 1_000.0), Amount(500, 500.0 + interval // 10))
    state = reductions.state()
    assert state.tau is not None
    assert state.tau > 13.4
    assert state.verdict_possible_at == 5 * 40 * (state.verdict_possible_at // 200)
    assert state.verdict_possible_at > 100


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.6, 0.9, 0.95]), st.floats(0.5, 0.9))
def test_walking_alone_stops_where_the_simulation_of_many_runs_does(
    seed: int, rho: float, ratio: float
) -> None:
    runs = proportional(
        rho, ratio=ratio, runs=1, intervals=500, generator=np.random.default_rng(seed)
    )
    reductions, stopped = sequence(), 0
    for baseline, candidate in zip(runs.baseline[0], runs.candidate[0], strict=True):
        look = reductions.take(Amount(0, float(baseline)), Amount(0, float(candidate)))
        if look is None or look.reduction_low is None or look.reduction_high is None:
            continue
        if not look.reduction_low <= 0.3 <= look.reduction_high:
            stopped = look.intervals
            break
    assert stopped == stop_times(runs, tested=0.7).stopped[0]


@given(st.integers(0, 2**32), st.floats(0.6, 0.8))
def test_the_interval_leaves_the_target_out_exactly_when_the_evidence_rejects_it(
    seed: int, ratio: float
) -> None:
    runs = proportional(
        0.3, ratio=ratio, runs=1, intervals=300, generator=np.random.default_rng(seed)
    )
    reductions = sequence()
    for baseline, candidate in zip(runs.baseline[0], runs.candidate[0], strict=True):
        reductions.take(Amount(0, float(baseline)), Amount(0, float(candidate)))
    for look in reductions.state().path:
        if look.reduction_low is not None and look.reduction_high is not None:
            is_out = not look.reduction_low <= 0.3 <= look.reduction_high
            assert is_out == (look.log_e_value > -np.log(ALPHA))
