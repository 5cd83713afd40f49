"""Experiments from draft to verdict: use cases and the reconciler over a real database, hosts played by the test."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from tests.unit.analysis.runs import run

from phoenix_platform.adapters.sql.engines import Database
from phoenix_platform.adapters.sql.leases import SqlLeases
from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.verdicts import Verdict
from phoenix_platform.analysis.verifications import verify_certificate
from phoenix_platform.application import experiments as use_cases
from phoenix_platform.application.experiments import NewExperiment
from phoenix_platform.application.hosts import (
    Enrollment,
    enroll_host,
    issue_enrollment_token,
    quarantine,
    release_quarantine,
    remove_host,
    set_production,
    take_host_report,
)
from phoenix_platform.application.ports import Fence, UnitOfWork
from phoenix_platform.application.reconcilers.experiments import ExperimentsReconciler
from phoenix_platform.application.samples import SampleBatch, take_samples
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from phoenix_platform.domain.actors import Actor, ActorKind
from phoenix_platform.domain.experiment_lifecycle import Phase
from phoenix_platform.domain.experiments import Experiment, HostState
from phoenix_platform.domain.hosts import Host, HostId
from phoenix_platform.domain.permissions import Role
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.metering.samples import Sample
from phoenix_platform.opamp.desired_state import DesiredState, decode_desired_state
from phoenix_platform.opamp.host_reports import (
    CollectorReport,
    HostReport,
    RunReport,
    RunState,
)


@dataclass(slots=True)
class PrivateSigner:
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def public_key(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    def sign(self, content: bytes) -> bytes:
        return self.key.sign(content)


@dataclass(slots=True)
class ListedFaults:
    """What collectors say, by distribution."""

    by_distribution: dict[str, Sequence[str] | None] = field(default_factory=dict[str, Any])

    async def faults(
        self, text: str, *, distribution: str, upstream_version: str | None
    ) -> Sequence[str] | None:
        return self.by_distribution.get(distribution)


@dataclass(slots=True)
class Fleet:
    """A tenant with hosts, and the reconciler that walks its experiments."""

    tenant_id: TenantId
    clock: FixedClock
    transactions: Transactions[UnitOfWork]
    reconciler: ExperimentsReconciler
    checks: ListedFaults
    fence: Fence
    hosts: dict[str, Host] = field(default_factory=dict[str, Host])

    @property
    def actor(self) -> Actor:
        return Actor(
            tenant_id=self.tenant_id,
            kind=ActorKind.USER,
            id="ada",
            name="Ada",
            role=Role.EXPERIMENTER,
        )

    async def enroll(self, name: str, **labels: str) -> Host:
        begin, clock = self.transactions.begin, self.clock
        issued = await issue_enrollment_token(labels, begin=begin, actor=self.actor, clock=clock)
        enrollment = Enrollment(
            token=issued.secret,
            instance_uid=f"{len(self.hosts) + 1:032x}",
            host_name=name,
            labels={},
        )
        enrolled = await enroll_host(enrollment, tenant_id=self.tenant_id, begin=begin, clock=clock)
        self.hosts[name] = enrolled.host
        await self.report(name)
        return enrolled.host

    async def report(
        self, name: str, *runs: RunReport, distribution: str = "phoenix-otelcol"
    ) -> None:
        report = HostReport(
            at=self.clock.now(),
            agent_version="0.1.0",
            host_name=name,
            boot_id="b",
            processors=2,
            memory_bytes=2**30,
            processes=100,
            collectors=(
                CollectorReport(
                    path="/c", distribution=distribution, version="1", upstream_version="0.161.0"
                ),
            ),
            runs=runs,
        )
        await take_host_report(
            self.hosts[name].id,
            report,
            tenant_id=self.tenant_id,
            begin=self.transactions.begin,
            clock=self.clock,
        )

    async def send(
        self, experiment: Experiment, name: str, samples: Sequence[Sample], first: int = 1
    ) -> None:
        batch = SampleBatch(experiment_id=experiment.id, first_sequence=first, samples=samples)
        await take_samples(
            batch,
            host_id=self.hosts[name].id,
            tenant_id=self.tenant_id,
            begin=self.transactions.begin,
            clock=self.clock,
        )

    async def create(self, **changes: Any) -> Experiment:
        new = replace(
            NewExperiment(
                name="fewer series",
                selector="",
                baseline="process-baseline-v1",
                candidate="process-topk-v1",
                plan=Plan(
                    target_reduction=0.3,
                    interval=timedelta(seconds=1),
                    critical_patterns=("postgres",),
                ),
            ),
            **changes,
        )
        return await use_cases.create_experiment(
            new, begin=self.transactions.begin, actor=self.actor, clock=self.clock
        )

    async def start(self, experiment: Experiment) -> Experiment:
        return await use_cases.start_experiment(
            experiment.id, begin=self.transactions.begin, actor=self.actor, clock=self.clock
        )

    async def walk(self, experiment: Experiment) -> Experiment:
        await self.reconciler.walk(self.tenant_id, self.fence)
        return await self.read(experiment)

    async def read(self, experiment: Experiment) -> Experiment:
        return await use_cases.get_experiment(
            experiment.id, tenant_id=self.tenant_id, begin=self.transactions.begin
        )

    async def set_production(
        self, name: str, reference: str | None, *, expected: int | None = None
    ) -> Host:
        return await set_production(
            self.hosts[name].id,
            reference,
            expected=expected,
            begin=self.transactions.begin,
            actor=self.actor,
            clock=self.clock,
        )

    async def wanted_on(self, name: str) -> list[str]:
        """Experiments in the host's desired state."""
        return [one.id for one in (await self.desired(name)).experiments]

    async def desired(self, name: str) -> DesiredState:
        async with self.transactions.begin(self.tenant_id) as work:
            document = await work.desired.get(self.hosts[name].id)
        assert document is not None
        return decode_desired_state(document.body)

    async def run_to(self, experiment: Experiment, phase: Phase) -> Experiment:
        """Start it and walk it there, every host flowing."""
        await self.start(experiment)
        await self.walk(experiment)
        for name in self.hosts:
            await self.report(name, a_run(experiment, RunState.FLOWING, self.clock.now()))
        current = await self.walk(experiment)
        if phase is Phase.RUNNING:
            for name in self.hosts:
                await self.send(experiment, name, samples_of(name, 3))
            current = await self.walk(experiment)
        assert current.phase is phase
        return current


def a_run(experiment: Experiment, state: RunState, at: datetime, **changes: Any) -> RunReport:
    fields: dict[str, Any] = {
        "state": state,
        "at": at,
        "idle_cores": 0.01,
        "interval_seconds": 1.0,
        **changes,
    }
    return RunReport(experiment_id=str(experiment.id), run_id="r1", **fields)


def samples_of(host: str, scrapes: int, *, kept: float = 0.4) -> list[Sample]:
    return run(scrapes, kept=kept, host=host)


@pytest.fixture
async def fleet(
    database: Database,
    transactions: Transactions[UnitOfWork],
    tenant: TenantId,
    clock: FixedClock,
) -> Fleet:
    checks = ListedFaults()
    fence = await SqlLeases(database, "here", ttl=timedelta(minutes=10)).acquire("experiments")
    assert fence is not None
    made = Fleet(
        tenant_id=tenant,
        clock=clock,
        transactions=transactions,
        reconciler=ExperimentsReconciler(
            begin=transactions.begin, checks=checks, signer=PrivateSigner(), clock=clock
        ),
        checks=checks,
        fence=fence,
    )
    await made.enroll("web-1", env="prod")
    await made.enroll("web-2", env="prod")
    return made


async def test_an_experiment_goes_from_draft_to_a_certified_verdict(fleet: Fleet) -> None:
    draft = await fleet.create(selector="env=prod")
    assert await fleet.wanted_on("web-1") == []
    experiment = await fleet.run_to(draft, Phase.RUNNING)
    assert await fleet.wanted_on("web-1") == [str(draft.id)]
    for name in fleet.hosts:
        await fleet.send(experiment, name, samples_of(name, 400))
    fleet.clock.advance(10)
    analyzing = await fleet.walk(experiment)
    assert analyzing.phase is Phase.ANALYZING
    assert await fleet.wanted_on("web-1") == []
    for name in fleet.hosts:
        ended = a_run(experiment, RunState.ENDED, fleet.clock.now(), through_sequence=800)
        await fleet.report(name, ended)
    done = await fleet.walk(experiment)
    assert (done.phase, done.verdict) == (Phase.COMPLETED, Verdict.PROMOTE)
    certificate = await use_cases.get_certificate(
        done.id, tenant_id=fleet.tenant_id, begin=fleet.transactions.begin
    )
    found = verify_certificate(certificate, _is_signed)
    assert (found.verdict, found.alterations) == (Verdict.PROMOTE, ())
    async with fleet.transactions.begin(fleet.tenant_id) as work:
        shown = await work.judgements.get(done.id)
    assert shown is not None
    assert msgspec.json.decode(shown[0])["verdict"] == "promote"
    moves = await use_cases.list_transitions(
        done.id, tenant_id=fleet.tenant_id, begin=fleet.transactions.begin
    )
    assert [move.after for move in moves] == [
        Phase.VALIDATING,
        Phase.DEPLOYING,
        Phase.WARMING_UP,
        Phase.RUNNING,
        Phase.ANALYZING,
        Phase.COMPLETED,
    ]
    assert [move.actor for move in moves] == ["Ada", *["reconciler"] * 5]


async def test_a_reconciler_that_begins_anew_comes_to_the_same_verdict(fleet: Fleet) -> None:
    experiment = await fleet.run_to(await fleet.create(), Phase.RUNNING)
    for name in fleet.hosts:
        await fleet.send(experiment, name, samples_of(name, 400))
    for _ in range(4):  # one that forgets everything after each step
        fleet.reconciler = replace(fleet.reconciler, _judgings={})
        fleet.clock.advance(60)
        experiment = await fleet.walk(experiment)
    assert experiment.verdict is Verdict.PROMOTE


async def test_a_host_whose_collector_refuses_is_left_out_before_anything_is_offered(
    fleet: Fleet,
) -> None:
    fleet.checks.by_distribution["otelcol-contrib"] = ["unknown type: reduce"]
    await fleet.report("web-2", distribution="otelcol-contrib")
    experiment = await fleet.create()
    await fleet.start(experiment)
    deploying = await fleet.walk(experiment)
    assert deploying.phase is Phase.DEPLOYING
    left_out = deploying.hosts[1]
    assert left_out.state is HostState.EXCLUDED
    assert left_out.reason == (
        "otelcol-contrib 0.161.0 does not take the baseline: unknown type: reduce"
    )
    assert await fleet.wanted_on("web-1") == [str(experiment.id)]
    assert await fleet.wanted_on("web-2") == []


async def test_with_too_few_hosts_it_fails_and_leaves_nothing_wanted(fleet: Fleet) -> None:
    fleet.checks.by_distribution["phoenix-otelcol"] = ["bad"]
    experiment = await fleet.create()
    await fleet.start(experiment)
    failed = await fleet.walk(experiment)
    assert failed.phase is Phase.FAILED
    assert "0 of 2 hosts are left" in (failed.end_reason or "")
    assert await fleet.wanted_on("web-1") == []


async def test_a_host_that_goes_away_is_left_out_and_the_others_decide(fleet: Fleet) -> None:
    experiment = await fleet.run_to(await fleet.create(quorum=0.5), Phase.RUNNING)
    fleet.clock.advance(60)
    await fleet.send(experiment, "web-1", samples_of("web-1", 400))
    assert (await fleet.walk(experiment)).phase is Phase.RUNNING  # web-2 is waited for
    fleet.clock.advance(100)
    current = await fleet.walk(experiment)
    assert [host.state for host in current.hosts] == [HostState.FLOWING, HostState.EXCLUDED]
    assert current.hosts[1].reason == "no sample came from it for 120 s"
    assert await fleet.wanted_on("web-2") == []
    assert (await fleet.walk(experiment)).phase is Phase.ANALYZING


async def test_what_is_shown_at_the_end_is_what_was_decided_though_no_sample_came_since(
    fleet: Fleet,
) -> None:
    experiment = await fleet.run_to(await fleet.create(), Phase.RUNNING)
    await fleet.walk(experiment)  # shows what the samples say so far
    ask: dict[str, Any] = {
        "begin": fleet.transactions.begin,
        "actor": fleet.actor,
        "clock": fleet.clock,
    }
    await use_cases.stop_experiment(experiment.id, "enough seen", **ask)
    fleet.clock.advance(150)
    assert (await fleet.walk(experiment)).verdict is Verdict.INCONCLUSIVE
    async with fleet.transactions.begin(fleet.tenant_id) as work:
        shown = await work.judgements.get(experiment.id)
    assert shown is not None
    assert msgspec.json.decode(shown[0])["verdict"] == "inconclusive"


async def test_a_database_that_is_away_cancels_no_schedule(fleet: Fleet) -> None:
    at = fleet.clock.now() + timedelta(seconds=30)
    planned = await fleet.create(starts_at=at)
    fleet.clock.advance(31)
    begin, outages = fleet.transactions.begin, ["for a moment"]

    def away(tenant_id: TenantId, *, fence: Fence | None = None) -> Any:
        if fence is not None and outages:
            raise UnavailableError(f"database: it cannot be reached {outages.pop()}")
        return begin(tenant_id, fence=fence)

    fleet.reconciler = replace(fleet.reconciler, begin=away)
    with pytest.raises(UnavailableError):
        await fleet.walk(planned)
    assert (await fleet.read(planned)).phase is Phase.DRAFT
    assert (await fleet.walk(planned)).started_at is not None


async def test_stop_judges_what_there_is(fleet: Fleet) -> None:
    experiment = await fleet.run_to(await fleet.create(), Phase.RUNNING)
    await use_cases.stop_experiment(
        experiment.id,
        "enough seen",
        begin=fleet.transactions.begin,
        actor=fleet.actor,
        clock=fleet.clock,
    )
    fleet.clock.advance(150)
    done = await fleet.walk(experiment)
    assert (done.verdict, done.end_reason) == (Verdict.INCONCLUSIVE, "Ada: enough seen")


async def test_cancel_ends_without_a_verdict(fleet: Fleet) -> None:
    experiment = await fleet.run_to(await fleet.create(), Phase.WARMING_UP)
    cancelled = await use_cases.cancel_experiment(
        experiment.id,
        "wrong hosts",
        begin=fleet.transactions.begin,
        actor=fleet.actor,
        clock=fleet.clock,
    )
    assert (cancelled.phase, cancelled.verdict) == (Phase.CANCELLED, None)
    assert await fleet.wanted_on("web-1") == []
    with pytest.raises(NotFoundError):
        await use_cases.get_certificate(
            experiment.id, tenant_id=fleet.tenant_id, begin=fleet.transactions.begin
        )


async def test_an_abort_on_one_host_ends_it_for_all(fleet: Fleet) -> None:
    experiment = await fleet.run_to(await fleet.create(), Phase.RUNNING)
    aborted = a_run(experiment, RunState.ABORTED, fleet.clock.now(), reason="postgres is missing")
    await fleet.report("web-1", aborted)
    assert (await fleet.walk(experiment)).phase is Phase.ANALYZING
    fleet.clock.advance(150)
    assert (await fleet.walk(experiment)).verdict is Verdict.ABORT


async def test_two_experiments_do_not_share_a_host_unless_allowed(fleet: Fleet) -> None:
    await fleet.run_to(await fleet.create(name="first"), Phase.WARMING_UP)
    second = await fleet.create(name="second", selector="env=prod")
    with pytest.raises(ConflictError, match=r"web-1 and 1 more held by experiment 'first'"):
        await fleet.start(second)
    allowed = await fleet.create(name="third", allow_overlap=True)
    assert (await fleet.start(allowed)).phase is Phase.VALIDATING


async def test_a_schedule_starts_it_and_says_when_it_cannot(fleet: Fleet) -> None:
    at = fleet.clock.now() + timedelta(seconds=30)
    good = await fleet.create(name="good", starts_at=at)
    bad = await fleet.create(name="bad", starts_at=at, selector="env=nowhere")
    await fleet.walk(good)
    assert (await fleet.read(good)).phase is Phase.DRAFT
    fleet.clock.advance(31)
    await fleet.walk(good)
    assert (await fleet.read(good)).started_at is not None
    cancelled = await fleet.read(bad)
    assert cancelled.phase is Phase.CANCELLED
    assert "finds no host" in (cancelled.end_reason or "")


@pytest.mark.parametrize("end", [use_cases.stop_experiment, use_cases.cancel_experiment])
async def test_an_end_needs_a_reason(fleet: Fleet, end: Callable[..., Any]) -> None:
    experiment = await fleet.run_to(await fleet.create(), Phase.RUNNING)
    with pytest.raises(InvalidInputError, match=r"^reason: empty"):
        await end(
            experiment.id,
            "  ",
            begin=fleet.transactions.begin,
            actor=fleet.actor,
            clock=fleet.clock,
        )


async def test_an_experiment_under_way_is_not_deleted(fleet: Fleet) -> None:
    experiment = await fleet.run_to(await fleet.create(), Phase.RUNNING)
    ask: dict[str, Any] = {
        "begin": fleet.transactions.begin,
        "actor": fleet.actor,
        "clock": fleet.clock,
    }
    with pytest.raises(ConflictError, match="cancel it before you delete it"):
        await use_cases.delete_experiment(experiment.id, **ask)
    with pytest.raises(ConflictError, match="is on web-1"):
        await remove_host(fleet.hosts["web-1"].id, **ask)
    await use_cases.cancel_experiment(experiment.id, "done", **ask)
    await use_cases.delete_experiment(experiment.id, **ask)
    with pytest.raises(NotFoundError):
        await fleet.read(experiment)
    await remove_host(fleet.hosts["web-1"].id, **ask)


async def test_a_host_is_given_a_pipeline_for_its_production_collector_and_left_to_itself(
    fleet: Fleet,
) -> None:
    host = await fleet.set_production("web-1", "process-topk-v1")
    assert host.production == "process-topk-v1"
    wanted = await fleet.desired("web-1")
    assert wanted.production is not None
    assert "reduce" in wanted.production.text
    with pytest.raises(NotFoundError, match="there is no pipeline 'nowhere'"):
        await fleet.set_production("web-1", "nowhere")
    with pytest.raises(ConflictError, match="If-Match"):
        await fleet.set_production("web-1", None, expected=1)
    assert (await fleet.set_production("web-1", None)).production is None
    assert (await fleet.desired("web-1")).production is None


async def test_what_failed_on_a_host_is_offered_again_once_it_is_released(fleet: Fleet) -> None:
    host_id, begin = fleet.hosts["web-1"].id, fleet.transactions.begin
    await quarantine(
        host_id, "sha256:bad", "exit 1", tenant_id=fleet.tenant_id, begin=begin, clock=fleet.clock
    )
    ask: dict[str, Any] = {"begin": begin, "actor": fleet.actor, "clock": fleet.clock}
    with pytest.raises(NotFoundError, match="not in the quarantine of web-1"):
        await release_quarantine(host_id, "sha256:other", **ask)
    assert (await release_quarantine(host_id, "sha256:bad", **ask)).quarantine == ()


async def test_samples_have_one_effect_each(fleet: Fleet) -> None:
    experiment = await fleet.run_to(await fleet.create(), Phase.RUNNING)
    for first in (1, 1, 7):
        await fleet.send(experiment, "web-1", samples_of("web-1", 5), first)
    async with fleet.transactions.begin(fleet.tenant_id) as work:
        counts = await work.samples.counts(experiment.id)
    assert counts[HostId(fleet.hosts["web-1"].id)].samples == 10


def _is_signed(public_key: bytes, signature: bytes, content: bytes) -> bool:
    Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    return True
