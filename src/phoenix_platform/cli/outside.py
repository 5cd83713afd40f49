"""What commands need of outside systems, in their own words; `__main__` brings it.

Commands know no adapters (they reach a control plane through its API), but `phoenix trial` has none and asks a
site's Prometheus itself. The composition root hands its client in as the object of the Typer context.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import typer

from phoenix_platform.analysis.answers import Answer
from phoenix_platform.analysis.queries import QueryGuardrail
from phoenix_platform.core.clock import Clock


class Queries(Protocol):
    @property
    def url(self) -> str:
        """Of who answers, without credentials."""
        ...

    async def ask(self, guardrail: QueryGuardrail) -> Answer:
        """What the query gives now; that nobody answers is an answer too."""
        ...

    async def check(self, guardrail: QueryGuardrail) -> Answer:
        """Ask before a run.

        Raises:
            InvalidInputError: If the query is wrong, or gives several series.
            UnavailableError: If nobody answers and the plan does not ignore it.
        """
        ...


OpenQueries: TypeAlias = Callable[[str | None, Clock], AbstractAsyncContextManager[Queries]]
"""Queries to the Prometheus at a URL; without one, to the one that the environment names.

Raises `InvalidInputError` if there is none, or its settings are wrong."""


@dataclass(frozen=True, slots=True)
class Outside:
    open_queries: OpenQueries


def outside_of(context: typer.Context) -> Outside:
    outside = context.find_object(Outside)
    assert outside is not None, "the composition root did not bring it"
    return outside
