"""Guardrails by queries: their states, and their place in the walk to a verdict."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.analysis.certified import KEY, verified
from tests.unit.analysis.runs import AT_END, CONDITIONS, PLAN, SECOND, START, run

from phoenix_platform.analysis.answers import Answer, AnswerKind, answer_columns
from phoenix_platform.analysis.certificates import make_certificate
from phoenix_platform.analysis.guardrails import GuardrailResult, GuardrailStatus
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.queries import NoData, QueryGuardrail
from phoenix_platform.analysis.query_guardrails import QueryState, QueryStates
from phoenix_platform.analysis.records import FORMAT, differences, judge_again
from phoenix_platform.analysis.verdicts import Judge, Judgement, Verdict, judge
from phoenix_platform.metering.sample_columns import columns_of
from phoenix_platform.metering.samples import Sample

ERRORS = QueryGuardrail(name="errors", query="sum(errors)", max=5.0)
ASKING = replace(PLAN, queries=(ERRORS,))
NAN = math.nan


def an_answer(value: float | None, second: float = 0.0, name: str = "errors") -> Answer:
    """Received that long after the first scrape of a run began; None: the server was down."""
    at = (START + round(second * SECOND)) // 1_000_000
    if value is None:
        return Answer.without_number(
            name, AnswerKind.NO_ANSWER, "", evaluated_at_unix_ms=at - 5, received_at_unix_ms=at
        )
    return Answer.of_value(name, value, evaluated_at_unix_ms=at - 5, received_at_unix_ms=at)


def answers(values: Sequence[float | None], *, every: float = 10.0) -> list[Answer]:
    return [an_answer(value, number * every) for number, value in enumerate(values)]


def result_of(
    values: Sequence[float | None], no_data: NoData = NoData.PENDING, consecutive: int = 3
) -> GuardrailResult:
    guardrail = replace(ERRORS, no_data=no_data, consecutive=consecutive)
    (result,) = QueryStates.of([guardrail]).after(answers(values)).results()
    return result


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ([], "no_data"),
        ([1], "pending"),
        ([1, 1], "pending"),
        ([1, 1, 1], "pass"),
        ([5, 5, 5], "pass"),
        ([9, 9], "pending"),
        ([9, 9, 9], "abort"),
        ([math.inf] * 3, "abort"),
        ([-math.inf] * 3, "pass"),
        ([9, 9, 1], "pending"),
        ([9, 9, 1, 1, 1], "pass"),
        ([9, 9, 1, 9, 9], "pending"),
        ([9, 9, 9, 1, 1, 1], "abort"),
        # Without a number: neither better nor worse, and never a pass.
        ([None], "no_data"),
        ([NAN] * 9, "no_data"),
        ([1, 1, 1, None], "no_data"),
        ([1, 1, None, 1], "pass"),
        ([9, None, 9, NAN, 9], "abort"),
    ],
)
def test_answers_in_a_row_make_the_status(values: Sequence[float | None], status: str) -> None:
    assert result_of(values).status == status


@pytest.mark.parametrize(
    ("values", "no_data", "status"),
    [
        ([None, None], NoData.ABORT, "no_data"),
        ([None, None, None], NoData.ABORT, "abort"),
        ([NAN, None, NAN], NoData.ABORT, "abort"),
        ([None, None, 1, None, None], NoData.ABORT, "no_data"),
        ([1, 1, 1], NoData.ABORT, "pass"),
        ([], NoData.IGNORE, "not_measured"),
        ([None] * 5, NoData.IGNORE, "not_measured"),
        ([1, 1, 1, None], NoData.IGNORE, "not_measured"),
        ([1, 1, 1], NoData.IGNORE, "pass"),
        ([9, 9, 9], NoData.IGNORE, "abort"),
        ([9, None, None, None], NoData.IGNORE, "pending"),
    ],
)
def test_what_no_data_means_is_as_the_plan_says(
    values: Sequence[float | None], no_data: NoData, status: str
) -> None:
    assert result_of(values, no_data).status == status


def test_one_answer_is_enough_where_the_plan_says_so() -> None:
    assert result_of([9], consecutive=1).status is GuardrailStatus.ABORT
    assert result_of([1], consecutive=1).status is GuardrailStatus.PASS


@pytest.mark.parametrize(
    ("values", "no_data", "reason"),
    [
        ([], NoData.PENDING, "Its query was not answered yet."),
        (
            [1, 7.25],
            NoData.PENDING,
            "Its query gave 7.25; allowed is at most 5; beyond it in 1 of 3 answers in a row.",
        ),
        (
            [9, 1],
            NoData.PENDING,
            "Its query gave 1; allowed is at most 5; within it in 1 of 3 answers in a row.",
        ),
        (
            [1, 2, 3],
            NoData.PENDING,
            "Its query gave 3; allowed is at most 5, as in the last 3 answers.",
        ),
        (
            [9, 9, math.inf],
            NoData.PENDING,
            "Its query gave inf; allowed is at most 5, and it was beyond that in 3 answers in a row.",
        ),
        (
            [None],
            NoData.PENDING,
            "Its query gave no number in the last 1 answer: no answer.",
        ),
        (
            [4, NAN, NAN],
            NoData.PENDING,
            "Its query gave no number in the last 2 answers: NaN. Before that it was 4; allowed is at most 5.",
        ),
        (
            [None] * 3,
            NoData.ABORT,
            "Its query gave no number in the last 3 answers: no answer.",
        ),
    ],
)
def test_the_reason_is_one_sentence_with_the_numbers(
    values: Sequence[float | None], no_data: NoData, reason: str
) -> None:
    assert result_of(values, no_data).reason == reason


def test_the_servers_own_words_come_before_ours() -> None:
    said = Answer.without_number(
        "errors",
        AnswerKind.REFUSED,
        "unknown function",
        evaluated_at_unix_ms=1,
        received_at_unix_ms=2,
    )
    assert "1 answer: unknown function." in QueryState(guardrail=ERRORS).after(said).result().reason


def test_a_result_holds_what_json_can_hold() -> None:
    result = result_of([math.inf] * 3)
    assert (result.name, result.value, result.bound, result.limit) == ("errors", None, None, 5.0)
    assert result_of([4.0]).value == 4.0
    assert result_of([4.0, None]).value is None


def test_answers_to_what_the_plan_does_not_ask_are_let_go() -> None:
    states = QueryStates.of([ERRORS])
    assert states.after([an_answer(9, name="other")] * 5) == states


# --- in the walk


def judged(plan: Plan, given: Sequence[Answer], scrapes: int = 110) -> Judgement:
    return judge(run(scrapes), plan, AT_END, given)


def test_a_promotion_needs_the_query_too() -> None:
    good = judged(ASKING, answers([1] * 9))
    assert good.verdict is Verdict.PROMOTE
    assert good.guardrails[-1].status is GuardrailStatus.PASS
    assert good.reasons[2].endswith("delay, totals, errors.")


def test_without_a_number_nothing_is_promoted() -> None:
    judgement = judged(ASKING, [])
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "Guardrail errors: Its query was not answered yet." in judgement.reasons
    assert "Guardrail errors: Its query was not answered yet." in judgement.needed


def test_what_may_be_without_data_is_named_as_not_measured() -> None:
    plan = replace(ASKING, queries=(replace(ERRORS, no_data=NoData.IGNORE),))
    judgement = judged(plan, answers([None] * 9))
    assert judgement.verdict is Verdict.PROMOTE
    assert judgement.reasons[2].endswith("Not measured: errors.")


def test_a_broken_query_ends_the_run_between_its_intervals() -> None:
    judgement = judged(ASKING, answers([1, 9, 9, 9]))
    assert judgement.verdict is Verdict.ABORT
    # The third answer beyond the limit came at second 30, in the middle of scrape 30 to 31.
    assert judgement.intervals == 29
    assert judgement.reasons[0].startswith("Its query gave 9")


def test_a_query_that_breaks_after_the_decision_changes_nothing() -> None:
    later = [an_answer(9, 104 + number) for number in range(3)]
    judgement = judged(ASKING, [*answers([1] * 9), *later])
    assert judgement.verdict is Verdict.PROMOTE
    assert judgement.guardrails[-1].status is GuardrailStatus.PASS


def test_a_query_that_breaks_before_the_first_interval_aborts_at_once() -> None:
    judge_ = Judge(ASKING)
    for answer in answers([9, 9, 9], every=0.01):
        judge_.add_answer(answer)
    assert judge_.judgement(CONDITIONS).verdict is Verdict.ABORT


def test_a_query_breaks_a_run_whose_samples_lag_behind() -> None:
    judge_ = Judge(ASKING)
    for one in run(20):
        judge_.add(one)
    assert judge_.judgement(CONDITIONS).verdict is None
    for answer in answers([9, 9, 9], every=40):
        judge_.add_answer(answer)
    live = judge_.judgement(CONDITIONS)
    assert (live.verdict, live.intervals) == (Verdict.ABORT, 18)
    assert judge(run(20), ASKING, AT_END, answers([9, 9, 9], every=40)) == live


def test_the_judgement_under_way_shows_the_newest_answer() -> None:
    judge_ = Judge(ASKING)
    for one in run(20):
        judge_.add(one)
    judge_.judgement(CONDITIONS)
    judge_.add_answer(an_answer(4.5, 500))
    judgement = judge_.judgement(CONDITIONS)
    assert judgement.guardrails[-1].value == 4.5
    assert judge_.judgement(CONDITIONS) == judgement


_VALUES = st.lists(st.sampled_from([1.0, 9.0, math.inf, None]), max_size=14)


@settings(max_examples=25, deadline=None)
@given(values=_VALUES, random=st.randoms(use_true_random=False), late=st.booleans())
def test_judging_on_the_way_equals_judging_the_record(
    values: list[float | None], random: Random, late: bool
) -> None:
    """A run judged after every arrival, answers in any delay, ends as its record does."""
    given_answers = answers(values, every=9.0)
    events: list[tuple[float, Answer | Sample]] = [
        (one.ended_unix_nano / SECOND, one) for one in run(120)
    ]
    for answer in given_answers:
        delay = random.choice([0.0, 0.5, 12.0]) if late else 0.0
        events.append((answer.received_at_unix_ms / 1000 + delay, answer))
    events.sort(key=lambda event: event[0])
    judge_ = Judge(ASKING)
    samples: list[Sample] = []
    taken: list[Answer] = []
    for _, event in events:
        if isinstance(event, Answer):
            judge_.add_answer(event)
            taken.append(event)
        else:
            judge_.add(event)
            samples.append(event)
        if judge_.judgement(CONDITIONS).verdict is not None:
            break
    live = judge_.judgement(AT_END)
    random.shuffle(samples)
    random.shuffle(taken)
    assert judge(samples, ASKING, AT_END, taken) == live


def a_record(given: Sequence[Answer]) -> dict[str, object]:
    samples = run(110)
    record = {
        "format": FORMAT,
        "phoenix_version": "0.1.0",
        "plan": ASKING,
        "conditions": AT_END,
        "samples": columns_of(samples),
        "answers": answer_columns(given),
        "judgement": judge(samples, ASKING, AT_END, given),
    }
    decoded: dict[str, object] = json.loads(msgspec.json.encode(record))
    return decoded


def test_a_record_reaches_its_verdict_again_from_its_answers() -> None:
    record = a_record(answers([1, math.inf, 9, 9]))
    assert not differences(record, judge_again(record))
    tampered = record | {"answers": answer_columns(answers([1, 1, 1, 1]))}
    found = differences(tampered, judge_again(tampered))
    assert any(one.startswith("verdict: ") for one in found)


def test_a_certificate_notices_another_answer() -> None:
    certificate = make_certificate(a_record(answers([1, 9, 9, 9])), KEY)
    whole = verified(certificate)
    assert (whole.alterations, whole.verdict) == ((), Verdict.ABORT)
    altered = verified(certificate.replace(b'"number":[1,9,9,9]', b'"number":[1,1,9,9]'))
    assert [one.section for one in altered.alterations] == ["record.answers"]
    assert altered.verdict is None
