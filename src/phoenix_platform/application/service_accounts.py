"""Service accounts of a tenant: make, change and remove them. Their keys are in `application.api_keys`."""

from dataclasses import replace
from typing import Final

from phoenix_platform.application.changes import Change, write_change
from phoenix_platform.application.identity_ports import BeginIdentity
from phoenix_platform.application.ports import Page, PageQuery
from phoenix_platform.application.users import check_grant, check_version, revoke_keys_of
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.actors import Actor
from phoenix_platform.domain.api_keys import KeyOwner
from phoenix_platform.domain.permissions import Role
from phoenix_platform.domain.service_accounts import ServiceAccount, ServiceAccountId
from phoenix_platform.domain.tenants import TenantId

TOPIC: Final = "service-accounts"


async def create_service_account(
    name: str, role: Role, *, begin: BeginIdentity, actor: Actor, clock: Clock
) -> ServiceAccount:
    """Make one.

    Raises:
        ConflictError: If the name is taken.
        ForbiddenError: If the role may more than the actor.
        InvalidInputError: If it is no name of a service account.
    """
    check_grant(role, actor)
    account = ServiceAccount(
        id=ServiceAccountId(new_id(clock)),
        tenant_id=actor.tenant_id,
        name=name,
        role=role,
        created_at=clock.now(),
    )
    async with begin(actor.tenant_id) as work:
        await work.service_accounts.add(account)
        change = _change(account, "service-account.create", "service-account.created")
        await write_change(work, change, actor=actor, clock=clock)
    return account


async def change_service_account(
    account_id: ServiceAccountId,
    *,
    role: Role | None = None,
    is_disabled: bool | None = None,
    expected: int | None = None,
    begin: BeginIdentity,
    actor: Actor,
    clock: Clock,
) -> ServiceAccount:
    """Give it another role, or stop or resume its keys; None leaves as it is.

    Raises:
        ConflictError: If it was changed since it was read.
        ForbiddenError: If the account may more than the actor, now or then.
    """
    async with begin(actor.tenant_id) as work:
        account = await work.service_accounts.get(account_id)
        for one in {account.role, role or account.role}:
            check_grant(one, actor)
        check_version("service account", account.version, expected)
        changed = replace(
            account,
            role=account.role if role is None else role,
            is_disabled=account.is_disabled if is_disabled is None else is_disabled,
        )
        saved = await work.service_accounts.save(changed)
        change = _change(saved, "service-account.change", "service-account.changed")
        await write_change(work, change, actor=actor, clock=clock)
    return saved


async def remove_service_account(
    account_id: ServiceAccountId, *, begin: BeginIdentity, actor: Actor, clock: Clock
) -> None:
    """Remove it; its keys are revoked."""
    async with begin(actor.tenant_id) as work:
        account = await work.service_accounts.get(account_id)
        await revoke_keys_of(work, KeyOwner.SERVICE_ACCOUNT, account_id, clock)
        await work.service_accounts.remove(account_id)
        change = _change(account, "service-account.remove", "service-account.removed")
        await write_change(work, change, actor=actor, clock=clock)


async def get_service_account(
    account_id: ServiceAccountId, *, tenant_id: TenantId, begin: BeginIdentity
) -> ServiceAccount:
    async with begin(tenant_id) as work:
        return await work.service_accounts.get(account_id)


async def list_service_accounts(
    query: PageQuery, *, tenant_id: TenantId, begin: BeginIdentity
) -> Page[ServiceAccount]:
    async with begin(tenant_id) as work:
        return await work.service_accounts.page(query)


def _change(account: ServiceAccount, action: str, kind: str) -> Change:
    return Change(
        action=action,
        target=f"service-account:{account.id}",
        topic=TOPIC,
        kind=kind,
        changes={
            "name": account.name,
            "role": account.role,
            "is_disabled": account.is_disabled,
            "version": account.version,
        },
    )
