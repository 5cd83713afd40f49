"""What a guardrail by a query may be, and how people write it."""

import math
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from tests.unit.analysis.runs import PLAN

from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.queries import (
    MOST_QUERIES,
    MOST_QUERY_CHARACTERS,
    NoData,
    QueryGuardrail,
    parse_guardrail,
)
from phoenix_platform.core.errors import InvalidInputError

ERRORS = QueryGuardrail(name="errors", query="sum(rate(errors_total[1m]))", max=5.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("errors=sum(rate(errors_total[1m])) <= 5", ERRORS),
        ("  errors = sum(rate(errors_total[1m]))<=5.0 ", ERRORS),
        ("up=min(up) >= 1", QueryGuardrail(name="up", query="min(up)", min=1.0)),
        (
            "down=count(up{job=\"a\",code!~'5..'} == 0) <= 1e2",
            QueryGuardrail(name="down", query="count(up{job=\"a\",code!~'5..'} == 0)", max=100.0),
        ),
        (
            "late=sum(latency > bool 0.5) / count(latency) <= -1",
            QueryGuardrail(name="late", query="sum(latency > bool 0.5) / count(latency)", max=-1.0),
        ),
        (
            "lines=max(\n  depth\n) <= 3",
            QueryGuardrail(name="lines", query="max(\n  depth\n)", max=3.0),
        ),
    ],
)
def test_a_name_and_what_must_hold_make_a_guardrail(text: str, expected: QueryGuardrail) -> None:
    assert parse_guardrail(text, field="--guardrail") == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("errors", "not of the form NAME=QUERY <= NUMBER: 'errors'"),
        ("errors=sum(up)", "not of the form"),
        ("errors=<= 5", "not of the form"),
        ("errors=sum(up) <= five", "not of the form"),
        ("errors=sum(up) < 5", "errors: compares with <; write what must hold with <= or >="),
        ("errors=sum(up) == 5", "compares with =="),
        ("Errors=sum(up) <= 5", "not a name of a guardrail: 'Errors'"),
        ("errors=sum(up) <= inf", "max: not a finite number: inf"),
        ("errors=sum(up) >= nan", "min: not a finite number: nan"),
    ],
)
def test_anything_else_is_refused_with_the_way_to_write_it(text: str, complaint: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_guardrail(text, field="--guardrail")
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"query": "  "}, "query: 2 characters"),
        ({"query": "x" * (MOST_QUERY_CHARACTERS + 1)}, "query: 4001 characters"),
        ({"max": None}, "no limit; give max, min or both"),
        ({"min": 6.0}, "min is above max: 6 > 5; exchange them"),
        ({"interval": timedelta(milliseconds=999)}, "interval: below 1 s"),
        ({"consecutive": 0}, "consecutive: below 1: 0"),
        ({"name": "a" * 64}, "not a name of a guardrail"),
    ],
)
def test_a_guardrail_that_cannot_be_judged_is_refused(
    changes: dict[str, object], complaint: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        replace(ERRORS, **changes)  # type: ignore[arg-type]  # any field
    assert complaint in str(caught.value)


def test_the_limit_itself_is_allowed_and_infinity_is_beyond() -> None:
    both = replace(ERRORS, min=1.0)
    assert [both.is_beyond(value) for value in (0.999, 1.0, 3.0, 5.0, 5.001)] == [
        True, False, False, False, True,
    ]  # fmt: skip
    assert both.is_beyond(math.inf)
    assert both.is_beyond(-math.inf)
    assert not ERRORS.is_beyond(-math.inf)


def test_the_nearest_limit_is_the_one_that_is_shown() -> None:
    both = replace(ERRORS, min=1.0)
    assert [both.limit_for(value) for value in (None, 0.0, 2.0, 4.0, 9.0)] == [5, 1, 1, 5, 5]
    assert ERRORS.limit_for(None) == ERRORS.limit_for(-8.0) == 5
    assert [one.limits_sentence() for one in (ERRORS, both, replace(both, max=None))] == [
        "at most 5", "1 to 5", "at least 1",
    ]  # fmt: skip


def test_a_plan_has_each_name_once_and_none_of_the_built_in_ones() -> None:
    with pytest.raises(InvalidInputError, match="queries: 'errors' is the name of another"):
        replace(PLAN, queries=(ERRORS, ERRORS))
    with pytest.raises(InvalidInputError, match="queries: 'cpu' is the name of another"):
        replace(PLAN, queries=(replace(ERRORS, name="cpu"),))
    many = tuple(replace(ERRORS, name=f"q{number}") for number in range(MOST_QUERIES + 1))
    with pytest.raises(InvalidInputError, match="queries: 21 of them; one run may ask 20"):
        replace(PLAN, queries=many)


def test_a_plan_with_queries_survives_json() -> None:
    query = replace(ERRORS, min=-1.0, interval=timedelta(minutes=1), no_data=NoData.ABORT)
    plan = replace(PLAN, queries=(query,))
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
