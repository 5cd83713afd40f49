"""Users of a tenant."""

from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler

from phoenix_platform.application.users import (
    Invited,
    change_user,
    get_user,
    invite_user,
    list_users,
    remove_user,
    reset_password,
)
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.domain.users import User, UserId
from phoenix_platform.server.authentication import BeginIdentityDep
from phoenix_platform.server.dependencies import ActorDep, ClockDep
from phoenix_platform.server.pagination import PageDep, encode_cursor
from phoenix_platform.server.versions import ExpectedVersionDep, versioned
from phoenix_platform.wire.v1.users import InvitedUser, NewUser, UserChange, UserPage, UserView

_USER = "/api/v1/users/{user_id:uuid}"


@get("/api/v1/users", operation_id="listUsers", permission=Permission.USERS_READ)
async def list_route(page: PageDep, begin: BeginIdentityDep, actor: ActorDep) -> UserPage:
    """The users of the tenant, newest first."""
    found = await list_users(page, tenant_id=actor.tenant_id, begin=begin)
    return UserPage(
        items=[view_of(one) for one in found.items], next_cursor=encode_cursor(found.next)
    )


@post(
    "/api/v1/users",
    operation_id="createUser",
    permission=Permission.USERS_MANAGE,
    takes_idempotency_key=False,
)
async def create_route(
    data: JSONBody[NewUser], begin: BeginIdentityDep, actor: ActorDep, clock: ClockDep
) -> InvitedUser:
    """Make a user, who chooses a password by the link in the answer."""
    return _invited(await invite_user(data.name, data.role, begin=begin, actor=actor, clock=clock))


@get(_USER, operation_id="getUser", permission=Permission.USERS_READ)
async def get_route(
    user_id: FromPath[UUID], begin: BeginIdentityDep, actor: ActorDep
) -> Response[UserView]:
    """One user."""
    user = await get_user(UserId(user_id), tenant_id=actor.tenant_id, begin=begin)
    return versioned(view_of(user), user.version)


@patch(_USER, operation_id="changeUser", permission=Permission.USERS_MANAGE)
async def change_route(
    user_id: FromPath[UUID],
    data: JSONBody[UserChange],
    expected_version: ExpectedVersionDep,
    begin: BeginIdentityDep,
    actor: ActorDep,
    clock: ClockDep,
) -> Response[UserView]:
    """Give a user another role, or lock or unlock the account."""
    user = await change_user(
        UserId(user_id),
        role=data.role,
        is_disabled=data.is_disabled,
        expected=expected_version,
        begin=begin,
        actor=actor,
        clock=clock,
    )
    return versioned(view_of(user), user.version)


@delete(_USER, operation_id="removeUser", permission=Permission.USERS_MANAGE, status_code=204)
async def remove_route(
    user_id: FromPath[UUID], begin: BeginIdentityDep, actor: ActorDep, clock: ClockDep
) -> None:
    """Remove a user, with sessions and keys; what they did stays in the audit trail."""
    await remove_user(UserId(user_id), begin=begin, actor=actor, clock=clock)


@post(
    f"{_USER}/reset-password",
    operation_id="resetPassword",
    permission=Permission.USERS_MANAGE,
    takes_idempotency_key=False,
    status_code=200,
)
async def reset_route(
    user_id: FromPath[UUID], begin: BeginIdentityDep, actor: ActorDep, clock: ClockDep
) -> InvitedUser:
    """Give a user a new link to choose a password by; the old password and all sessions end now."""
    return _invited(await reset_password(UserId(user_id), begin=begin, actor=actor, clock=clock))


def view_of(user: User) -> UserView:
    return UserView(
        id=user.id,
        name=user.name,
        role=user.role,
        has_password=user.password_hash is not None,
        is_disabled=user.is_disabled,
        created_at=user.created_at,
        last_sign_in_at=user.last_sign_in_at,
        version=user.version,
    )


def setup_path_of(secret: str) -> str:
    """The page that takes a set-up token; browsers keep what stands behind `#` to themselves."""
    return f"/setup#{secret}"


def _invited(invited: Invited) -> InvitedUser:
    return InvitedUser(
        user=view_of(invited.user),
        setup_token=invited.secret,
        setup_path=setup_path_of(invited.secret),
        expires_at=invited.link.expires_at,
    )


ROUTES: list[ControllerRouterHandler] = [
    list_route,
    create_route,
    get_route,
    change_route,
    remove_route,
    reset_route,
]
