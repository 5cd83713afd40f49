"""Guardrails on what the kept data can still tell: host totals, coverage, recall."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.analysis.runs import AT_END, CONDITIONS, PLAN, Change, run, sample

from phoenix_platform.analysis.guardrails import GuardrailResult, GuardrailStatus
from phoenix_platform.analysis.kept_shares import (
    SharesGuardrail,
    lost_coverage,
    lost_recall,
    lost_totals,
)
from phoenix_platform.analysis.plans import GuardrailName, Plan
from phoenix_platform.analysis.shares import Share
from phoenix_platform.analysis.verdicts import Judgement, Verdict, judge
from phoenix_platform.metering.samples import HostTotal, Sample, Variant, Visibility

SECOND = timedelta(seconds=1)
DECLARED = replace(PLAN, totals_preserved=False)
ACCEPTED = replace(DECLARED, accept_lost_totals=True)
NAMED = replace(PLAN, min_coverage=0.8, min_recall=0.8)


def result_of(
    lost: float, *, intervals: int = 200, plan: Plan = PLAN, name: GuardrailName
) -> GuardrailResult:
    guardrail = SharesGuardrail(name, plan, SECOND)
    for _ in range(intervals):
        guardrail.take({"cpu": Share(lost, 1.0), "rss": Share(0.0, 1.0), "io": Share(0.0, 0.0)})
    result = guardrail.result()
    assert guardrail.is_broken == (result.status is GuardrailStatus.ABORT)
    return result


@pytest.mark.parametrize(
    ("lost", "intervals", "status", "words"),
    [
        pytest.param(
            0.0, 100, GuardrailStatus.PASS, "surely within the limit of 1.0 %", id="whole"
        ),
        pytest.param(0.009, 100, GuardrailStatus.PASS, "is 0.9 % (WAPE of cpu)", id="hardly-off"),
        pytest.param(
            0.0, 99, GuardrailStatus.PENDING, "not yet known to be within", id="too-early"
        ),
        pytest.param(0.01, 400, GuardrailStatus.PENDING, "not yet known", id="at-the-limit"),
        pytest.param(
            0.02, 400, GuardrailStatus.ABORT, "surely beyond the limit of 1.0 %", id="off"
        ),
        pytest.param(0.5, 40, GuardrailStatus.ABORT, "in 4 batches of 10 intervals", id="far-off"),
    ],
)
def test_host_totals_may_be_off_by_one_percent(
    lost: float, intervals: int, status: GuardrailStatus, words: str
) -> None:
    result = result_of(lost, intervals=intervals, name=GuardrailName.TOTALS)
    assert result.status is status
    assert words in result.reason
    assert result.value == pytest.approx(lost)
    assert (result.limit, result.unit) == (0.01, "1")


def test_the_bound_is_the_one_that_decided() -> None:
    assert result_of(0.009, name=GuardrailName.TOTALS).bound == pytest.approx(0.009)
    assert result_of(0.02, intervals=400, name=GuardrailName.TOTALS).bound == pytest.approx(0.02)
    assert result_of(0.5, intervals=40, name=GuardrailName.TOTALS).bound is None
    assert result_of(0.0, intervals=7, name=GuardrailName.TOTALS).bound is None


@pytest.mark.parametrize(
    ("plan", "way_out"),
    [
        pytest.param(PLAN, "may be lost, say so with --accept-lost-totals.", id="not-declared"),
        pytest.param(
            DECLARED, "declares that: accept it with --accept-lost-totals.", id="declared"
        ),
    ],
)
def test_a_lost_total_names_the_option_that_accepts_it(plan: Plan, way_out: str) -> None:
    assert result_of(0.5, plan=plan, name=GuardrailName.TOTALS).reason.endswith(way_out)


def test_an_accepted_loss_is_shown_and_not_judged() -> None:
    result = result_of(0.5, plan=ACCEPTED, name=GuardrailName.TOTALS)
    assert result.status is GuardrailStatus.ACCEPTED
    assert result.lets_promote
    assert result.reason.endswith("the largest error is 50.0 % (WAPE of cpu).")
    nothing = SharesGuardrail(GuardrailName.TOTALS, ACCEPTED, SECOND).result()
    assert nothing.reason.endswith("the largest error was not measured.")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (GuardrailName.TOTALS, "The error of host totals was not measured."),
        (GuardrailName.COVERAGE, "The share of signals in processes that kept their name was not"),
        (GuardrailName.RECALL, "The share of the ten largest processes that kept their name was"),
    ],
)
def test_without_data_nothing_passes(name: GuardrailName, reason: str) -> None:
    guardrail = SharesGuardrail(name, NAMED, SECOND)
    guardrail.take({"cpu": Share(0.0, 0.0)})
    result = guardrail.result()
    assert (result.status, result.value, result.bound) == (GuardrailStatus.NO_DATA, None, None)
    assert result.reason.startswith(reason)
    lenient = replace(NAMED, must_have_data=())
    assert SharesGuardrail(name, lenient, SECOND).result().lets_promote


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            GuardrailName.COVERAGE,
            "Least covered by processes that kept their name is 70.0 % of cpu",
        ),
        (GuardrailName.RECALL, "Of the ten largest processes, fewest kept their name is 70.0 %"),
    ],
)
def test_names_are_judged_where_the_plan_asks(name: GuardrailName, words: str) -> None:
    low = result_of(0.3, plan=NAMED, name=name)
    assert (low.status, low.unit) == (GuardrailStatus.ABORT, "1")
    assert low.value == pytest.approx(0.7)
    assert low.bound == pytest.approx(0.7)
    assert low.limit == pytest.approx(0.8)
    assert words in low.reason
    assert low.reason.endswith("surely beyond the limit of 80.0 %.")
    high = result_of(0.1, plan=NAMED, name=name)
    assert high.status is GuardrailStatus.PASS
    assert high.bound == pytest.approx(0.9)


def test_one_part_that_is_lost_is_enough_and_is_named() -> None:
    guardrail = SharesGuardrail(GuardrailName.TOTALS, PLAN, SECOND)
    for _ in range(300):
        guardrail.take({"a": Share(0.0, 1.0), "b": Share(0.02, 1.0), "c": Share(0.0, 5.0)})
    assert "WAPE of b" in guardrail.result().reason


def test_a_single_interval_that_is_off_does_not_abort() -> None:
    guardrail = SharesGuardrail(GuardrailName.TOTALS, PLAN, SECOND)
    for number in range(600):
        guardrail.take({"cpu": Share(1.0 if number == 300 else 0.0, 1.0)})
    assert guardrail.result().status is GuardrailStatus.PASS


def test_no_bound_outlives_the_merging_of_its_batches() -> None:
    guardrail = SharesGuardrail(GuardrailName.TOTALS, PLAN, SECOND)
    for number in range(260):  # a level that lasts: τ is long
        guardrail.take({"cpu": Share(0.002 if number < 150 else 0.006, 1.0)})
    result = guardrail.result()
    assert (result.status, result.bound) == (GuardrailStatus.PENDING, None)


# --- what is taken from samples


def test_losses_are_summed_over_hosts() -> None:
    one = replace(
        sample(Variant.CANDIDATE, 5, 100),
        totals={"m": HostTotal(10.0, 8.0, 1e-9)},
        visibility={"cpu": Visibility(4.0, 3.0, 10, 7, 20.0, 5.0)},
    )
    other = replace(
        one,
        host="b",
        totals={"m": HostTotal(10.0, 13.0, 1e-9), "n": HostTotal(1.0, 1.0, 0)},
        visibility={},
    )
    assert lost_totals([one, other]) == {"m": Share(5.0, 20.0), "n": Share(0.0, 1.0)}
    assert lost_coverage([one, other]) == {"cpu": Share(1.0, 4.0)}
    assert lost_recall([one, other]) == {"cpu": Share(3.0, 10.0)}


# --- in a whole run


def lossy(one: Sample) -> Sample:
    """The candidate lets out two fifths of the CPU time and half of the names."""
    if one.variant is Variant.BASELINE:
        return one
    return replace(
        one,
        totals={"process.cpu.time": HostTotal(raw=2.0, output=0.8, tolerance=1e-9)},
        visibility={"cpu": Visibility(2.0, 1.0, 10, 5, 40.0, 10.0)},
    )


def judged(plan: Plan, change: Change = lossy, scrapes: int = 400) -> Judgement:
    return judge(run(scrapes, change=change), plan, CONDITIONS)


@pytest.mark.parametrize("plan", [PLAN, DECLARED])
def test_a_candidate_that_loses_totals_is_never_promoted_unasked(plan: Plan) -> None:
    judgement = judged(plan)
    assert (judgement.verdict, judgement.intervals) == (Verdict.ABORT, 40)
    assert "--accept-lost-totals" in judgement.reasons[0]


def test_with_the_loss_accepted_it_is_promoted_and_the_verdict_says_what_is_lost() -> None:
    judgement = judged(ACCEPTED)
    assert judgement.verdict is Verdict.PROMOTE
    assert judgement.reasons[2].endswith("Accepted as lost: totals.")
    assert judgement.reasons[3] == (
        "Sums over all processes are not whole any more: process.cpu.time \N{MINUS SIGN}60.0 %; "
        "accepted by --accept-lost-totals."
    )


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(replace(ACCEPTED, min_coverage=0.8), id="coverage"),
        pytest.param(replace(ACCEPTED, min_recall=0.8), id="recall"),
    ],
)
def test_a_minimum_of_names_that_is_asked_for_aborts(plan: Plan) -> None:
    judgement = judged(plan)
    assert judgement.verdict is Verdict.ABORT
    assert "kept their name" in judgement.reasons[0]


@pytest.mark.parametrize(
    "plan", [replace(NAMED, min_recall=None), replace(NAMED, min_coverage=None), NAMED]
)
def test_a_minimum_of_names_that_is_kept_lets_promote(plan: Plan) -> None:
    judgement = judged(plan, change=lambda one: one)
    assert judgement.verdict is Verdict.PROMOTE
    assert len(judgement.guardrails) == 6 + (plan.min_coverage is not None) + (
        plan.min_recall is not None
    )


def without_visibility(one: Sample) -> Sample:
    return replace(one, visibility={})


def without_totals(one: Sample) -> Sample:
    return replace(one, totals={})


@pytest.mark.parametrize(
    ("plan", "change"),
    [
        pytest.param(NAMED, without_visibility, id="names"),
        pytest.param(PLAN, without_totals, id="totals"),
    ],
)
def test_a_guardrail_without_data_leaves_the_run_inconclusive(
    plan: Plan, change: Callable[[Sample], Sample]
) -> None:
    judgement = judge(run(200, change=change), plan, AT_END)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert any("was not measured" in reason for reason in judgement.reasons)
    assert judgement.names == () or plan is PLAN


def test_what_rounding_of_doubles_adds_is_no_loss() -> None:
    total = HostTotal(raw=2.0, output=2.0 + 4e-16, tolerance=1e-9)
    one = replace(sample(Variant.CANDIDATE, 0, 10), totals={"process.cpu.time": total})
    assert lost_totals([one])["process.cpu.time"].lost == 0.0


def test_totals_that_come_in_bursts_are_known_to_be_whole_when_nothing_is_lost() -> None:
    guardrail = SharesGuardrail(GuardrailName.TOTALS, PLAN, SECOND)
    for number in range(100):
        burst = 1e9 if number == 37 else 1.0
        guardrail.take({"process.disk.io": Share(0.0, burst)})
    result = guardrail.result()
    assert (result.status, result.bound) == (GuardrailStatus.PASS, 0.0)
