"""Every verdict, why it is reached, and that the record alone reaches it again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.analysis.runs import (
    AT_END,
    CONDITIONS,
    DATABASE,
    MEBIBYTE,
    PLAN,
    SECOND,
    Change,
    run,
    sample,
)

from phoenix_platform.analysis.guardrails import GuardrailStatus
from phoenix_platform.analysis.plans import GuardrailName, Objective, Plan
from phoenix_platform.analysis.verdicts import (
    Conditions,
    Judge,
    Judgement,
    Scope,
    Verdict,
    judge,
)
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.samples import Sample, Variant


def candidate_only(**changes: object) -> Change:
    """Change the candidate's samples from scrape 50 on."""
    return from_scrape(50, **changes)


def from_scrape(first: int, **changes: object) -> Change:
    def change(one: Sample) -> Sample:
        if one.variant is Variant.BASELINE or one.scrape < first:
            return one
        return replace(one, **changes)  # type: ignore[arg-type]  # any field

    return change


def without(variant: Variant, scrapes: Sequence[int]) -> Change:
    def change(one: Sample) -> Sample | None:
        return None if one.variant is variant and one.scrape in scrapes else one

    return change


# --- each verdict


def test_a_large_saving_under_good_guardrails_is_promoted_at_the_fifth_batch_end() -> None:
    judgement = judge(run(400), PLAN, CONDITIONS)
    assert judgement.verdict is Verdict.PROMOTE
    assert (judgement.intervals, judgement.paired, judgement.unpaired) == (100, 100, 0)
    assert judgement.scope is Scope.FIRST_STAGE
    bounds, window, guardrails, hosts, scope = judgement.reasons
    assert bounds.startswith("For the longer run it saves between 59.")
    assert bounds.endswith("of the series, more than the 30.0 % asked for.")
    assert window == (
        "In this window the candidate let out 59.7 % fewer series than the baseline (exact, 100 "
        "intervals)."
    )
    assert guardrails == (
        "All measured guardrails hold: critical retention, cpu, rss, data loss, delay, totals."
    )
    assert hosts == "Of other hosts it says nothing: not enough hosts (1 of at least 3)."
    assert "first stage" in scope
    assert judgement.needed == ("For a verdict on the whole fleet: a run of 24 h at least.",)


def test_too_small_a_saving_is_futile_even_without_guardrails() -> None:
    judgement = judge(run(400, kept=0.9, change=candidate_only(cpu_seconds=None)), PLAN, CONDITIONS)
    assert judgement.verdict is Verdict.STOP_FUTILE
    assert "less than the 30.0 % asked for" in judgement.reasons[0]
    assert judgement.needed == ("A candidate that saves more, or a target below 30.0 %.",)


def test_a_candidate_that_lets_out_more_is_said_to() -> None:
    judgement = judge(run(400, kept=1.2), PLAN, CONDITIONS)
    assert judgement.verdict is Verdict.STOP_FUTILE
    assert "20.3 % more series than the baseline" in judgement.reasons[1]


def test_equal_variants_are_never_promoted() -> None:
    judgement = judge(run(400, kept=1.0), PLAN, AT_END)
    assert judgement.verdict is Verdict.STOP_FUTILE


def test_a_lost_critical_process_aborts_at_its_interval() -> None:
    change = from_scrape(61, critical_seen=(), critical_missing=(DATABASE,))
    judgement = judge(run(400, change=change), PLAN, CONDITIONS)
    assert judgement.verdict is Verdict.ABORT
    assert judgement.intervals == 60
    assert judgement.reasons[0] == (
        "Critical process postgres (pid 4242) on host a is missing from the candidate's output of "
        "scrape 61."
    )
    assert judgement.needed == (
        "A candidate that keeps this limit, or a limit changed on purpose.",
    )


def test_a_critical_process_missing_from_what_was_not_taken_whole_is_no_miss() -> None:
    def change(one: Sample) -> Sample:
        if one.variant is Variant.BASELINE or one.scrape != 61:
            return one
        return replace(one, acknowledged=False, critical_seen=(), critical_missing=(DATABASE,))

    judgement = judge(run(400, change=change), PLAN, CONDITIONS)
    assert (judgement.verdict, judgement.unpaired) == (Verdict.PROMOTE, 1)


@pytest.mark.parametrize(
    ("change", "name", "intervals"),
    [
        pytest.param(from_scrape(2, cpu_seconds=4.0), GuardrailName.CPU, 120, id="cpu"),
        pytest.param(from_scrape(2, cpu_seconds=20.0), GuardrailName.CPU, 40, id="cpu-hard-cap"),
        pytest.param(from_scrape(2, rss_bytes=160 * MEBIBYTE), GuardrailName.RSS, 120, id="rss"),
        pytest.param(
            from_scrape(50, dropped_points=9, queue_full=True),
            GuardrailName.DATA_LOSS,
            51,
            id="data-loss",
        ),
    ],
)
def test_a_broken_guardrail_aborts(change: Change, name: GuardrailName, intervals: int) -> None:
    judgement = judge(run(400, change=change), PLAN, CONDITIONS)
    assert (judgement.verdict, judgement.intervals) == (Verdict.ABORT, intervals)
    broken = [result for result in judgement.guardrails if result.status is GuardrailStatus.ABORT]
    assert [result.name for result in broken] == [name]
    assert judgement.reasons[0] == broken[0].reason


def test_constant_counts_exactly_at_the_target_decide_nothing() -> None:
    def change(one: Sample) -> Sample:
        return replace(one, series=1_000 if one.variant is Variant.BASELINE else 700)

    judgement = judge(run(150, change=change), PLAN, AT_END)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "which may be more or less" in judgement.reasons[1]


def test_too_many_unpaired_intervals_are_invalid_from_the_fortieth_on() -> None:
    judgement = judge(run(400, change=without(Variant.CANDIDATE, [5, 15, 25])), PLAN, CONDITIONS)
    assert judgement.verdict is Verdict.INVALID
    assert (judgement.intervals, judgement.paired, judgement.unpaired) == (40, 37, 3)
    assert judgement.reasons[0].startswith("3 of 40 intervals (7.5 %) were not seen whole")
    assert judgement.needed == ("A new run in which both variants take every scrape undisturbed.",)


SILENT = {"output_points": 0, "critical_seen": (), "critical_missing": (DATABASE,)}


def silent(scrapes: Sequence[int], *variants: Variant) -> Change:
    def change(one: Sample) -> Sample:
        if one.variant not in variants or one.scrape not in scrapes:
            return one
        return replace(one, **SILENT)  # type: ignore[arg-type]  # any field

    return change


def test_a_run_that_nothing_comes_out_of_is_invalid_and_no_fault_of_the_candidate() -> None:
    judgement = judge(run(400, change=silent(range(20, 400), *Variant)), PLAN, CONDITIONS)
    assert judgement.verdict is Verdict.INVALID
    assert (judgement.intervals, judgement.paired, judgement.unpaired) == (21, 18, 3)
    (reason,) = judgement.reasons
    assert reason == (
        "Nothing came out of either variant in 3 intervals in a row: the host or the meter held them "
        "up, not the candidate itself."
    )
    assert judgement.needed == ("A new run in which both variants take every scrape undisturbed.",)


def test_two_intervals_that_nothing_came_out_of_are_left_out_and_counted() -> None:
    judgement = judge(run(400, change=silent([50, 51], *Variant)), PLAN, CONDITIONS)
    assert judgement.verdict is Verdict.PROMOTE
    assert (judgement.intervals, judgement.paired, judgement.unpaired) == (102, 100, 2)


def test_what_the_baseline_lets_out_and_the_candidate_does_not_is_held_against_it() -> None:
    judgement = judge(run(400, change=silent([50], Variant.CANDIDATE)), PLAN, CONDITIONS)
    assert judgement.verdict is Verdict.ABORT
    assert judgement.reasons[0].startswith("Critical process postgres (pid 4242)")


def test_a_few_unpaired_intervals_are_left_out_and_counted() -> None:
    judgement = judge(run(400, change=without(Variant.BASELINE, [5, 60])), PLAN, CONDITIONS)
    assert judgement.verdict is Verdict.PROMOTE
    assert (judgement.intervals, judgement.paired, judgement.unpaired) == (102, 100, 2)


def test_what_spoilt_the_run_from_outside_makes_it_invalid() -> None:
    spoilt = replace(CONDITIONS, invalid_because="The host's CPU limit of 10 % was exceeded.")
    judgement = judge(run(400), PLAN, spoilt)
    assert judgement.verdict is Verdict.INVALID
    assert judgement.reasons == ("The host's CPU limit of 10 % was exceeded.",)


def test_a_candidate_that_failed_by_itself_is_aborted_whatever_it_saved() -> None:
    failed = replace(CONDITIONS, aborted_because="The candidate's collector ended with code 1.")
    for scrapes in (20, 400):
        judgement = judge(run(scrapes), PLAN, failed)
        assert judgement.verdict is Verdict.ABORT
        assert judgement.reasons[0] == "The candidate's collector ended with code 1."
        assert judgement.needed == ("A candidate that runs to the end, shown by a new run.",)


def test_a_candidate_that_failed_in_a_spoilt_run_is_not_to_blame() -> None:
    both = replace(CONDITIONS, aborted_because="It ended.", invalid_because="The source ended.")
    judgement = judge(run(400), PLAN, both)
    assert (judgement.verdict, judgement.reasons) == (Verdict.INVALID, ("The source ended.",))


def test_a_run_that_ends_before_its_bounds_is_inconclusive() -> None:
    judgement = judge(run(60), PLAN, AT_END)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.reasons[0] == "The run ended after 58 intervals without a decision."
    assert judgement.reasons[1].endswith("has no bounds yet.")
    assert judgement.needed[0].startswith("A first verdict is possible after 100 intervals, in")


def test_a_saving_at_the_target_is_inconclusive_at_the_end() -> None:
    judgement = judge(run(400, kept=0.69725), PLAN, AT_END)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "which may be more or less than the 30.0 %" in judgement.reasons[1]
    assert judgement.needed[0].startswith("The bounds must leave out 30.0 %; they change next")


@pytest.mark.parametrize(
    ("change", "plan", "verdict"),
    [
        pytest.param(from_scrape(0, cpu_seconds=None), PLAN, Verdict.INCONCLUSIVE, id="must-have"),
        pytest.param(
            from_scrape(0, cpu_seconds=None),
            replace(PLAN, must_have_data=(GuardrailName.RSS,)),
            Verdict.PROMOTE,
            id="may-lack",
        ),
    ],
)
def test_a_guardrail_without_data_never_passes(
    change: Change, plan: Plan, verdict: Verdict
) -> None:
    judgement = judge(run(150, change=change), plan, AT_END)
    assert judgement.verdict is verdict
    assert any("CPU use" in text or "Not measured: cpu." in text for text in judgement.reasons)


def test_a_sufficient_saving_waits_for_its_guardrails_and_says_so() -> None:
    judgement = judge(run(150, change=from_scrape(0, cpu_seconds=None)), PLAN, CONDITIONS)
    assert judgement.verdict is None
    assert judgement.needed == (
        "The saving is large enough; it is judged again with the guardrails after 12 intervals.",
        "Guardrail cpu: The candidate's CPU use at an interval of 60 s was not measured.",
    )


def test_without_idle_cpu_the_cpu_is_not_judged() -> None:
    judgement = judge(run(150), PLAN, replace(CONDITIONS, idle_cores=None))
    assert judgement.verdict is None
    (cpu,) = [result for result in judgement.guardrails if result.name is GuardrailName.CPU]
    assert cpu.status is GuardrailStatus.NO_DATA


def test_a_crossing_is_not_remembered() -> None:
    # CPU is known from interval 180 on only; by then the saving has gone.
    def change(one: Sample) -> Sample:
        if one.variant is Variant.BASELINE:
            return one
        measured = one if one.scrape >= 81 else replace(one, cpu_seconds=None)
        return replace(measured, series=2 * one.series) if one.scrape >= 122 else measured

    samples = run(402, change=change)
    crossing = judge(samples[: 2 * 102], PLAN, CONDITIONS)
    assert crossing.needed[0].startswith("The saving is large enough")
    last_look = judge(samples, PLAN, CONDITIONS).reductions[1].last_look
    assert last_look is not None
    assert judge(samples, PLAN, CONDITIONS).verdict is not Verdict.PROMOTE


# --- what is known before a verdict


def test_before_the_first_interval_nothing_is_known() -> None:
    judgement = judge([], PLAN, CONDITIONS)
    assert judgement.verdict is None
    assert judgement.reasons[0] == "No interval was compared yet."
    assert judgement.window == timedelta(0)
    assert judgement.assurance.miss_rate_below is None


def test_how_far_the_bounds_of_guardrails_are_is_known_in_batches() -> None:
    live = Judge(PLAN)
    assert live.batches() == {}
    for one in run(65, change=from_scrape(0, cpu_seconds=None, visibility={})):
        live.add(one)
    assert live.batches() == {}
    live.judgement(CONDITIONS)
    assert live.batches() == {
        GuardrailName.CPU: 0,
        GuardrailName.RSS: 3,
        GuardrailName.DELAY: 3,
        GuardrailName.TOTALS: 3,
        GuardrailName.COVERAGE: 0,
        GuardrailName.RECALL: 0,
    }


def test_the_first_two_scrapes_are_left_out() -> None:
    change = candidate_only()
    assert judge(run(2, change=change), PLAN, CONDITIONS).intervals == 0
    assert judge(run(3, change=change), PLAN, CONDITIONS).intervals == 1


def test_a_window_without_baseline_has_no_reduction() -> None:
    judgement = judge(run(10, change=lambda one: replace(one, series=0)), PLAN, CONDITIONS)
    assert judgement.reasons[0] == "In this window the baseline let out no series."


def test_a_verdict_that_cannot_come_in_time_is_announced() -> None:
    hurried = replace(PLAN, max_duration=timedelta(seconds=90))
    judgement = judge(run(30), hurried, CONDITIONS)
    assert judgement.needed[1] == (
        "That is beyond the maximum duration of 1 min 30 s: allow a longer run."
    )


def test_all_three_objectives_are_shown_and_one_decides() -> None:
    change = from_scrape(0, stored_bytes=10)
    judgement = judge(run(400, kept=0.9, change=change), PLAN, CONDITIONS)
    assert judgement.verdict is Verdict.STOP_FUTILE
    by_bytes = replace(PLAN, objective=Objective.BYTES)
    judgement = judge(run(400, kept=0.9, change=change), by_bytes, CONDITIONS)
    assert judgement.verdict is Verdict.PROMOTE
    assert "of the stored bytes, more than" in judgement.reasons[0]
    assert [state.objective for state in judgement.reductions] == list(Objective)


def test_points_and_bytes_count_per_scrape_and_series_per_span() -> None:
    def change(one: Sample) -> Sample | None:
        if one.scrape % 5:
            return None
        return replace(one, scrapes=5, ended_unix_nano=one.ended_unix_nano + 4 * SECOND)

    judgement = judge(run(100, change=change), PLAN, CONDITIONS)
    points, series, _ = judgement.reductions
    assert judgement.intervals == 19  # the span that holds the first two scrapes is left out
    assert points.baseline_total == series.baseline_total
    assert points.window_reduction == series.window_reduction


def test_fidelity_and_the_window_are_those_of_the_pairs() -> None:
    judgement = judge(run(30), PLAN, CONDITIONS)
    assert judgement.window == timedelta(seconds=27.2)
    assert [(result.variant, result.samples) for result in judgement.fidelity] == [
        (Variant.BASELINE, 28),
        (Variant.CANDIDATE, 28),
    ]


def test_memory_that_one_variant_lacks_is_not_measured() -> None:
    def change(one: Sample) -> Sample:
        return replace(one, rss_bytes=None) if one.variant is Variant.BASELINE else one

    judgement = judge(run(30, change=change), PLAN, CONDITIONS)
    (rss,) = [result for result in judgement.guardrails if result.name is GuardrailName.RSS]
    assert rss.status is GuardrailStatus.NO_DATA


# --- scope


@pytest.mark.parametrize(
    ("min_duration", "scope", "reason", "needed"),
    [
        pytest.param(
            timedelta(seconds=90),
            Scope.FLEET,
            "The run covered 1 min 39 s, at least the 1 min 30 s that a verdict for the fleet needs.",
            "For a verdict on the whole fleet: a run of 1 min 30 s at least.",
            id="long-enough",
        ),
        pytest.param(
            None,
            Scope.FIRST_STAGE,
            "The run covered 1 min 39 s; it speaks for a first stage, not for the whole fleet.",
            "For a verdict on the whole fleet: an experiment on its hosts.",
            id="a-trial",
        ),
    ],
)
def test_the_scope_of_a_promotion_follows_the_length_of_the_run(
    min_duration: timedelta | None, scope: Scope, reason: str, needed: str
) -> None:
    judgement = judge(run(150), replace(PLAN, min_duration=min_duration), CONDITIONS)
    assert (judgement.verdict, judgement.scope) == (Verdict.PROMOTE, scope)
    assert judgement.reasons[-1] == reason
    assert judgement.needed == ((needed,) if scope is Scope.FIRST_STAGE else ())


def test_a_promotion_without_any_guardrail_says_so() -> None:
    plan = replace(PLAN, must_have_data=(), critical_patterns=())
    change = from_scrape(
        0, critical_seen=(), cpu_seconds=None, rss_bytes=None, refused_points=None,
        dropped_points=None, delay_p95_seconds=None, totals={},
    )  # fmt: skip
    judgement = judge(run(150, change=change), plan, CONDITIONS)
    assert judgement.verdict is Verdict.PROMOTE
    assert judgement.reasons[2] == "No guardrail was measured."


# --- several hosts


def test_hosts_are_summed_before_they_are_judged() -> None:
    samples = [*run(150, kept=0.2, host="a"), *run(150, kept=0.6, host="b")]
    judgement = judge(samples, PLAN, CONDITIONS)
    assert judgement.verdict is Verdict.PROMOTE
    assert (judgement.intervals, judgement.paired) == (100, 200)
    assert judgement.reductions[1].window_reduction == pytest.approx(0.6, abs=0.01)


def test_a_host_that_falls_silent_is_missed_at_the_end() -> None:
    samples = [*run(50, host="a"), *run(150, host="b")]
    assert judge(samples, PLAN, CONDITIONS).intervals == 47
    assert judge(samples, PLAN, AT_END).verdict is Verdict.PROMOTE


# --- the record reaches the verdict again


SPOILT = {
    "none": candidate_only(),
    "critical": from_scrape(90, critical_seen=(), critical_missing=(DATABASE,)),
    "cpu": from_scrape(30, cpu_seconds=6.0),
    "late-cpu": from_scrape(0, cpu_seconds=None),
    "unpaired": without(Variant.CANDIDATE, [5, 25, 45, 100, 130]),
    "refused": from_scrape(120, acknowledged=False),
}


@pytest.mark.parametrize("spoilt", SPOILT)
@given(kept=st.floats(0.3, 1.1), seed=st.integers(0, 2**32), at_end=st.booleans())
@settings(max_examples=8, deadline=None)
def test_judging_live_equals_judging_the_whole_record(
    spoilt: str, kept: float, seed: int, at_end: bool
) -> None:
    samples = run(170, kept=kept, change=SPOILT[spoilt])
    shuffled = _swap_neighbours(samples, Random(seed))  # noqa: S311 - a reproducible order
    live, seen = Judge(PLAN), list[Sample]()
    for one in shuffled:
        live.add(one)
        seen.append(one)
        judgement = live.judgement(CONDITIONS)
        if len(seen) % 37 == 0:
            assert judgement == judge(seen, PLAN, CONDITIONS)
    conditions = AT_END if at_end else CONDITIONS
    assert live.judgement(conditions) == judge(samples, PLAN, conditions)


def _swap_neighbours(samples: list[Sample], random: Random) -> list[Sample]:
    """The candidate's samples come a few intervals late, each variant's in order."""
    delay = random.uniform(0, 4)
    return sorted(
        samples,
        key=lambda one: one.scrape + (delay if one.variant is Variant.CANDIDATE else 0),
    )


def test_a_verdict_stays_whatever_comes_after_it() -> None:
    samples = run(400)
    decided = judge(samples[: 2 * 102], PLAN, CONDITIONS)
    assert decided.verdict is Verdict.PROMOTE
    spoilt = run(400, change=from_scrape(150, critical_seen=(), critical_missing=(DATABASE,)))
    assert judge(spoilt, PLAN, AT_END) == decided


def test_a_verdict_needs_all_samples_up_to_its_batch_end() -> None:
    assert judge(run(400)[: 2 * 102 - 1], PLAN, CONDITIONS).verdict is None


def test_samples_that_come_out_of_order_make_the_walk_begin_again() -> None:
    samples = run(150)
    live = Judge(PLAN)
    for one in [*samples[:40], *samples[60:]]:
        live.add(one)
    assert live.judgement(CONDITIONS).unpaired == 0
    for one in samples[40:60]:
        live.add(one)
    assert live.judgement(CONDITIONS) == judge(samples, PLAN, CONDITIONS)


def test_other_conditions_make_the_walk_begin_again() -> None:
    live = Judge(PLAN)
    for one in run(150):
        live.add(one)
    assert live.judgement(replace(CONDITIONS, idle_cores=None)).verdict is None
    assert live.judgement(CONDITIONS).verdict is Verdict.PROMOTE


def test_a_run_that_ended_may_go_on_where_the_end_was_only_asked_about() -> None:
    samples, live = run(150), Judge(PLAN)
    for one in samples[:100]:
        live.add(one)
    assert live.judgement(AT_END).verdict is Verdict.INCONCLUSIVE
    for one in samples[100:]:
        live.add(one)
    assert live.judgement(CONDITIONS).verdict is Verdict.PROMOTE


def test_a_sample_given_twice_is_refused() -> None:
    samples = run(5)
    with pytest.raises(InvalidInputError, match="two of host a, baseline, scrape 3"):
        judge([*samples, sample(Variant.BASELINE, 3, 1)], PLAN, CONDITIONS)


@pytest.mark.parametrize("count", [0, 30, 150])
def test_a_judgement_and_its_conditions_survive_json(count: int) -> None:
    judgement = judge(run(count), PLAN, CONDITIONS)
    assert msgspec.json.decode(msgspec.json.encode(judgement), type=Judgement) == judgement
    assert msgspec.json.decode(msgspec.json.encode(CONDITIONS), type=Conditions) == CONDITIONS


def test_a_host_that_left_is_not_waited_for() -> None:
    stays, leaves = run(700, host="a"), run(60, host="b")
    judge = Judge(PLAN)
    for one in [*stays, *leaves]:
        judge.add(one)
    assert judge.judgement(CONDITIONS).verdict is None
    left = replace(CONDITIONS, left={"b": leaves[-1].ended_unix_nano})
    assert judge.judgement(left).verdict is Verdict.PROMOTE
