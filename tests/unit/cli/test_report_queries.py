"""Guardrails by queries on the page of a report."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.unit.analysis.runs import PLAN, START
from tests.unit.cli.report_subjects import HOSTILE, a_subject

from phoenix_platform.analysis.answers import Answer, answer_columns
from phoenix_platform.analysis.queries import NoData, QueryGuardrail
from phoenix_platform.cli.reports.page import page_of
from phoenix_platform.cli.reports.sections.guardrails import guardrails
from phoenix_platform.cli.reports.subjects import Subject

DEPTH = QueryGuardrail(
    name="depth",
    query="max(gateway_depth) - 3\n",
    min=-0.005,
    max=7.0,
    interval=timedelta(seconds=30),
    no_data=NoData.IGNORE,
)


def a_subject_that_asked(query: QueryGuardrail, value: float) -> Subject:
    at = START // 1_000_000
    answers = [
        Answer.of_value(
            query.name, value, evaluated_at_unix_ms=at + n, received_at_unix_ms=at + n + 1
        )
        for n in range(3)
    ]
    columns: dict[str, Any] = answer_columns(answers)
    return a_subject(plan=replace(PLAN, queries=(query,)), answers=columns, judgement=None)


def test_a_query_stands_among_the_guardrails_and_its_question_below() -> None:
    table, asked = guardrails(a_subject_that_asked(DEPTH, -0.0025)).blocks
    row = next(row for row in table.rows if row[0] == "depth")  # type: ignore[union-attr]
    assert row[1:4] == ("✓ pass", "−0.0025", "−0.005")
    assert asked.rows == (  # type: ignore[union-attr]
        ("depth", "-0.005 to 7", "30 s", "3", "ignore", "max(gateway_depth) - 3"),
    )


def test_a_report_of_a_run_without_queries_asks_nothing() -> None:
    assert len(guardrails(a_subject()).blocks) == 1


def test_a_hostile_query_is_text_and_nothing_else() -> None:
    hostile = replace(DEPTH, query=HOSTILE[:200])
    page = page_of(a_subject_that_asked(hostile, 1.0))
    assert "<script>alert" not in page
    assert "\u202e" not in page
