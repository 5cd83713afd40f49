"""Walks experiments: reads what is known, asks the domain for the next step, writes it under the fence.

Reading and judging happen outside the fenced transaction, which must be short; if the experiment changed
meanwhile, its version says so, and the next round looks again.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from phoenix_platform.analysis.certificates import Signer
from phoenix_platform.analysis.verdicts import Judgement
from phoenix_platform.application.changes import send
from phoenix_platform.application.desired_states import write_desired_states
from phoenix_platform.application.experiments import TOPIC, save_moved, start_experiment
from phoenix_platform.application.judging import Judging, certificate_of
from phoenix_platform.application.ports import (
    Begin,
    ConfigurationChecks,
    Fence,
    FencedOffError,
    UnitOfWork,
)
from phoenix_platform.core.canonical_json import Json
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PhoenixError,
    UnavailableError,
)
from phoenix_platform.domain.actors import system_actor
from phoenix_platform.domain.experiment_lifecycle import OPEN, Phase, Trigger
from phoenix_platform.domain.experiment_steps import Facts, HostFacts, Step, is_collected, next_step
from phoenix_platform.domain.experiments import Experiment, ExperimentId, HostState
from phoenix_platform.domain.hosts import Host, HostId
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.opamp.host_reports import RunReport

LEASE: Final = "experiments"
JUDGED: Final = "experiment.judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What one look found."""

    experiment: Experiment
    hosts: Mapping[HostId, Host]
    facts: Facts
    runs: Mapping[HostId, RunReport]
    analyzing_since: datetime | None


@dataclass(slots=True)
class ExperimentsReconciler:
    """The reconciler of one process; what it keeps in memory can be lost at any moment."""

    begin: Begin
    checks: ConfigurationChecks
    signer: Signer
    clock: Clock
    _judgings: dict[ExperimentId, Judging] = field(default_factory=dict[ExperimentId, Judging])

    async def walk(self, tenant_id: TenantId, fence: Fence) -> int:
        """One round over a tenant's experiments; how many are under way.

        Raises:
            FencedOffError: If somebody else holds the lease by now.
            PhoenixError: What one of them met, after the others had their turn.
        """
        await self._start_scheduled(tenant_id, fence)
        async with self.begin(tenant_id) as work:
            open_ids = [one.id for one in await work.experiments.in_phases(OPEN)]
        failures: list[PhoenixError] = []
        for gone in self._judgings.keys() - set(open_ids):
            del self._judgings[gone]
        for experiment_id in open_ids:
            try:
                await self._advance(tenant_id, experiment_id, fence)
            except (FencedOffError, UnavailableError):
                raise
            except (ConflictError, NotFoundError):
                continue  # somebody changed or deleted it meanwhile; the next round sees it anew
            except PhoenixError as error:
                failures.append(error)
        if failures:  # said once the others had their turn
            raise failures[0]
        return len(open_ids)

    async def _start_scheduled(self, tenant_id: TenantId, fence: Fence) -> None:
        now = self.clock.now()
        async with self.begin(tenant_id) as work:
            drafts = await work.experiments.in_phases(frozenset({Phase.DRAFT}))
        for draft in drafts:
            if draft.starts_at is None or now < draft.starts_at:
                continue
            try:
                await start_experiment(
                    draft.id,
                    begin=_fenced(self.begin, fence),
                    actor=system_actor(tenant_id, "schedule"),
                    clock=self.clock,
                )
            except (FencedOffError, UnavailableError):
                raise  # nothing is wrong with the experiment; the next round tries again
            except PhoenixError as error:
                await self._unschedule(draft, str(error), fence)

    async def _unschedule(self, draft: Experiment, reason: str, fence: Fence) -> None:
        """A start that is not possible is said once, not tried for ever."""
        async with self.begin(draft.tenant_id, fence=fence) as work:
            current = await work.experiments.get(draft.id)
            moved, transition = current.moved(
                Trigger.CANCEL,
                actor="schedule",
                at=self.clock.now(),
                reason=f"it could not start as scheduled: {reason}",
            )
            actor = system_actor(draft.tenant_id, "schedule")
            await save_moved(work, moved, transition, actor=actor, clock=self.clock)

    async def _advance(
        self, tenant_id: TenantId, experiment_id: ExperimentId, fence: Fence
    ) -> None:
        async with self.begin(tenant_id) as work:
            known = await self._look(work, experiment_id)
        experiment, facts = known.experiment, known.facts
        if experiment.phase is Phase.VALIDATING:
            facts = replace(facts, faults=await self._faults(known))
        # Beside the loop: at the end it reads all samples again.
        judgement = await asyncio.to_thread(self._judgement, known)
        step = next_step(experiment, replace(facts, judgement=judgement))
        judging = self._judgings[experiment_id]
        is_news = judgement is not None and judgement != judging.shown
        is_same = step.experiment == experiment and step.trigger is None
        if is_same and not is_news:
            return
        certificate = None
        if step.trigger is Trigger.CONCLUDE:
            assert judgement is not None
            # Before the transaction, and beside the loop: it reads all samples again.
            try:
                certificate = await asyncio.to_thread(self._certify, known, step, judgement)
            except InvalidInputError as error:
                step = replace(step, trigger=Trigger.FAIL, reason=f"no certificate: {error}"[:1000])
        async with self.begin(tenant_id, fence=fence) as work:
            if judgement is not None and is_news:
                await self._show(work, experiment, judgement)
            if not is_same:
                await self._write(work, known, step, certificate)
        if is_news:
            judging.shown = judgement

    async def _look(self, work: UnitOfWork, experiment_id: ExperimentId) -> _Known:
        experiment = await work.experiments.get(experiment_id)
        judging = self._judgings.setdefault(experiment_id, Judging.of(experiment))
        counts = await work.samples.counts(experiment_id)
        hosts: dict[HostId, Host] = {}
        runs: dict[HostId, RunReport] = {}
        facts: dict[HostId, HostFacts] = {}
        for one in experiment.hosts:
            try:
                host = await work.hosts.get(one.host_id)
            except NotFoundError:
                facts[one.host_id] = HostFacts(is_gone=True)
                continue
            hosts[host.id] = host
            report = await work.reports.get(host.id)
            run = next(
                (
                    run
                    for run in (report.runs if report else ())
                    if run.experiment_id == str(experiment_id)
                ),
                None,
            )
            if run is not None:
                runs[host.id] = run
            count = counts.get(host.id)
            facts[host.id] = HostFacts(
                run=run,
                is_connected=host.is_connected,
                last_seen_at=host.last_seen_at,
                samples=count.samples if count else 0,
                last_sample_at=_time_of(count.last_ended_unix_nano) if count else None,
            )
        if experiment.phase in {Phase.WARMING_UP, Phase.RUNNING, Phase.ANALYZING}:
            await judging.read_on(work, experiment_id)
        since = None
        if experiment.phase is Phase.ANALYZING:
            since = (await work.experiments.transitions(experiment_id))[-1].at
        return _Known(
            experiment=experiment,
            hosts=hosts,
            facts=Facts(now=self.clock.now(), hosts=facts),
            runs=runs,
            analyzing_since=since,
        )

    def _judgement(self, known: _Known) -> Judgement | None:
        """On the samples that are here; None where the phase does not ask for one."""
        experiment, judging = known.experiment, self._judgings[known.experiment.id]
        match experiment.phase:
            case Phase.WARMING_UP | Phase.RUNNING if judging.samples:
                return judging.judgement(experiment, at_end=False)
            case Phase.ANALYZING:
                assert known.analyzing_since is not None
                # The hosts as they are now: who has handed over everything is done.
                now = next_step(experiment, known.facts).experiment
                if is_collected(now, known.facts, since=known.analyzing_since):
                    return judging.judgement(now, at_end=True)
                return None
            case _:
                return None

    async def _faults(self, known: _Known) -> dict[HostId, str]:
        """Hosts whose collector would not take a configuration, as far as it can be asked here."""
        answers: dict[tuple[str, str | None], str | None] = {}
        faults: dict[HostId, str] = {}
        for host_id, host in known.hosts.items():
            if not host.collectors:
                continue  # it said nothing of a collector yet; its agent will check
            collector = host.collectors[0]
            kind = (collector.distribution, collector.upstream_version)
            if kind not in answers:
                answers[kind] = await self._fault_of(known.experiment, *kind)
            if (fault := answers[kind]) is not None:
                faults[host_id] = fault
        faults |= dict.fromkeys(
            known.facts.hosts.keys() - known.hosts.keys(), "it was removed from the fleet"
        )
        return faults

    async def _fault_of(
        self, experiment: Experiment, distribution: str, version: str | None
    ) -> str | None:
        variants = {"baseline": experiment.baseline, "candidate": experiment.candidate}
        for name, variant in variants.items():
            found = await self.checks.faults(
                variant.text, distribution=distribution, upstream_version=version
            )
            if found:
                return f"{distribution} {version or ''} does not take the {name}: {found[0]}"
        return None

    def _certify(self, known: _Known, step: Step, judgement: Judgement) -> bytes:
        experiment = step.experiment
        return certificate_of(
            experiment,
            self._judgings[experiment.id],
            known.runs,
            judgement,
            self.signer,
            at=known.facts.now,
        )

    async def _write(
        self, work: UnitOfWork, known: _Known, step: Step, certificate: bytes | None
    ) -> None:
        actor = system_actor(known.experiment.tenant_id, "reconciler")
        changed, now = step.experiment, known.facts.now
        if step.trigger is None:
            await self._save_hosts(work, known.experiment, changed)
            return
        if step.trigger is Trigger.CONCLUDE:
            assert certificate is not None
            assert step.verdict is not None
            await work.certificates.add(changed.id, certificate, at=now)
            moved, transition = changed.concluded(
                step.verdict, actor=actor.name, at=now, reason=step.reason or ""
            )
        else:
            moved, transition = changed.moved(
                step.trigger, actor=actor.name, at=now, reason=step.reason
            )
        await save_moved(work, moved, transition, actor=actor, clock=self.clock)

    async def _save_hosts(self, work: UnitOfWork, before: Experiment, changed: Experiment) -> None:
        await work.experiments.save(changed)
        left = [
            host.host_id
            for host in changed.hosts
            if host.state is HostState.EXCLUDED and host not in before.hosts
        ]
        await write_desired_states(work, left, clock=self.clock)
        topics = (TOPIC, f"experiment:{changed.id}")
        states: dict[str, Json] = {host.name: host.state.value for host in changed.hosts}
        await send(work, topics, "experiment.hosts-changed", {"hosts": states}, clock=self.clock)

    async def _show(self, work: UnitOfWork, experiment: Experiment, judgement: Judgement) -> None:
        await work.judgements.put(
            experiment.id, msgspec.json.encode(judgement), at=self.clock.now()
        )
        topics = (f"experiment:{experiment.id}",)
        payload: dict[str, Json] = {
            "experiment_id": str(experiment.id),
            "intervals": judgement.intervals,
        }
        await send(work, topics, JUDGED, payload, clock=self.clock)


def _time_of(unix_nano: int) -> datetime:
    return datetime.fromtimestamp(unix_nano / 1e9, tz=UTC)


def _fenced(begin: Begin, fence: Fence) -> Begin:
    """The same, with this fence on every transaction."""

    def begin_fenced(
        tenant_id: TenantId, *, fence: Fence | None = fence
    ) -> AbstractAsyncContextManager[UnitOfWork]:
        return begin(tenant_id, fence=fence)

    return begin_fenced
