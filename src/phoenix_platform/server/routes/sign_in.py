"""Sign in, stay signed in, sign out, set up, and say who asks."""

from typing import Any

from litestar import Request, get, post, put
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler

from phoenix_platform.application.sign_in import SignedIn, refresh, set_up, sign_in, sign_out
from phoenix_platform.application.tenants import get_tenant
from phoenix_platform.application.users import change_own_password
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.server.admission import PUBLIC
from phoenix_platform.server.authentication import BeginIdentityDep, IdentityDep
from phoenix_platform.server.dependencies import ActorDep, ClockDep
from phoenix_platform.server.routes.users import view_of
from phoenix_platform.wire.v1.users import (
    MeView,
    PasswordChange,
    RefreshToken,
    SetUp,
    SignedInView,
    SignIn,
)

_PATH = "/api/v1/sign-in"


@post(_PATH, operation_id="signIn", permission=PUBLIC, status_code=200)
async def sign_in_route(
    data: JSONBody[SignIn], request: Request[Any, Any, Any], identity: IdentityDep
) -> SignedInView:
    """Open a session with name and password. 429 after too many wrong ones, for that account only."""
    address = request.client.host if request.client else "unknown"
    signed_in = await sign_in(
        data.name, data.password, tenant=data.tenant, address=address, doors=identity.doors
    )
    return _signed_in(signed_in)


@post("/api/v1/refresh", operation_id="refreshSession", permission=PUBLIC, status_code=200)
async def refresh_route(data: JSONBody[RefreshToken], identity: IdentityDep) -> SignedInView:
    """The next tokens of a session. A refresh token that was followed by another already ends the session."""
    return _signed_in(await refresh(data.refresh_token, doors=identity.doors))


@post("/api/v1/sign-out", operation_id="signOut", permission=PUBLIC, status_code=204)
async def sign_out_route(data: JSONBody[RefreshToken], identity: IdentityDep) -> None:
    """End the session of this refresh token."""
    await sign_out(data.refresh_token, doors=identity.doors)


@post("/api/v1/setup", operation_id="setUp", permission=PUBLIC, status_code=200)
async def set_up_route(data: JSONBody[SetUp], identity: IdentityDep) -> SignedInView:
    """Choose a password by a one-time link, and be signed in."""
    return _signed_in(await set_up(data.token, data.password, name=data.name, doors=identity.doors))


@get("/api/v1/me", operation_id="getMe", permission=Permission.TENANTS_READ)
async def me(actor: ActorDep, identity: IdentityDep) -> MeView:
    """Who asks, and what they may."""
    own = await get_tenant(actor.tenant_id, all_tenants=identity.all_tenants, actor=actor)
    return MeView(
        tenant_id=actor.tenant_id,
        tenant=own.name,
        kind=actor.kind,
        id=actor.id,
        name=actor.name,
        role=actor.role,
        permissions=sorted(actor.permissions),
    )


@put(
    "/api/v1/me/password",
    operation_id="changePassword",
    permission=Permission.API_KEYS_OWN,
    status_code=204,
)
async def change_password(
    data: JSONBody[PasswordChange],
    begin: BeginIdentityDep,
    actor: ActorDep,
    clock: ClockDep,
    identity: IdentityDep,
) -> None:
    """Take another password; every session of the user ends, this one too."""
    await change_own_password(
        data.current,
        data.new,
        begin=begin,
        passwords=identity.passwords,
        actor=actor,
        clock=clock,
    )


def _signed_in(signed_in: SignedIn) -> SignedInView:
    return SignedInView(
        access_token=signed_in.access_token,
        expires_at=signed_in.access_expires_at,
        refresh_token=signed_in.refresh_token,
        session_expires_at=signed_in.session.expires_at,
        user=view_of(signed_in.user),
    )


ROUTES: list[ControllerRouterHandler] = [
    sign_in_route,
    refresh_route,
    sign_out_route,
    set_up_route,
    me,
    change_password,
]
