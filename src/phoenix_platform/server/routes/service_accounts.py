"""Service accounts of a tenant."""

from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler

from phoenix_platform.application.service_accounts import (
    change_service_account,
    create_service_account,
    get_service_account,
    list_service_accounts,
    remove_service_account,
)
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.domain.service_accounts import ServiceAccount, ServiceAccountId
from phoenix_platform.server.authentication import BeginIdentityDep
from phoenix_platform.server.dependencies import ActorDep, ClockDep
from phoenix_platform.server.pagination import PageDep, encode_cursor
from phoenix_platform.server.versions import ExpectedVersionDep, versioned
from phoenix_platform.wire.v1.service_accounts import (
    NewServiceAccount,
    ServiceAccountChange,
    ServiceAccountPage,
    ServiceAccountView,
)

_ALL = "/api/v1/service-accounts"
_ONE = f"{_ALL}/{{account_id:uuid}}"


@get(_ALL, operation_id="listServiceAccounts", permission=Permission.USERS_READ)
async def list_route(page: PageDep, begin: BeginIdentityDep, actor: ActorDep) -> ServiceAccountPage:
    """The service accounts of the tenant, newest first."""
    found = await list_service_accounts(page, tenant_id=actor.tenant_id, begin=begin)
    views = [view_of(one) for one in found.items]
    return ServiceAccountPage(items=views, next_cursor=encode_cursor(found.next))


@post(_ALL, operation_id="createServiceAccount", permission=Permission.USERS_MANAGE)
async def create_route(
    data: JSONBody[NewServiceAccount], begin: BeginIdentityDep, actor: ActorDep, clock: ClockDep
) -> Response[ServiceAccountView]:
    """Make an account for a program."""
    account = await create_service_account(
        data.name, data.role, begin=begin, actor=actor, clock=clock
    )
    return versioned(view_of(account), account.version, status_code=201)


@get(_ONE, operation_id="getServiceAccount", permission=Permission.USERS_READ)
async def get_route(
    account_id: FromPath[UUID], begin: BeginIdentityDep, actor: ActorDep
) -> Response[ServiceAccountView]:
    """One service account."""
    wanted = ServiceAccountId(account_id)
    account = await get_service_account(wanted, tenant_id=actor.tenant_id, begin=begin)
    return versioned(view_of(account), account.version)


@patch(_ONE, operation_id="changeServiceAccount", permission=Permission.USERS_MANAGE)
async def change_route(
    account_id: FromPath[UUID],
    data: JSONBody[ServiceAccountChange],
    expected_version: ExpectedVersionDep,
    begin: BeginIdentityDep,
    actor: ActorDep,
    clock: ClockDep,
) -> Response[ServiceAccountView]:
    """Give it another role, or stop or resume its keys."""
    account = await change_service_account(
        ServiceAccountId(account_id),
        role=data.role,
        is_disabled=data.is_disabled,
        expected=expected_version,
        begin=begin,
        actor=actor,
        clock=clock,
    )
    return versioned(view_of(account), account.version)


@delete(
    _ONE,
    operation_id="removeServiceAccount",
    permission=Permission.USERS_MANAGE,
    status_code=204,
)
async def remove_route(
    account_id: FromPath[UUID], begin: BeginIdentityDep, actor: ActorDep, clock: ClockDep
) -> None:
    """Remove it; its keys are revoked."""
    await remove_service_account(
        ServiceAccountId(account_id), begin=begin, actor=actor, clock=clock
    )


def view_of(account: ServiceAccount) -> ServiceAccountView:
    return ServiceAccountView(
        id=account.id,
        name=account.name,
        role=account.role,
        is_disabled=account.is_disabled,
        created_at=account.created_at,
        version=account.version,
    )


ROUTES: list[ControllerRouterHandler] = [
    list_route,
    create_route,
    get_route,
    change_route,
    remove_route,
]
