"""Each guardrail, in each of its statuses."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.analysis.runs import DATABASE, MEBIBYTE, PLAN, PROXY, START, sample

from phoenix_platform.analysis.guardrails import GuardrailResult, GuardrailStatus
from phoenix_platform.analysis.losses import DataLoss
from phoenix_platform.analysis.pairs import Pair
from phoenix_platform.analysis.plans import GuardrailName, Plan
from phoenix_platform.analysis.resources import MeanGuardrail, cores_in_production
from phoenix_platform.analysis.retention import CriticalRetention, miss_rate_bound
from phoenix_platform.metering.samples import ProcessInstance, Sample, Variant

ONE_SECOND = timedelta(seconds=1)
LENIENT = replace(PLAN, must_have_data=())


def candidate(**changes: object) -> Sample:
    return replace(sample(Variant.CANDIDATE, 17, 500), **changes)  # type: ignore[arg-type]  # any field


# --- critical retention


@pytest.mark.parametrize(
    ("checks", "below"), [(60, 0.049), (299, 0.010), (2_995, 0.001), (29_956, 0.0001)]
)
def test_no_miss_bounds_the_miss_rate_as_in_the_statistics(checks: int, below: float) -> None:
    assert miss_rate_bound(checks, 0) == pytest.approx(below, rel=0.01)


def test_misses_bound_the_miss_rate_as_clopper_and_pearson() -> None:
    assert miss_rate_bound(1_000, 1) == pytest.approx(0.00473, abs=5e-6)
    assert miss_rate_bound(3, 3) == 1.0


def test_a_missing_critical_process_aborts_and_is_named() -> None:
    retention = CriticalRetention(PLAN)
    retention.take(candidate(critical_seen=(PROXY,), critical_missing=(DATABASE,)), interval=1)
    retention.take(candidate(critical_seen=(), critical_missing=(DATABASE,)), interval=2)
    result = retention.result(None)
    assert retention.is_broken
    assert (result.status, result.value) == (GuardrailStatus.ABORT, 2.0)
    assert result.reason == (
        "Critical process postgres (pid 4242) on host a is missing from the candidate's output of "
        "scrape 17 (1 more such misses)."
    )


def test_one_miss_has_no_others() -> None:
    retention = CriticalRetention(PLAN)
    retention.take(candidate(critical_missing=(DATABASE,)), interval=1)
    assert retention.result(None).reason.endswith("scrape 17.")


def test_looking_at_one_instance_again_proves_nothing_new() -> None:
    retention = CriticalRetention(PLAN)
    for interval in range(1, 61):
        retention.take(candidate(critical_seen=(DATABASE, PROXY)), interval=interval)
    assurance = retention.assurance(1.0)
    assert (assurance.checks, assurance.instances, assurance.independent_instances) == (120, 2, 2)
    assert assurance.miss_rate_below == pytest.approx(1 - 0.05**0.5)
    assert retention.result(1.0).status is GuardrailStatus.PASS


@pytest.mark.parametrize(("tau", "independent"), [(None, 1), (10.0, 6), (1.0, 60), (25.0, 3)])
def test_instances_born_close_together_count_once(tau: float | None, independent: int) -> None:
    retention = CriticalRetention(PLAN)
    for interval in range(60):
        worker = ProcessInstance("worker", 1_000 + interval, START)
        retention.take(candidate(critical_seen=(worker,)), interval=interval)
    assurance = retention.assurance(tau)
    assert (assurance.instances, assurance.independent_instances) == (60, independent)


@pytest.mark.parametrize(
    ("plan", "status", "reason"),
    [
        pytest.param(PLAN, GuardrailStatus.NO_DATA, "No process matched", id="must-have"),
        pytest.param(LENIENT, GuardrailStatus.NOT_MEASURED, "No process matched", id="may-lack"),
        pytest.param(
            replace(PLAN, critical_patterns=()),
            GuardrailStatus.NOT_MEASURED,
            "No critical process was named",
            id="nothing-asked",
        ),
    ],
)
def test_without_a_critical_process_nothing_is_claimed(
    plan: Plan, status: GuardrailStatus, reason: str
) -> None:
    result = CriticalRetention(plan).result(None)
    assert (result.status, result.value, result.bound) == (status, None, None)
    assert result.reason.startswith(reason)


# --- data loss


def loss_of(samples: Iterable[Sample | None], plan: Plan = PLAN) -> GuardrailResult:
    losses = DataLoss(plan)
    for one in samples:
        losses.take(Pair("a", 17, sample(Variant.BASELINE, 17, 1_000), one))
    assert losses.is_broken == (losses.result().status is GuardrailStatus.ABORT)
    return losses.result()


def test_no_loss_passes() -> None:
    result = loss_of([candidate()] * 5)
    assert (result.status, result.value) == (GuardrailStatus.PASS, 0.0)


def test_loss_with_a_full_queue_in_three_intervals_in_a_row_aborts() -> None:
    lossy = candidate(dropped_points=3, refused_points=None, queue_full=True)
    assert loss_of([lossy, lossy, candidate(), lossy]).status is not GuardrailStatus.ABORT
    result = loss_of([lossy, lossy, lossy, candidate()])
    assert result.status is GuardrailStatus.ABORT
    assert "queue full on host a in 3 intervals in a row" in result.reason


@pytest.mark.parametrize("queue_full", [False, None])
def test_loss_without_a_full_queue_does_not_abort_but_does_not_pass(
    queue_full: bool | None,
) -> None:
    result = loss_of([candidate(refused_points=50, queue_full=queue_full)] * 5)
    assert result.status is GuardrailStatus.PENDING
    assert result.value == pytest.approx(50 / 550)


def test_a_loss_too_small_to_look_like_a_saving_passes() -> None:
    result = loss_of([candidate(dropped_points=1), *[candidate()] * 9])
    assert (result.status, result.value) == (GuardrailStatus.PASS, 1 / 5_001)


@pytest.mark.parametrize(
    "gap",
    [pytest.param(None, id="no-sample"), pytest.param(candidate(output_points=0), id="empty")],
)
def test_a_candidate_that_lets_nothing_out_three_times_in_a_row_aborts(gap: Sample | None) -> None:
    assert loss_of([gap, gap, candidate()]).status is GuardrailStatus.PASS
    assert loss_of([gap, gap, gap]).reason == (
        "Nothing came out of the candidate on host a in 3 intervals in a row."
    )


@pytest.mark.parametrize(
    "gap",
    [pytest.param(None, id="no-sample"), pytest.param(candidate(output_points=0), id="empty")],
)
def test_what_the_baseline_did_not_let_out_either_is_no_evidence(gap: Sample | None) -> None:
    losses = DataLoss(PLAN)
    silent = replace(sample(Variant.BASELINE, 17, 1_000), output_points=0)
    loud = sample(Variant.BASELINE, 17, 1_000)
    for baseline in (loud, loud, silent, silent, silent, loud, loud):
        losses.take(Pair("a", 17, baseline, gap))
    assert not losses.is_broken
    losses.take(Pair("a", 17, loud, gap))
    assert losses.is_broken


@pytest.mark.parametrize(
    ("plan", "status"), [(PLAN, GuardrailStatus.NO_DATA), (LENIENT, GuardrailStatus.NOT_MEASURED)]
)
def test_loss_that_was_not_counted_is_not_0(plan: Plan, status: GuardrailStatus) -> None:
    result = loss_of([candidate(refused_points=None, dropped_points=None)], plan)
    assert (result.status, result.value) == (status, None)


# --- CPU and memory


def cpu(values: Iterable[float], plan: Plan = PLAN) -> GuardrailResult:
    return result_of(GuardrailName.CPU, values, plan)


def result_of(name: GuardrailName, values: Iterable[float], plan: Plan = PLAN) -> GuardrailResult:
    guardrail = MeanGuardrail(name, plan, ONE_SECOND)
    for value in values:
        guardrail.take([value])
    assert guardrail.is_broken == (guardrail.result().status is GuardrailStatus.ABORT)
    return guardrail.result()


def test_a_mean_below_its_limit_passes() -> None:
    result = cpu([0.02] * 100)
    assert (result.status, result.unit, result.limit) == (GuardrailStatus.PASS, "{core}", 0.05)
    assert result.value == pytest.approx(0.02)
    assert result.bound == pytest.approx(0.02)
    assert "at an interval of 60 s is 2.0 % of a core on average, surely below" in result.reason


def test_a_mean_is_pending_until_it_is_known() -> None:
    result = cpu([0.02] * 99)
    assert (result.status, result.bound) == (GuardrailStatus.PENDING, None)
    assert "not yet known to be below" in result.reason
    assert cpu([0.02]).bound is None


@pytest.mark.parametrize("values", [[0.04, 0.06], [0.02, 0.03, 0.1]])
def test_a_mean_at_its_limit_stays_pending(values: list[float]) -> None:
    result = cpu((values * 50)[:100])
    assert result.status is GuardrailStatus.PENDING
    assert result.bound == pytest.approx(0.05, abs=0.01)


def test_a_mean_beyond_its_limit_aborts() -> None:
    result = cpu([0.08] * 120)
    assert result.status is GuardrailStatus.ABORT
    assert result.bound == pytest.approx(0.08)
    assert "surely above the limit of 5.0 % of a core" in result.reason


def test_a_mean_far_beyond_its_limit_aborts_without_waiting_for_bounds() -> None:
    result = cpu([0.2] * 40)
    assert (result.status, result.bound) == (GuardrailStatus.ABORT, None)
    assert (
        "above 3 times the limit of 5.0 % of a core in 4 batches of 10 intervals" in result.reason
    )
    assert cpu([0.2] * 10).status is GuardrailStatus.PENDING


def test_memory_is_judged_above_the_baseline() -> None:
    below = result_of(GuardrailName.RSS, [-5.0 * MEBIBYTE] * 100)
    assert (below.status, below.unit) == (GuardrailStatus.PASS, "By")
    above = result_of(GuardrailName.RSS, [80.0 * MEBIBYTE] * 120)
    assert above.status is GuardrailStatus.ABORT
    assert above.reason == (
        "The candidate's memory above the baseline's is 80.0 MiB on average, surely above the limit "
        "of 64.0 MiB."
    )


def test_hosts_are_averaged_within_an_interval() -> None:
    guardrail = MeanGuardrail(GuardrailName.CPU, PLAN, ONE_SECOND)
    guardrail.take([0.02, 0.04])
    guardrail.take([])
    assert guardrail.result().value == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("plan", "status"), [(PLAN, GuardrailStatus.NO_DATA), (LENIENT, GuardrailStatus.NOT_MEASURED)]
)
def test_a_mean_that_was_not_measured_is_not_0(plan: Plan, status: GuardrailStatus) -> None:
    result = cpu([], plan)
    assert (result.status, result.value, result.bound) == (status, None, None)
    assert result.reason.endswith("was not measured.")
    assert result.lets_promote == (status is GuardrailStatus.NOT_MEASURED)


@pytest.mark.parametrize(
    ("cpu_seconds", "scrapes", "expected"),
    [
        pytest.param(0.31, 1, 0.01 + 0.30 / 60, id="one-scrape"),
        pytest.param(1.55, 5, 0.01 + 0.30 / 60, id="five-scrapes"),
        pytest.param(0.01, 1, 0.01, id="idle"),
        pytest.param(None, 1, None, id="not-measured"),
    ],
)
def test_cpu_is_carried_over_to_the_production_interval(
    cpu_seconds: float | None, scrapes: int, expected: float | None
) -> None:
    one = candidate(cpu_seconds=cpu_seconds, scrapes=scrapes)
    cores = cores_in_production(one, idle_cores=0.01, interval=ONE_SECOND, plan=PLAN)
    assert cores == (None if expected is None else pytest.approx(expected))
