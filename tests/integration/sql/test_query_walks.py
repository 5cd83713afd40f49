"""Queries of experiments over a real database: asked in time, kept under the fence, judged with the samples."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from tests.integration.sql.test_experiment_walks import (
    Fleet,
    ListedFaults,
    PrivateSigner,
    _is_signed,
    a_run,
    samples_of,
)

from phoenix_platform.adapters.sql.engines import Database
from phoenix_platform.adapters.sql.leases import SqlLeases
from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.analysis.answers import Answer, AnswerKind
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.queries import QueryGuardrail
from phoenix_platform.analysis.verdicts import Verdict
from phoenix_platform.analysis.verifications import verify_certificate
from phoenix_platform.application import experiments as use_cases
from phoenix_platform.application.ports import Fence, FencedOffError, UnitOfWork
from phoenix_platform.application.reconcilers.experiments import ExperimentsReconciler
from phoenix_platform.application.reconcilers.queries import LEASE, QueriesReconciler
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.domain.experiment_lifecycle import Phase
from phoenix_platform.domain.experiments import Experiment
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.opamp.host_reports import RunState

ERRORS = QueryGuardrail(name="errors", query="sum(errors)", max=5.0, interval=timedelta(seconds=10))
DEPTH = QueryGuardrail(name="depth", query="max(depth)", max=9.0, interval=timedelta(seconds=30))


@dataclass(slots=True)
class PlayedQueries:
    """A Prometheus whose values a test sets; None: nobody answers."""

    clock: FixedClock
    values: dict[str, float | None] = field(default_factory=dict[str, float | None])

    async def ask(self, guardrail: QueryGuardrail) -> Answer:
        at = self.clock.unix_nano() // 1_000_000
        value = self.values[guardrail.name]
        if value is None:
            return Answer.without_number(
                guardrail.name,
                AnswerKind.NO_ANSWER,
                "",
                evaluated_at_unix_ms=at,
                received_at_unix_ms=at,
            )
        return Answer.of_value(
            guardrail.name, value, evaluated_at_unix_ms=at, received_at_unix_ms=at
        )


@dataclass(slots=True)
class Asked:
    """A fleet whose experiment asks."""

    fleet: Fleet
    queries: PlayedQueries
    reconciler: QueriesReconciler
    fence: Fence

    async def ask(self, values: Mapping[str, float | None], *, after: float = 0) -> int:
        self.fleet.clock.advance(after)
        self.queries.values |= values
        return await self.reconciler.walk(self.fleet.tenant_id, self.fence)

    async def answers(self, experiment: Experiment) -> list[tuple[str, float | None]]:
        async with self.fleet.transactions.read(self.fleet.tenant_id) as work:
            found, _ = await work.answers.after(experiment.id, 0, 1_000)
        return [(one.guardrail, one.number) for one in found]

    async def running(self) -> Experiment:
        plan = Plan(
            target_reduction=0.3,
            interval=timedelta(seconds=1),
            critical_patterns=("postgres",),
            queries=(ERRORS, DEPTH),
        )
        return await self.fleet.run_to(await self.fleet.create(plan=plan), Phase.RUNNING)

    async def conclude(self, experiment: Experiment, scrapes: int) -> Experiment:
        for name in self.fleet.hosts:
            ended = a_run(
                experiment, RunState.ENDED, self.fleet.clock.now(), through_sequence=2 * scrapes
            )
            await self.fleet.report(name, ended)
        return await self.fleet.walk(experiment)


@pytest.fixture
async def asked(
    database: Database,
    transactions: Transactions[UnitOfWork],
    tenant: TenantId,
    clock: FixedClock,
) -> Asked:
    leases = SqlLeases(database, "here", ttl=timedelta(minutes=10))
    fence, queries_fence = await leases.acquire("experiments"), await leases.acquire(LEASE)
    assert fence is not None
    assert queries_fence is not None
    checks = ListedFaults()
    fleet = Fleet(
        tenant_id=tenant,
        clock=clock,
        transactions=transactions,
        reconciler=ExperimentsReconciler(
            begin=transactions.begin, checks=checks, signer=PrivateSigner(), clock=clock
        ),
        checks=checks,
        fence=fence,
    )
    await fleet.enroll("web-1", env="prod")
    queries = PlayedQueries(clock)
    reconciler = QueriesReconciler(transactions.begin, queries, clock)
    return Asked(fleet, queries, reconciler, queries_fence)


async def test_each_query_is_asked_at_its_own_interval(asked: Asked) -> None:
    experiment = await asked.running()
    assert await asked.ask({"errors": 1.0, "depth": 2.0}) == 2
    assert await asked.ask({"errors": 3.0}, after=9) == 2
    await asked.ask({}, after=1)
    await asked.ask({"errors": None}, after=20)
    assert await asked.answers(experiment) == [
        ("errors", 1.0), ("depth", 2.0), ("errors", 3.0), ("errors", None), ("depth", 2.0),
    ]  # fmt: skip


async def test_nothing_is_asked_before_it_runs_nor_kept_after_it_ended(asked: Asked) -> None:
    draft = await asked.fleet.create(
        plan=Plan(target_reduction=0.3, interval=timedelta(seconds=1), queries=(ERRORS,))
    )
    assert await asked.ask({"errors": 1.0}) == 0
    assert await asked.answers(draft) == []
    experiment = await asked.running()
    await asked.ask({"depth": 1.0})
    await use_cases.cancel_experiment(
        experiment.id,
        reason="enough",
        begin=asked.fleet.transactions.begin,
        actor=asked.fleet.actor,
        clock=asked.fleet.clock,
    )
    assert await asked.ask({}, after=60) == 0
    assert len(await asked.answers(experiment)) == 2


async def test_who_lost_the_lease_keeps_nothing(asked: Asked) -> None:
    experiment = await asked.running()
    stale = replace(asked.fence, epoch=asked.fence.epoch - 1)
    asked.queries.values = {"errors": 9.0, "depth": 1.0}
    with pytest.raises(FencedOffError):
        await asked.reconciler.walk(asked.fleet.tenant_id, stale)
    assert await asked.answers(experiment) == []


async def test_a_query_beyond_its_limit_aborts_the_experiment_and_its_certificate_says_so(
    asked: Asked,
) -> None:
    experiment = await asked.running()
    for _ in range(3):
        await asked.ask({"errors": 9.0, "depth": 1.0}, after=10)
    analyzing = await asked.fleet.walk(experiment)
    assert analyzing.phase is Phase.ANALYZING
    done = await asked.conclude(experiment, 3)
    assert (done.phase, done.verdict) == (Phase.COMPLETED, Verdict.ABORT)
    certificate = await use_cases.get_certificate(
        done.id, tenant_id=asked.fleet.tenant_id, begin=asked.fleet.transactions.begin
    )
    found = verify_certificate(certificate, _is_signed)
    assert (found.verdict, found.alterations) == (Verdict.ABORT, ())
    assert b"Its query gave 9; allowed is at most 5" in certificate
    assert b'"guardrail":["errors","depth","errors","errors"]' in certificate


async def test_an_experiment_whose_queries_are_not_answered_is_not_promoted(asked: Asked) -> None:
    experiment = await asked.running()
    await asked.ask({"errors": None, "depth": 1.0})
    host = next(iter(asked.fleet.hosts))
    await asked.fleet.send(experiment, host, samples_of(host, 400))
    asked.fleet.clock.advance(10)
    assert (await asked.fleet.walk(experiment)).phase is Phase.RUNNING
