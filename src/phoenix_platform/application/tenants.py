"""Tenants: those who run the installation make and see them all; everybody else sees their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from phoenix_platform.application.changes import Change, write_change
from phoenix_platform.application.identity_ports import BeginIdentity
from phoenix_platform.application.ports import AllTenants
from phoenix_platform.application.users import add_link
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.actors import Actor, ForbiddenError, is_home, system_actor
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.domain.setup_tokens import SetupToken
from phoenix_platform.domain.tenants import DEFAULT_TENANT_NAME, Tenant, TenantId

TOPIC: Final = "tenants"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedTenant:
    """A tenant with the secret of the link that makes its first admin; shown once."""

    tenant: Tenant
    link: SetupToken
    secret: str


async def create_tenant(
    name: str, *, all_tenants: AllTenants, begin: BeginIdentity, actor: Actor, clock: Clock
) -> CreatedTenant:
    """Make a tenant.

    Raises:
        ConflictError: If the name is taken.
        ForbiddenError: If the actor is not of the tenant that runs the installation.
        InvalidInputError: If it is no tenant name.
    """
    if not is_home(await _own(actor, all_tenants)):
        raise ForbiddenError(
            f"tenants are made by the admins of the tenant {DEFAULT_TENANT_NAME!r}; ask one of them"
        )
    tenant = Tenant(id=TenantId(new_id(clock)), name=name, created_at=clock.now())
    async with begin(tenant.id) as work:
        await work.tenants.add(tenant)
        link, secret = await add_link(work, None, clock)
        change = _change(tenant)
        await write_change(work, change, actor=actor, clock=clock)
    return CreatedTenant(tenant=tenant, link=link, secret=secret)


async def list_tenants(*, all_tenants: AllTenants, actor: Actor) -> Sequence[Tenant]:
    """All of them for admins of the installation, else the own one."""
    own = await _own(actor, all_tenants)
    if not (is_home(own) and actor.may(Permission.TENANTS_MANAGE)):
        return [own]
    async with all_tenants() as tenants:
        return await tenants.all()


async def get_tenant(tenant_id: TenantId, *, all_tenants: AllTenants, actor: Actor) -> Tenant:
    """Raise `NotFoundError` for one that the actor may not see, as for one that is not there."""
    for tenant in await list_tenants(all_tenants=all_tenants, actor=actor):
        if tenant.id == tenant_id:
            return tenant
    raise NotFoundError(f"no tenant {tenant_id}")


async def default_tenant(*, all_tenants: AllTenants, begin: BeginIdentity, clock: Clock) -> Tenant:
    """The tenant of the installation; made at the first start, by one of the replicas."""
    async with all_tenants() as tenants:
        known = await tenants.by_name(DEFAULT_TENANT_NAME)
    if known is not None:
        return known
    tenant = Tenant(id=TenantId(new_id(clock)), name=DEFAULT_TENANT_NAME, created_at=clock.now())
    try:
        async with begin(tenant.id) as work:
            await work.tenants.add(tenant)
            change = _change(tenant)
            await write_change(work, change, actor=system_actor(tenant.id), clock=clock)
    except ConflictError:
        return await default_tenant(all_tenants=all_tenants, begin=begin, clock=clock)
    return tenant


async def first_link(tenant_id: TenantId, *, begin: BeginIdentity, clock: Clock) -> str | None:
    """The secret that makes the first admin, in place of any before; None once there is a user."""
    async with begin(tenant_id) as work:
        if await work.users.any():
            return None
        await work.setup_tokens.remove_of(None)
        _, secret = await add_link(work, None, clock)
        return secret


async def _own(actor: Actor, all_tenants: AllTenants) -> Tenant:
    async with all_tenants() as tenants:
        return await tenants.get(actor.tenant_id)


def _change(tenant: Tenant) -> Change:
    return Change(
        action="tenant.create",
        target=f"tenant:{tenant.id}",
        topic=TOPIC,
        kind="tenant.created",
        changes={"name": tenant.name},
    )
