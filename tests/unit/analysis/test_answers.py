"""Answers, and that a record keeps them whole."""

import json
import math
from typing import Any

import msgspec
import pytest

from phoenix_platform.analysis.answers import Answer, AnswerKind, answer_columns, answers_of
from phoenix_platform.core.canonical_json import canonical_json
from phoenix_platform.core.errors import InvalidInputError

AT = {"evaluated_at_unix_ms": 1_800_000_000_123, "received_at_unix_ms": 1_800_000_000_456}


@pytest.mark.parametrize(
    ("value", "kind", "compared"),
    [
        (2.5, AnswerKind.NUMBER, 2.5),
        (math.inf, AnswerKind.PLUS_INFINITY, math.inf),
        (-math.inf, AnswerKind.MINUS_INFINITY, -math.inf),
        (math.nan, AnswerKind.NOT_A_NUMBER, None),
    ],
)
def test_every_value_of_prometheus_has_its_kind(
    value: float, kind: AnswerKind, compared: float | None
) -> None:
    answer = Answer.of_value("errors", value, **AT)
    assert (answer.kind, answer.value) == (kind, compared)
    assert (answer.number is None) == (kind is not AnswerKind.NUMBER)


def test_answers_come_out_of_a_record_as_they_went_in() -> None:
    answers = [
        *(Answer.of_value("a", value, **AT) for value in (0.1 + 0.2, 1e-320, 1e300, 7.0)),
        *(Answer.of_value("b", value, **AT) for value in (math.inf, -math.inf, math.nan)),
        *(Answer.without_number("c", kind, "why", **AT) for kind in list(AnswerKind)[3:]),
    ]
    columns = json.loads(msgspec.json.encode(answer_columns(answers)))
    assert answers_of(columns) == answers
    assert answers_of(json.loads(canonical_json(columns))) == answers
    assert answers_of(None) == []


def test_long_words_of_a_server_are_cut() -> None:
    answer = Answer.without_number("a", AnswerKind.NO_ANSWER, "x" * 1_000, **AT)
    assert len(answer.detail) == 300


@pytest.mark.parametrize(
    "damage",
    [
        {"kind": ["lost"]},
        {"kind": ["number"]},
        {"number": [1.0]},
        {"number": []},
        {"detail": None},
        {"received_at_unix_ms": [None]},
        {"evaluated_at_unix_ms": ["noon"]},
    ],
)
def test_columns_that_no_record_has_are_refused(damage: dict[str, Any]) -> None:
    columns = answer_columns([Answer.without_number("a", AnswerKind.NO_SERIES, "", **AT)]) | damage
    with pytest.raises(InvalidInputError, match="answers: "):
        answers_of(columns)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InvalidInputError, match="guardrail"):
        answers_of({})
