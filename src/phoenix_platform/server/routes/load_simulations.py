"""Load simulations on hosts."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler

from phoenix_platform.application import load_simulations as use_cases
from phoenix_platform.core.clock import Clock
from phoenix_platform.domain.load_simulations import LoadSimulation, LoadSimulationId
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.server.dependencies import ActorDep, BeginDep, ClockDep
from phoenix_platform.server.pagination import PageDep, encode_cursor
from phoenix_platform.server.versions import versioned
from phoenix_platform.wire.v1.load_simulations import LoadPage, LoadView, NewLoadRequest


@get("/api/v1/loads", operation_id="listLoads", permission=Permission.LOADS_READ)
async def list_loads(page: PageDep, begin: BeginDep, actor: ActorDep, clock: ClockDep) -> LoadPage:
    """Load simulations, newest first."""
    found = await use_cases.list_loads(page, tenant_id=actor.tenant_id, begin=begin)
    return LoadPage(
        items=[view_of(one, clock) for one in found.items], next_cursor=encode_cursor(found.next)
    )


@post("/api/v1/loads", operation_id="startLoad", permission=Permission.LOADS_WRITE)
async def start_load(
    data: JSONBody[NewLoadRequest], begin: BeginDep, actor: ActorDep, clock: ClockDep
) -> Response[LoadView]:
    """Simulate load on every host that the selector finds now."""
    new = use_cases.NewLoad(
        selector=data.selector, profile=data.profile, seed=data.seed, duration=data.duration
    )
    load = await use_cases.start_load(new, begin=begin, actor=actor, clock=clock)
    return versioned(view_of(load, clock), load.version, status_code=201)


@get("/api/v1/loads/{load_id:uuid}", operation_id="getLoad", permission=Permission.LOADS_READ)
async def get_load(
    load_id: FromPath[UUID], begin: BeginDep, actor: ActorDep, clock: ClockDep
) -> Response[LoadView]:
    """One load simulation."""
    load = await use_cases.get_load(
        LoadSimulationId(load_id), tenant_id=actor.tenant_id, begin=begin
    )
    return versioned(view_of(load, clock), load.version)


@post(
    "/api/v1/loads/{load_id:uuid}/stop",
    operation_id="stopLoad",
    permission=Permission.LOADS_WRITE,
    status_code=200,
)
async def stop_load(
    load_id: FromPath[UUID], begin: BeginDep, actor: ActorDep, clock: ClockDep
) -> Response[LoadView]:
    """Want it no more."""
    load = await use_cases.stop_load(
        LoadSimulationId(load_id), begin=begin, actor=actor, clock=clock
    )
    return versioned(view_of(load, clock), load.version)


def view_of(load: LoadSimulation, clock: Clock) -> LoadView:
    return LoadView(
        id=load.id,
        profile=load.profile,
        seed=load.seed,
        hosts=list(load.hosts),
        is_wanted=load.is_wanted(clock.now()),
        created_at=load.created_at,
        created_by=load.created_by,
        deadline=load.deadline,
        stopped_at=load.stopped_at,
        version=load.version,
    )


ROUTES: list[ControllerRouterHandler] = [list_loads, start_load, get_load, stop_load]
