"""What a run says about hosts that were not in it."""

import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats as untyped_stats  # type: ignore[import-untyped]  # SciPy ships no types
from tests.unit.analysis.runs import CONDITIONS, PLAN, run

from phoenix_platform.analysis.hosts import HostConclusion, HostTotals, host_statement
from phoenix_platform.analysis.verdicts import Judgement, Verdict, judge

stats: Any = untyped_stats
TARGET = math.log(1 - PLAN.target_reduction)


@pytest.mark.parametrize("hosts", [0, 1, 2])
def test_below_three_hosts_nothing_is_said(hosts: int) -> None:
    statement = host_statement([-1.0] * hosts, PLAN)
    assert (statement.conclusion, statement.hosts) == (HostConclusion.NOT_ENOUGH_HOSTS, hosts)
    assert statement.reduction_low is None
    assert statement.p_value is None


@given(st.lists(st.floats(-3, 1), min_size=3, max_size=12))
def test_it_is_the_t_test_of_scipy(log_ratios: list[float]) -> None:
    statement = host_statement(log_ratios, PLAN)
    assume(max(log_ratios) - min(log_ratios) > 1e-6)
    expected: Any = stats.ttest_1samp(log_ratios, TARGET)
    assert statement.p_value == pytest.approx(float(expected.pvalue), rel=1e-6, abs=1e-12)
    low, high = expected.confidence_interval(1 - PLAN.host_alpha)
    assert statement.reduction_low == pytest.approx(1 - math.exp(high), abs=1e-9)
    assert statement.reduction_high == pytest.approx(1 - math.exp(low), abs=1e-9)
    is_open = statement.conclusion is HostConclusion.OPEN
    assert is_open == (float(expected.pvalue) >= PLAN.host_alpha)


@pytest.mark.parametrize(
    ("log_ratio", "conclusion", "p_value"),
    [
        pytest.param(math.log(0.3), HostConclusion.MORE, 0.0, id="saves-more"),
        pytest.param(math.log(0.9), HostConclusion.LESS, 0.0, id="saves-less"),
        pytest.param(TARGET, HostConclusion.OPEN, 1.0, id="at-the-target"),
    ],
)
def test_hosts_without_a_spread_are_taken_as_they_are(
    log_ratio: float, conclusion: HostConclusion, p_value: float
) -> None:
    statement = host_statement([log_ratio] * 4, PLAN)
    assert (statement.conclusion, statement.p_value) == (conclusion, p_value)
    assert statement.reduction == pytest.approx(1 - math.exp(log_ratio))


def test_a_host_where_a_variant_let_out_nothing_has_no_ratio() -> None:
    totals = HostTotals()
    totals.take("a", baseline=100, candidate=40)
    totals.take("a", baseline=100, candidate=20)
    totals.take("b", baseline=0, candidate=7)
    totals.take("c", baseline=7, candidate=0)
    assert totals.log_ratios() == [pytest.approx(math.log(0.3))]


def judged(*kept: float) -> Judgement:
    samples = [
        sample
        for number, share in enumerate(kept)
        for sample in run(120, kept=share, host=f"host-{number}")
    ]
    return judge(samples, PLAN, CONDITIONS)


def test_the_statement_is_made_once_with_the_verdict() -> None:
    running = judge(run(40), PLAN, CONDITIONS)
    assert (running.verdict, running.unseen_hosts) == (None, None)
    judgement = judged(0.4, 0.38, 0.42, 0.41, 0.39)
    assert judgement.verdict is Verdict.PROMOTE
    assert judgement.unseen_hosts is not None
    assert judgement.unseen_hosts.conclusion is HostConclusion.MORE
    assert judgement.reasons[-2].startswith("On other hosts like these 5 it saves between 5")
    assert judgement.reasons[-2].endswith("on average, more than the 30.0 % asked for.")


def test_hosts_that_differ_much_leave_the_others_open() -> None:
    judgement = judged(0.1, 0.8, 0.2)
    assert judgement.verdict is Verdict.PROMOTE
    assert "which may be more or less than the 30.0 % asked for" in judgement.reasons[-2]


def test_a_futile_candidate_says_so_of_other_hosts_too() -> None:
    judgement = judged(0.9, 0.91, 0.92)
    assert judgement.verdict is Verdict.STOP_FUTILE
    assert judgement.reasons[-1].endswith("less than the 30.0 % asked for.")
