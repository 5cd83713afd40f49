"""Asks the queries of running experiments, each at its own interval, and keeps the answers.

It has a lease of its own beside that of the experiments: a slow Prometheus holds up nobody but itself, and a
question is asked once, however many replicas there are. Who takes the lease over asks everything at once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from phoenix_platform.analysis.answers import Answer
from phoenix_platform.analysis.queries import QueryGuardrail
from phoenix_platform.application.ports import Begin, Fence
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import NotFoundError
from phoenix_platform.domain.experiment_lifecycle import Phase
from phoenix_platform.domain.experiments import Experiment, ExperimentId
from phoenix_platform.domain.tenants import TenantId

LEASE: Final = "queries"
_ASKED_IN: Final = frozenset({Phase.WARMING_UP, Phase.RUNNING})
_MOST_AT_ONCE: Final = 8
"""Questions under way at a time: a site's Prometheus serves others too."""

_Key: TypeAlias = tuple[TenantId, ExperimentId, str]


class Queries(Protocol):
    async def ask(self, guardrail: QueryGuardrail) -> Answer:
        """What the query gives now; that nobody answers is an answer too."""
        ...


@dataclass(slots=True)
class QueriesReconciler:
    """What it keeps in memory can be lost at any moment."""

    begin: Begin
    queries: Queries
    clock: Clock
    _asked: dict[_Key, float] = field(default_factory=dict[_Key, float])
    """When each was asked last, in monotonic seconds."""
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_AT_ONCE))

    async def walk(self, tenant_id: TenantId, fence: Fence) -> int:
        """Ask what is due of a tenant; how many queries are being asked in all.

        Raises:
            FencedOffError: If somebody else holds the lease by now.
        """
        async with self.begin(tenant_id) as work:
            running = await work.experiments.in_phases(_ASKED_IN)
        asked = {
            (tenant_id, one.id, query.name): query for one in running for query in one.plan.queries
        }
        for gone in [key for key in self._asked if key[0] == tenant_id and key not in asked]:
            del self._asked[gone]
        now = self.clock.monotonic()
        due = {key: query for key, query in asked.items() if self._is_due(key, query, now)}
        answers = await asyncio.gather(*(self._ask(key, query) for key, query in due.items()))
        for one in running:
            mine = [answer for key, answer in zip(due, answers, strict=True) if key[1] == one.id]
            await self._keep(one, mine, fence)
        return len(asked)

    def _is_due(self, key: _Key, query: QueryGuardrail, now: float) -> bool:
        last = self._asked.get(key)
        return last is None or now - last >= query.interval.total_seconds()

    async def _ask(self, key: _Key, query: QueryGuardrail) -> Answer:
        async with self._places:
            self._asked[key] = self.clock.monotonic()
            return await self.queries.ask(query)

    async def _keep(self, asked: Experiment, answers: Sequence[Answer], fence: Fence) -> None:
        if not answers:
            return
        async with self.begin(asked.tenant_id, fence=fence) as work:
            try:
                current = await work.experiments.get(asked.id)
            except NotFoundError:
                return  # deleted while it was asked
            if current.phase in _ASKED_IN:  # the verdict of one that ended stands on what was known
                await work.answers.add(asked.id, answers)
