"""Experiments, as users speak of them: create, start, stop (judge now), cancel (no verdict), delete."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from phoenix_platform.analysis.plans import Plan
from phoenix_platform.application.changes import Change, write_change
from phoenix_platform.application.desired_states import write_desired_states
from phoenix_platform.application.pipelines import resolve
from phoenix_platform.application.ports import (
    Begin,
    ExperimentQuery,
    Page,
    PageQuery,
    UnitOfWork,
)
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import ConflictError, InvalidInputError
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.actors import Actor
from phoenix_platform.domain.experiment_lifecycle import ON_HOSTS, OPEN, Phase, Trigger
from phoenix_platform.domain.experiments import (
    Experiment,
    ExperimentHost,
    ExperimentId,
    Load,
    Transition,
    VariantPipeline,
)
from phoenix_platform.domain.hosts import Host, HostId
from phoenix_platform.domain.load_simulations import check_profile
from phoenix_platform.domain.selectors import Selector
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.metering.patterns import parse_pattern
from phoenix_platform.pipelines.expected_use import expected_cores

TOPIC: Final = "experiments"
PHASE_CHANGED: Final = "experiment.phase-changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExperiment:
    """What a user asks for; the plan's `totals_preserved` is set from the candidate."""

    name: str
    selector: str
    baseline: str
    candidate: str
    plan: Plan
    exporter: str | None = None
    ignore: tuple[str, ...] = ()
    load: Load | None = None
    max_host_cpu_share: float = 0.1
    quorum: float = 0.5
    deploy_timeout: timedelta = timedelta(minutes=5)
    absent_after: timedelta = timedelta(minutes=2)
    allow_overlap: bool = False
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostForecast:
    """What an experiment would mean for one host, from what it last reported."""

    host: Host
    is_connected: bool
    in_experiments: tuple[str, ...]
    """Names of running experiments that hold it."""
    cpu_cores: float | None
    """Expected use of the experiment's collectors; None: it did not say how many processes it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """A dry run: which hosts, what it costs there, what is measured."""

    experiment: Experiment
    hosts: tuple[HostForecast, ...]


async def create_experiment(
    new: NewExperiment, *, begin: Begin, actor: Actor, clock: Clock
) -> Experiment:
    """Make a draft; its pipelines are frozen now.

    Raises:
        InvalidInputError: If something in it is wrong; names the field.
        NotFoundError: If a pipeline does not exist.
    """
    async with begin(actor.tenant_id) as work:
        experiment = await _drafted(work, new, actor, clock)
        await work.experiments.add(experiment)
        await _write(work, experiment, "experiment.create", "experiment.created", actor, clock)
    return experiment


async def forecast_experiment(
    new: NewExperiment, *, begin: Begin, actor: Actor, clock: Clock
) -> Forecast:
    """What creating and starting it now would mean; nothing is written."""
    async with begin(actor.tenant_id) as work:
        experiment = await _drafted(work, new, actor, clock)
        hosts = await selected_hosts(work, experiment.selector)
        holders = await _holders(work)
    return Forecast(
        experiment=experiment,
        hosts=tuple(
            HostForecast(
                host=host,
                is_connected=host.is_connected,
                in_experiments=tuple(holders.get(host.id, ())),
                cpu_cores=None
                if host.processes is None
                else expected_cores(host.processes, experiment.plan.interval),
            )
            for host in hosts
        ),
    )


async def start_experiment(
    experiment_id: ExperimentId,
    *,
    expected: int | None = None,
    begin: Begin,
    actor: Actor,
    clock: Clock,
) -> Experiment:
    """Choose the hosts and let the reconciler take it from there.

    Raises:
        ConflictError: If it is no draft, was changed since, or another experiment holds one of its hosts.
        InvalidInputError: If its selector finds no host.
        NotFoundError: If there is no such experiment.
    """
    async with begin(actor.tenant_id) as work:
        experiment = await _get(work, experiment_id, expected)
        hosts = await selected_hosts(work, experiment.selector)
        if not hosts:
            raise InvalidInputError(
                f"selector: {str(experiment.selector)!r} finds no host; see `phoenix host list`"
            )
        if not experiment.allow_overlap:
            _refuse_overlap(hosts, await _holders(work))
        chosen = tuple(
            ExperimentHost(host_id=host.id, name=host.name, since=clock.now()) for host in hosts
        )
        return await move(
            work, replace(experiment, hosts=chosen), Trigger.START, actor=actor, clock=clock
        )


async def stop_experiment(
    experiment_id: ExperimentId,
    reason: str,
    *,
    expected: int | None = None,
    begin: Begin,
    actor: Actor,
    clock: Clock,
) -> Experiment:
    """Judge now, with what there is.

    Raises:
        ConflictError: If it is not running, or was changed since.
        InvalidInputError: If no reason is given.
    """
    return await _end(
        experiment_id, Trigger.ANALYZE, reason, expected, begin=begin, actor=actor, clock=clock
    )


async def cancel_experiment(
    experiment_id: ExperimentId,
    reason: str,
    *,
    expected: int | None = None,
    begin: Begin,
    actor: Actor,
    clock: Clock,
) -> Experiment:
    """End it without a verdict.

    Raises:
        ConflictError: If it has ended already, or was changed since.
        InvalidInputError: If no reason is given.
    """
    return await _end(
        experiment_id, Trigger.CANCEL, reason, expected, begin=begin, actor=actor, clock=clock
    )


async def delete_experiment(
    experiment_id: ExperimentId,
    *,
    expected: int | None = None,
    begin: Begin,
    actor: Actor,
    clock: Clock,
) -> None:
    """Remove it with its samples; the audit trail keeps that it was.

    Raises:
        ConflictError: If it is under way, or was changed since.
    """
    async with begin(actor.tenant_id) as work:
        experiment = await _get(work, experiment_id, expected)
        if experiment.phase in OPEN:
            raise ConflictError(
                f"the experiment is {experiment.phase}; cancel it before you delete it",
                phase=experiment.phase.value,
            )
        await work.experiments.remove(experiment_id)
        await _write(work, experiment, "experiment.delete", "experiment.deleted", actor, clock)


async def get_judged_experiment(
    experiment_id: ExperimentId, *, tenant_id: TenantId, begin: Begin
) -> tuple[Experiment, tuple[bytes, datetime] | None]:
    """An experiment, and what was last found (JSON of a `Judgement`) and when, if anything was."""
    async with begin(tenant_id) as work:
        experiment = await work.experiments.get(experiment_id)
        return experiment, await work.judgements.get(experiment_id)


async def get_experiment(
    experiment_id: ExperimentId, *, tenant_id: TenantId, begin: Begin
) -> Experiment:
    async with begin(tenant_id) as work:
        return await work.experiments.get(experiment_id)


async def list_experiments(
    query: PageQuery, where: ExperimentQuery, *, tenant_id: TenantId, begin: Begin
) -> Page[Experiment]:
    async with begin(tenant_id) as work:
        return await work.experiments.page(query, where)


async def list_transitions(
    experiment_id: ExperimentId, *, tenant_id: TenantId, begin: Begin
) -> Sequence[Transition]:
    async with begin(tenant_id) as work:
        await work.experiments.get(experiment_id)
        return await work.experiments.transitions(experiment_id)


async def get_certificate(
    experiment_id: ExperimentId, *, tenant_id: TenantId, begin: Begin
) -> bytes:
    """The certificate of a completed experiment.

    Raises:
        NotFoundError: If there is none (yet).
    """
    async with begin(tenant_id) as work:
        await work.experiments.get(experiment_id)
        return await work.certificates.get(experiment_id)


async def selected_hosts(work: UnitOfWork, selector: Selector) -> list[Host]:
    return [host for host in await work.hosts.all() if selector.matches(host.labels)]


async def move(
    work: UnitOfWork,
    experiment: Experiment,
    trigger: Trigger,
    *,
    actor: Actor,
    clock: Clock,
    reason: str | None = None,
) -> Experiment:
    """Save the experiment in its next phase, with everything that follows from it, in this transaction."""
    moved, transition = experiment.moved(trigger, actor=actor.name, at=clock.now(), reason=reason)
    return await save_moved(work, moved, transition, actor=actor, clock=clock)


async def save_moved(
    work: UnitOfWork, moved: Experiment, transition: Transition, *, actor: Actor, clock: Clock
) -> Experiment:
    """Save what `Experiment.moved` or `concluded` gave: the row, its transition, the hosts' documents."""
    saved = await work.experiments.save(moved)
    await work.experiments.add_transition(transition)
    if transition.before in ON_HOSTS or transition.after in ON_HOSTS:
        await write_desired_states(work, [host.host_id for host in saved.hosts], clock=clock)
    change = Change(
        action=f"experiment.{transition.trigger}",
        target=f"experiment:{saved.id}",
        topic=TOPIC,
        kind=PHASE_CHANGED,
        reason=transition.reason,
        changes={
            "name": saved.name,
            "before": transition.before,
            "phase": saved.phase,
            "verdict": saved.verdict,
            "version": saved.version,
        },
    )
    await write_change(work, change, actor=actor, clock=clock)
    return saved


async def _end(
    experiment_id: ExperimentId,
    trigger: Trigger,
    reason: str,
    expected: int | None,
    *,
    begin: Begin,
    actor: Actor,
    clock: Clock,
) -> Experiment:
    if not reason.strip():
        raise InvalidInputError("reason: empty; say why, it goes into the audit trail")
    async with begin(actor.tenant_id) as work:
        experiment = await _get(work, experiment_id, expected)
        return await move(
            work, experiment, trigger, actor=actor, clock=clock, reason=f"{actor.name}: {reason}"
        )


async def _get(work: UnitOfWork, experiment_id: ExperimentId, expected: int | None) -> Experiment:
    experiment = await work.experiments.get(experiment_id)
    if expected is not None and expected != experiment.version:
        raise ConflictError(
            f"If-Match: the experiment is at version {experiment.version}, not {expected}, and "
            f"{experiment.phase} now; read it again",
            current=experiment.version,
            phase=experiment.phase.value,
        )
    return experiment


async def _drafted(work: UnitOfWork, new: NewExperiment, actor: Actor, clock: Clock) -> Experiment:
    baseline = await resolve(work, new.baseline, field="baseline")
    candidate = await resolve(work, new.candidate, field="candidate")
    if new.load is not None:
        check_profile(new.load.profile, field="load.profile")
    for pattern in new.plan.critical_patterns:
        parse_pattern(pattern, field="critical")
    return Experiment(
        id=ExperimentId(new_id(clock)),
        tenant_id=work.tenant_id,
        name=new.name,
        selector=Selector.parse(new.selector, field="selector"),
        baseline=baseline,
        candidate=candidate,
        plan=replace(new.plan, totals_preserved=_preserves_totals(candidate, new.plan)),
        exporter=new.exporter,
        ignore=new.ignore,
        load=new.load,
        max_host_cpu_share=new.max_host_cpu_share,
        quorum=new.quorum,
        deploy_timeout=new.deploy_timeout,
        absent_after=new.absent_after,
        allow_overlap=new.allow_overlap,
        starts_at=new.starts_at,
        created_at=clock.now(),
        created_by=actor.name,
    )


def _preserves_totals(candidate: VariantPipeline, plan: Plan) -> bool:
    is_from_catalog = "@" not in candidate.reference
    return candidate.totals_preserved if is_from_catalog else not plan.accept_lost_totals


async def _holders(work: UnitOfWork) -> dict[HostId, list[str]]:
    """By host, the names of the experiments that are on it or will be."""
    holders: dict[HostId, list[str]] = {}
    phases = ON_HOSTS | {Phase.VALIDATING}
    for experiment in await work.experiments.in_phases(phases):
        for host in experiment.included:
            holders.setdefault(host.host_id, []).append(experiment.name)
    return holders


def _refuse_overlap(hosts: Sequence[Host], holders: dict[HostId, list[str]]) -> None:
    held = [host for host in hosts if host.id in holders]
    if held:
        first = held[0]
        more = f" and {len(held) - 1} more" if len(held) > 1 else ""
        raise ConflictError(
            f"hosts: {first.name}{more} held by experiment {holders[first.id][0]!r}: both would use its CPU; "
            "wait, choose other hosts, or allow overlap",
            host=first.name,
        )


async def _write(
    work: UnitOfWork, experiment: Experiment, action: str, kind: str, actor: Actor, clock: Clock
) -> None:
    change = Change(
        action=action,
        target=f"experiment:{experiment.id}",
        topic=TOPIC,
        kind=kind,
        changes={
            "name": experiment.name,
            "phase": experiment.phase,
            "baseline": experiment.baseline.hash,
            "candidate": experiment.candidate.hash,
        },
    )
    await write_change(work, change, actor=actor, clock=clock)
