"""Load simulations on hosts: wanted until their deadline or until somebody stops them."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from phoenix_platform.application.changes import Change, write_change
from phoenix_platform.application.desired_states import write_desired_states
from phoenix_platform.application.experiments import selected_hosts
from phoenix_platform.application.ports import Begin, Page, PageQuery
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import ConflictError
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.actors import Actor
from phoenix_platform.domain.load_simulations import (
    LoadSimulation,
    LoadSimulationId,
    check_profile,
)
from phoenix_platform.domain.selectors import Selector
from phoenix_platform.domain.tenants import TenantId

TOPIC: Final = "loads"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLoad:
    selector: str
    profile: str
    seed: int = 0
    duration: timedelta = timedelta(minutes=10)


async def start_load(new: NewLoad, *, begin: Begin, actor: Actor, clock: Clock) -> LoadSimulation:
    """Want the load on every host that the selector finds now.

    Raises:
        InvalidInputError: If there is no such profile, or no host.
    """
    check_profile(new.profile, field="profile")
    async with begin(actor.tenant_id) as work:
        hosts = await selected_hosts(work, Selector.parse(new.selector, field="selector"))
        load = LoadSimulation(
            id=LoadSimulationId(new_id(clock)),
            tenant_id=actor.tenant_id,
            profile=new.profile,
            seed=new.seed,
            hosts=tuple(host.id for host in hosts),
            created_at=clock.now(),
            created_by=actor.name,
            deadline=clock.now() + new.duration,
        )
        await work.loads.add(load)
        await write_desired_states(work, load.hosts, clock=clock)
        await write_change(work, _change(load, "start"), actor=actor, clock=clock)
    return load


async def stop_load(
    load_id: LoadSimulationId, *, begin: Begin, actor: Actor, clock: Clock
) -> LoadSimulation:
    """Want it no more.

    Raises:
        ConflictError: If it has ended already.
    """
    async with begin(actor.tenant_id) as work:
        load = await work.loads.get(load_id)
        if not load.is_wanted(clock.now()):
            raise ConflictError("the load simulation has ended already")
        stopped = await work.loads.save(replace(load, stopped_at=clock.now()))
        await write_desired_states(work, load.hosts, clock=clock)
        await write_change(work, _change(stopped, "stop"), actor=actor, clock=clock)
    return stopped


async def get_load(
    load_id: LoadSimulationId, *, tenant_id: TenantId, begin: Begin
) -> LoadSimulation:
    async with begin(tenant_id) as work:
        return await work.loads.get(load_id)


async def list_loads(
    query: PageQuery, *, tenant_id: TenantId, begin: Begin
) -> Page[LoadSimulation]:
    async with begin(tenant_id) as work:
        return await work.loads.page(query)


def _change(load: LoadSimulation, verb: str) -> Change:
    return Change(
        action=f"load.{verb}",
        target=f"load:{load.id}",
        topic=TOPIC,
        kind="load.changed",
        changes={"profile": load.profile, "seed": load.seed, "hosts": len(load.hosts)},
    )
