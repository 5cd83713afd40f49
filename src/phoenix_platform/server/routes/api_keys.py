"""API keys: one's own; for admins those of the whole tenant."""

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler

from phoenix_platform.application.api_keys import (
    NewKey,
    get_api_key,
    issue_api_key,
    list_api_keys,
    revoke_api_key,
)
from phoenix_platform.domain.api_keys import ApiKey, ApiKeyId
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.domain.service_accounts import ServiceAccountId
from phoenix_platform.server.authentication import BeginIdentityDep
from phoenix_platform.server.dependencies import ActorDep, ClockDep
from phoenix_platform.server.pagination import PageDep, encode_cursor
from phoenix_platform.wire.v1.api_keys import ApiKeyPage, ApiKeyView, IssuedApiKey, NewApiKey

_ALL = "/api/v1/api-keys"
_ONE = f"{_ALL}/{{key_id:uuid}}"


@get(_ALL, operation_id="listApiKeys", permission=Permission.API_KEYS_OWN)
async def list_route(page: PageDep, begin: BeginIdentityDep, actor: ActorDep) -> ApiKeyPage:
    """One's own keys, newest first; for those who manage keys, all of the tenant."""
    found = await list_api_keys(page, actor=actor, begin=begin)
    views = [view_of(one) for one in found.items]
    return ApiKeyPage(items=views, next_cursor=encode_cursor(found.next))


@post(
    _ALL,
    operation_id="issueApiKey",
    permission=Permission.API_KEYS_OWN,
    takes_idempotency_key=False,
)
async def issue_route(
    data: JSONBody[NewApiKey], begin: BeginIdentityDep, actor: ActorDep, clock: ClockDep
) -> IssuedApiKey:
    """Make a key for oneself; those who manage keys make them for service accounts too."""
    account = data.service_account_id
    new = NewKey(
        name=data.name,
        scopes=None if data.scopes is None else frozenset(data.scopes),
        life=data.expires_in,
        service_account=None if account is None else ServiceAccountId(account),
    )
    issued = await issue_api_key(new, begin=begin, actor=actor, clock=clock)
    return IssuedApiKey(key=view_of(issued.key), secret=issued.secret)


@get(_ONE, operation_id="getApiKey", permission=Permission.API_KEYS_OWN)
async def get_route(key_id: FromPath[UUID], begin: BeginIdentityDep, actor: ActorDep) -> ApiKeyView:
    """One key, without its secret."""
    return view_of(await get_api_key(ApiKeyId(key_id), actor=actor, begin=begin))


@post(
    f"{_ONE}/revoke",
    operation_id="revokeApiKey",
    permission=Permission.API_KEYS_OWN,
    status_code=200,
)
async def revoke_route(
    key_id: FromPath[UUID], begin: BeginIdentityDep, actor: ActorDep, clock: ClockDep
) -> ApiKeyView:
    """Let a key open nothing any more, on every replica within two seconds."""
    return view_of(await revoke_api_key(ApiKeyId(key_id), begin=begin, actor=actor, clock=clock))


def view_of(key: ApiKey) -> ApiKeyView:
    return ApiKeyView(
        id=key.id,
        name=key.name,
        hint=key.hint,
        owner_kind=key.owner_kind,
        owner_id=key.owner_id,
        scopes=None if key.scopes is None else sorted(key.scopes),
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
    )


ROUTES: list[ControllerRouterHandler] = [list_route, issue_route, get_route, revoke_route]
