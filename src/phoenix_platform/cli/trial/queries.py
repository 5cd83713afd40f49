"""Asks the queries of a trial's plan beside it: checked before the start, then each at its own interval.

`run` takes the answers away with every look. A question that waits for a slow Prometheus holds up nothing but
the next question of the same guardrail.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

from phoenix_platform.agent.background import BackgroundTasks
from phoenix_platform.analysis.answers import Answer
from phoenix_platform.analysis.queries import QueryGuardrail
from phoenix_platform.cli.outside import Queries
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import ConflictError


async def check_queries(
    queries: Queries, guardrails: Sequence[QueryGuardrail], progress: Callable[[str], None]
) -> None:
    """Ask each once while nothing of the trial runs, and say what it gives.

    Raises:
        ConflictError: If a limit is broken already: the trial would blame its candidate for it.
        InvalidInputError: If a query is wrong.
        UnavailableError: If nobody answers.
    """
    for guardrail in guardrails:
        answer = await queries.check(guardrail)
        allowed = guardrail.limits_sentence()
        if answer.value is None:
            shown = f"no number now ({answer.kind.replace('_', ' ')})"
        elif guardrail.is_beyond(answer.value):
            raise ConflictError(
                f"guardrail {guardrail.name}: its query gives {answer.value:.6g} before the trial, allowed is "
                f"{allowed}; mend that first, or change the limit"
            )
        else:
            shown = f"{answer.value:.6g} now"
        progress(f"guardrail {guardrail.name}: {shown}, allowed is {allowed}")


class Asking:
    """The answers that came since they were last taken; one task for each guardrail brings them."""

    def __init__(self, queries: Queries, clock: Clock) -> None:
        self._queries = queries
        self._clock = clock
        self._answers: list[
            Answer
        ] = []  # bounded: taken twice a second, one a second and query come

    def take(self) -> list[Answer]:
        taken, self._answers = self._answers, []
        return taken

    async def repeat(self, guardrail: QueryGuardrail) -> None:
        """Ask at once and then at every interval; until cancelled.

        Moments that pass while an answer is awaited are left out.
        """
        every, due = guardrail.interval.total_seconds(), self._clock.monotonic()
        while True:
            answer = await self._queries.ask(guardrail)
            self._answers.append(answer)  # to the list as it is now: another was taken meanwhile
            late = self._clock.monotonic() - due
            due += every * (1 + late // every)
            await asyncio.sleep(due - self._clock.monotonic())


@asynccontextmanager
async def asking(
    queries: Queries, guardrails: Sequence[QueryGuardrail], clock: Clock
) -> AsyncGenerator[Asking]:
    """Ask them all until the block ends."""
    async with BackgroundTasks() as tasks:
        one = Asking(queries, clock)
        for guardrail in guardrails:
            tasks.start(one.repeat(guardrail), name=f"query {guardrail.name}")
        yield one
        tasks.check()
