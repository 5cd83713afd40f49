"""Asks a site's Prometheus for the guardrails of experiments; `server.composition` runs it beside the requests."""

import structlog

from phoenix_platform.adapters.prometheus.queries import open_queries
from phoenix_platform.analysis.answers import Answer, AnswerKind
from phoenix_platform.analysis.queries import QueryGuardrail
from phoenix_platform.application.ports import AllTenants, Begin, Leases
from phoenix_platform.application.reconcilers.queries import LEASE, Queries, QueriesReconciler
from phoenix_platform.application.reconcilers.rounds import Rounds
from phoenix_platform.core.clock import Clock
from phoenix_platform.server.settings import ServerSettings

_log = structlog.get_logger("phoenix.queries")


class UnnamedPrometheus:
    """Stands where the settings name none: experiments that ask get to know why nobody answers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def ask(self, guardrail: QueryGuardrail) -> Answer:
        at = self._clock.unix_nano() // 1_000_000
        return Answer.without_number(
            guardrail.name,
            AnswerKind.NO_ANSWER,
            "the control plane knows no Prometheus; set PHOENIX_PROMETHEUS__URL where it runs",
            evaluated_at_unix_ms=at,
            received_at_unix_ms=at,
        )


async def ask_queries(
    settings: ServerSettings,
    *,
    begin: Begin,
    all_tenants: AllTenants,
    leases: Leases,
    clock: Clock,
) -> None:
    """Until cancelled.

    Raises:
        InvalidInputError: If the settings of the Prometheus are wrong.
    """

    async def run(queries: Queries) -> None:
        await Rounds(
            lease=LEASE,
            walk=QueriesReconciler(begin, queries, clock).walk,
            leases=leases,
            all_tenants=all_tenants,
            clock=clock,
            note_failure=_note_failure,
        ).run()

    if settings.prometheus.url is None:
        await run(UnnamedPrometheus(clock))
        return
    async with open_queries(settings.prometheus, clock) as queries:
        await run(queries)


def _note_failure(error: Exception) -> None:
    _log.warning("a round over the queries failed; trying again", error=str(error))
