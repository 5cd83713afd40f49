"""Asks what guardrails ask, and says what came of it: for the trial and for the control plane.

Both hand in their `QueryGuardrail` and get an `Answer` for their record. While a run goes on nothing is raised:
that nobody answers is an answer too, and what it means is said by the plan.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from phoenix_platform.adapters.prometheus.client import Prometheus, open_prometheus
from phoenix_platform.adapters.prometheus.results import QueryRefusedError, SeveralSeriesError
from phoenix_platform.adapters.prometheus.settings import PrometheusSettings
from phoenix_platform.analysis.answers import Answer, AnswerKind
from phoenix_platform.analysis.queries import NoData, QueryGuardrail
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import InvalidInputError, PhoenixError, UnavailableError

_MILLISECOND = 1_000_000


class PrometheusQueries:
    def __init__(self, prometheus: Prometheus, clock: Clock) -> None:
        self._prometheus = prometheus
        self._clock = clock

    @property
    def url(self) -> str:
        """Of the Prometheus, without credentials."""
        return self._prometheus.url

    async def ask(self, guardrail: QueryGuardrail) -> Answer:
        """What the query gives now; never raises for what Prometheus or the network do."""
        at = self._now_ms()
        try:
            value = await self._prometheus.number(guardrail.query, at_unix_ms=at)
        except SeveralSeriesError as error:
            return self._without(guardrail, AnswerKind.SEVERAL_SERIES, str(error), at)
        except QueryRefusedError as error:
            return self._without(guardrail, AnswerKind.REFUSED, str(error), at)
        except PhoenixError as error:
            return self._without(guardrail, AnswerKind.NO_ANSWER, str(error), at)
        if value is None:
            return self._without(guardrail, AnswerKind.NO_SERIES, "", at)
        return Answer.of_value(
            guardrail.name, value, evaluated_at_unix_ms=at, received_at_unix_ms=self._now_ms()
        )

    async def check(self, guardrail: QueryGuardrail) -> Answer:
        """Ask before a run, where what is wrong can still be mended.

        Raises:
            InvalidInputError: If the query is wrong, or gives several series.
            UnavailableError: If nobody answers; not where the plan ignores that there is no data.
        """
        where = f"guardrail {guardrail.name}"
        try:
            await self._prometheus.check(guardrail.query)
        except QueryRefusedError as error:
            raise InvalidInputError(f"{where}: query: {error}") from error
        except UnavailableError as error:
            if guardrail.no_data is not NoData.IGNORE:
                raise UnavailableError(f"{where}: {error}") from error
        answer = await self.ask(guardrail)
        match answer.kind:
            case AnswerKind.SEVERAL_SERIES | AnswerKind.REFUSED:
                raise InvalidInputError(f"{where}: query: {answer.detail}")
            case AnswerKind.NO_ANSWER if guardrail.no_data is not NoData.IGNORE:
                raise UnavailableError(f"{where}: {answer.detail}")
            case _:
                return answer

    def _without(self, guardrail: QueryGuardrail, kind: AnswerKind, detail: str, at: int) -> Answer:
        return Answer.without_number(
            guardrail.name,
            kind,
            detail,
            evaluated_at_unix_ms=at,
            received_at_unix_ms=self._now_ms(),
        )

    def _now_ms(self) -> int:
        return self._clock.unix_nano() // _MILLISECOND


@asynccontextmanager
async def open_queries(
    settings: PrometheusSettings, clock: Clock
) -> AsyncGenerator[PrometheusQueries]:
    """Queries to the Prometheus of the settings.

    Raises:
        InvalidInputError: If the settings name none, or are wrong.
    """
    async with open_prometheus(settings) as prometheus:
        yield PrometheusQueries(prometheus, clock)
