"""Writes the desired state of hosts: one document each, from everything that is wanted there.

Called in the transaction of whatever changes what is wanted, so that no change is without its document.
"""

from collections.abc import Collection, Sequence
from typing import Final

from phoenix_platform.application.changes import send
from phoenix_platform.application.pipelines import resolve
from phoenix_platform.application.ports import DesiredDocument, UnitOfWork
from phoenix_platform.core.canonical_json import Json
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import NotFoundError
from phoenix_platform.domain.experiment_lifecycle import ON_HOSTS
from phoenix_platform.domain.experiments import Experiment, HostState, VariantPipeline
from phoenix_platform.domain.hosts import Fact, FactName, Host, HostId
from phoenix_platform.domain.load_simulations import LoadSimulation
from phoenix_platform.opamp.desired_state import (
    DesiredExperiment,
    DesiredLimits,
    DesiredLoad,
    DesiredPipeline,
    DesiredState,
    desired_state_hash,
    encode_desired_state,
)

DESIRED_CHANGED: Final = "host.desired-changed"
"""Tells whoever holds the host's connection to offer it anew."""


async def write_desired_states(
    work: UnitOfWork, host_ids: Collection[HostId], *, clock: Clock
) -> None:
    """Write the documents of these hosts anew, where they differ; in this transaction."""
    if not host_ids:
        return
    experiments = await work.experiments.in_phases(ON_HOSTS)
    loads = await work.loads.wanted(clock.now())
    for host_id in sorted(host_ids):  # everybody in one order, so that no two wait for each other
        try:
            host = await work.hosts.get_for_change(host_id)
        except NotFoundError:
            continue  # it was removed from the fleet: nothing is wanted there
        state = desired_state_of(host_id, experiments, loads, await _production(work, host))
        await _put(work, host, encode_desired_state(state), clock)


def desired_state_of(
    host_id: HostId,
    experiments: Sequence[Experiment],
    loads: Sequence[LoadSimulation],
    production: DesiredPipeline | None = None,
) -> DesiredState:
    """What one host should do, from the experiments that are on hosts and the loads that are wanted."""
    return DesiredState(
        host_id=str(host_id),
        experiments=tuple(
            _desired_experiment(experiment)
            for experiment in sorted(experiments, key=lambda one: one.id)
            if _is_wanted_on(experiment, host_id)
        ),
        loads=tuple(
            DesiredLoad(
                id=str(load.id), profile=load.profile, seed=load.seed, deadline=load.deadline
            )
            for load in sorted(loads, key=lambda one: one.id)
            if host_id in load.hosts
        ),
        production=production,
    )


def _is_wanted_on(experiment: Experiment, host_id: HostId) -> bool:
    host = experiment.host(host_id)
    return host is not None and host.state is not HostState.EXCLUDED


def _desired_experiment(experiment: Experiment) -> DesiredExperiment:
    assert experiment.deadline is not None  # it was started
    plan, load = experiment.plan, experiment.load
    return DesiredExperiment(
        id=str(experiment.id),
        name=experiment.name,
        baseline=_desired_pipeline(experiment.baseline),
        candidate=_desired_pipeline(experiment.candidate),
        interval_seconds=plan.interval.total_seconds(),
        production_interval_seconds=plan.production_interval.total_seconds(),
        deadline=experiment.deadline,
        limits=DesiredLimits(max_host_cpu_share=experiment.max_host_cpu_share),
        critical=plan.critical_patterns,
        critical_identity=plan.critical_identity,
        exporter=experiment.exporter,
        ignore=experiment.ignore,
        load=None
        if load is None
        else DesiredLoad(
            id=f"{experiment.id}/load",
            profile=load.profile,
            seed=load.seed,
            deadline=experiment.deadline,
        ),
    )


def _desired_pipeline(variant: VariantPipeline) -> DesiredPipeline:
    return DesiredPipeline(name=variant.reference, hash=variant.hash, text=variant.text)


async def _production(work: UnitOfWork, host: Host) -> DesiredPipeline | None:
    if host.production is None:
        return None
    return _desired_pipeline(await resolve(work, host.production, field="production"))


async def _put(work: UnitOfWork, host: Host, body: bytes, clock: Clock) -> None:
    digest, before = desired_state_hash(body), await work.desired.get(host.id)
    if before is not None and before.hash == digest:
        return
    document = DesiredDocument(host_id=host.id, hash=digest, body=body, at=clock.now())
    await work.desired.put(document)
    await work.hosts.save(host.with_fact(FactName.DESIRED, Fact(digest, clock.now())))
    await send_desired_changed(work, host.id, digest, clock=clock)


async def send_desired_changed(
    work: UnitOfWork, host_id: HostId, digest: str, *, clock: Clock
) -> None:
    """Let whoever holds the host's connection look again at what to offer."""
    topics = ("hosts", f"host:{host_id}")
    payload: dict[str, Json] = {"host_id": str(host_id), "hash": digest}
    await send(work, topics, DESIRED_CHANGED, payload, clock=clock)
