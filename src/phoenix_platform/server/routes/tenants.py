"""Tenants: all of them for the admins of the installation, else one's own."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler

from phoenix_platform.application.tenants import create_tenant, get_tenant, list_tenants
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.domain.tenants import Tenant, TenantId
from phoenix_platform.server.authentication import BeginIdentityDep, IdentityDep
from phoenix_platform.server.dependencies import ActorDep, ClockDep
from phoenix_platform.server.routes.users import setup_path_of
from phoenix_platform.server.versions import versioned
from phoenix_platform.wire.v1.tenants import CreatedTenantView, NewTenant, TenantList, TenantView

_ALL = "/api/v1/tenants"


@get(_ALL, operation_id="listTenants", permission=Permission.TENANTS_READ)
async def list_route(actor: ActorDep, identity: IdentityDep) -> TenantList:
    """The tenants that whoever asks may see, by name."""
    found = await list_tenants(all_tenants=identity.all_tenants, actor=actor)
    return TenantList(items=[view_of(one) for one in found])


@post(
    _ALL,
    operation_id="createTenant",
    permission=Permission.TENANTS_MANAGE,
    takes_idempotency_key=False,
)
async def create_route(
    data: JSONBody[NewTenant],
    begin: BeginIdentityDep,
    actor: ActorDep,
    clock: ClockDep,
    identity: IdentityDep,
) -> CreatedTenantView:
    """Make a tenant; its first admin chooses name and password by the link in the answer."""
    created = await create_tenant(
        data.name, all_tenants=identity.all_tenants, begin=begin, actor=actor, clock=clock
    )
    return CreatedTenantView(
        tenant=view_of(created.tenant),
        setup_token=created.secret,
        setup_path=setup_path_of(created.secret),
        expires_at=created.link.expires_at,
    )


@get(f"{_ALL}/{{tenant_id:uuid}}", operation_id="getTenant", permission=Permission.TENANTS_READ)
async def get_route(
    tenant_id: FromPath[UUID], actor: ActorDep, identity: IdentityDep
) -> Response[TenantView]:
    """One tenant."""
    wanted = TenantId(tenant_id)
    tenant = await get_tenant(wanted, all_tenants=identity.all_tenants, actor=actor)
    return versioned(view_of(tenant), tenant.version)


def view_of(tenant: Tenant) -> TenantView:
    return TenantView(
        id=tenant.id, name=tenant.name, created_at=tenant.created_at, version=tenant.version
    )


ROUTES: list[ControllerRouterHandler] = [list_route, create_route, get_route]
