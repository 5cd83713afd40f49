"""The delay guardrail: late is beyond both margins for sure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.analysis.runs import PLAN, sample

from phoenix_platform.analysis.delays import Delay
from phoenix_platform.analysis.guardrails import GuardrailResult, GuardrailStatus
from phoenix_platform.metering.samples import Sample, Variant

SECOND = timedelta(seconds=1)


def a_pair(baseline: float | None, candidate: float | None) -> tuple[Sample, Sample]:
    return (
        replace(sample(Variant.BASELINE, 3, 100), delay_p95_seconds=baseline),
        replace(sample(Variant.CANDIDATE, 3, 100), delay_p95_seconds=candidate),
    )


def result_of(delays: Iterable[tuple[float | None, float | None]]) -> GuardrailResult:
    delay = Delay(PLAN, SECOND)
    for baseline, candidate in delays:
        delay.take([a_pair(baseline, candidate)])
    result = delay.result()
    assert delay.is_broken == (result.status is GuardrailStatus.ABORT)
    return result


@pytest.mark.parametrize(
    ("baseline", "candidate", "status"),
    [
        pytest.param(0.4, 0.4, GuardrailStatus.PASS, id="as-the-baseline"),
        pytest.param(0.4, 0.1, GuardrailStatus.PASS, id="sooner"),
        pytest.param(0.1, 0.5, GuardrailStatus.PASS, id="five-times-but-within-500-ms"),
        pytest.param(10.0, 11.0, GuardrailStatus.PASS, id="a-second-but-within-20-percent"),
        pytest.param(0.4, 1.0, GuardrailStatus.ABORT, id="beyond-both"),
        pytest.param(0.0, 0.6, GuardrailStatus.ABORT, id="a-baseline-without-delay"),
        pytest.param(0.5, 1.0, GuardrailStatus.PENDING, id="exactly-at-the-margin"),
    ],
)
def test_late_is_beyond_both_margins(
    baseline: float, candidate: float, status: GuardrailStatus
) -> None:
    assert result_of([(baseline, candidate)] * 140).status is status


def test_the_reason_names_both_differences_and_the_way_out() -> None:
    late = result_of([(0.4, 1.2)] * 140)
    assert (late.unit, late.limit) == ("s", 0.5)
    assert late.value == pytest.approx(0.8)
    assert late.bound == pytest.approx(0.8)
    assert late.reason == (
        "The candidate's delay (95th percentile) differs from the baseline's by +0.8 s (+200 %) on "
        "average, surely beyond the margin of 0.5 s and 20.0 %; allow more with --delay-margin."
    )
    sooner = result_of([(0.4, 0.3)] * 140)
    assert "by \N{MINUS SIGN}0.1 s (\N{MINUS SIGN}25 %) on average, surely within" in sooner.reason


def test_a_very_late_candidate_need_not_wait_for_bounds() -> None:
    late = result_of([(0.4, 5.0)] * 40)
    assert (late.status, late.bound) == (GuardrailStatus.ABORT, None)


def test_too_few_intervals_decide_nothing() -> None:
    result = result_of([(0.4, 0.4)] * 60)
    assert (result.status, result.bound) == (GuardrailStatus.PENDING, None)
    assert "not yet known to be within the margin" in result.reason
    assert result_of([(0.4, 0.4)] * 3).bound is None


def test_one_late_interval_is_not_a_late_candidate() -> None:
    delays = [(0.4, 30.0 if number == 50 else 0.4) for number in range(400)]
    assert result_of(delays).status is not GuardrailStatus.ABORT


@pytest.mark.parametrize("delays", [(None, 0.4), (0.4, None)])
def test_without_delays_there_is_no_data(delays: tuple[float | None, float | None]) -> None:
    result = result_of([delays] * 140)
    assert (result.status, result.value) == (GuardrailStatus.NO_DATA, None)
    assert result.reason == "The delay from scrape to output was not measured."
