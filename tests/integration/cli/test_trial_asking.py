"""Queries beside a trial: asked in their own time, none of their answers lost."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from phoenix_platform.analysis.answers import Answer, AnswerKind
from phoenix_platform.analysis.queries import QueryGuardrail
from phoenix_platform.cli.trial.queries import Asking, asking, check_queries
from phoenix_platform.core.clock import SystemClock
from phoenix_platform.core.errors import ConflictError

SOON = QueryGuardrail(name="soon", query="up", max=5.0, interval=timedelta(seconds=1))


@dataclass(slots=True)
class HeldQueries:
    """Gives each answer when the test lets it go."""

    url: str = "http://prometheus"
    asked: asyncio.Queue[QueryGuardrail] = field(default_factory=asyncio.Queue[QueryGuardrail])
    answers: asyncio.Queue[float | None] = field(default_factory=asyncio.Queue[float | None])

    async def ask(self, guardrail: QueryGuardrail) -> Answer:
        await self.asked.put(guardrail)
        value = await self.answers.get()
        at = {"evaluated_at_unix_ms": 1, "received_at_unix_ms": 2}
        if value is None:
            return Answer.without_number(guardrail.name, AnswerKind.NO_SERIES, "", **at)
        return Answer.of_value(guardrail.name, value, **at)

    async def check(self, guardrail: QueryGuardrail) -> Answer:
        return await self.ask(guardrail)


@asynccontextmanager
async def begun(queries: HeldQueries) -> AsyncGenerator[Asking]:
    async with asking(queries, [SOON], SystemClock()) as one:
        await queries.asked.get()
        yield one


async def test_an_answer_that_comes_after_a_look_is_there_at_the_next() -> None:
    queries = HeldQueries()
    async with begun(queries) as one:
        assert one.take() == []
        await queries.answers.put(3.0)
        for _ in range(5):  # turns of the loop, in which the task takes it
            await asyncio.sleep(0)
        (answer,) = one.take()
        assert answer.number == 3.0
        assert one.take() == []


async def test_the_next_question_is_asked_an_interval_later_and_none_while_one_waits() -> None:
    queries = HeldQueries()
    clock = SystemClock()
    began = clock.monotonic()
    async with begun(queries):
        await asyncio.sleep(1.5)  # longer than an interval
        assert queries.asked.empty()
        await queries.answers.put(1.0)
        async with asyncio.timeout(20):
            await queries.asked.get()
        # The moment at 1 s went by unanswered; the next is at 2 s.
        assert clock.monotonic() - began >= 1.99


async def test_what_is_known_before_the_trial_is_said() -> None:
    queries, said = HeldQueries(), list[str]()
    for value in (3.0, None):
        await queries.answers.put(value)
    await check_queries(queries, [SOON, SOON], said.append)
    assert said == [
        "guardrail soon: 3 now, allowed is at most 5",
        "guardrail soon: no number now (no series), allowed is at most 5",
    ]


async def test_a_limit_that_is_broken_before_the_trial_stops_it() -> None:
    queries = HeldQueries()
    await queries.answers.put(9.0)
    with pytest.raises(ConflictError, match="its query gives 9 before the trial, allowed is at"):
        await check_queries(queries, [SOON], list[str]().append)
