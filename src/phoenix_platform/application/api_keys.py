"""API keys: make, list and revoke them; one's own, or as an admin those of service accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from phoenix_platform.application.changes import Change, write_change
from phoenix_platform.application.identity_ports import BeginIdentity, IdentityWork
from phoenix_platform.application.ports import Page, PageQuery
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import InvalidInputError, NotFoundError
from phoenix_platform.core.ids import new_id
from phoenix_platform.core.tokens import TokenKind, new_token, token_hash, token_hint
from phoenix_platform.domain.actors import Actor, ActorKind, ForbiddenError
from phoenix_platform.domain.api_keys import (
    DEFAULT_LIFE,
    LOCAL_LIFE,
    ApiKey,
    ApiKeyId,
    KeyOwner,
    check_room,
    checked_life,
)
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.domain.service_accounts import ServiceAccountId
from phoenix_platform.domain.tenants import TenantId

TOPIC: Final = "api-keys"
REVOKED: Final = "api-key.revoked"
_OWNER_OF: Final = {
    ActorKind.USER: KeyOwner.USER,
    ActorKind.SERVICE_ACCOUNT: KeyOwner.SERVICE_ACCOUNT,
}


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key with its secret, which is shown once and kept as a hash."""

    key: ApiKey
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    name: str
    scopes: frozenset[Permission] | None = None
    life: timedelta = DEFAULT_LIFE
    service_account: ServiceAccountId | None = None
    """Whose it is; None: of whoever asks."""


async def issue_api_key(
    new: NewKey, *, begin: BeginIdentity, actor: Actor, clock: Clock
) -> IssuedKey:
    """Make a key.

    Raises:
        ConflictError: If two of its name live already, or too many in all.
        ForbiddenError: If it is for a service account, and the actor does not manage keys; or if a
            scope is beyond what the actor may do.
        InvalidInputError: If its life is too long, or nobody can own it.
        NotFoundError: If there is no such service account.
    """
    checked_life(new.life)
    if beyond := (new.scopes or frozenset()) - actor.permissions:
        raise ForbiddenError(
            f"scopes: {', '.join(sorted(beyond))} is more than you may do yourself; leave it out"
        )
    if new.scopes is None and actor.scopes is not None:
        raise ForbiddenError(
            "scopes: your own key is narrowed to scopes; name those of the new one"
        )
    kind, owner_id = _owner(new, actor)
    secret = new_token(TokenKind.API_KEY)
    key = ApiKey(
        id=ApiKeyId(new_id(clock)),
        tenant_id=actor.tenant_id,
        owner_kind=kind,
        owner_id=owner_id,
        name=new.name,
        token_hash=token_hash(secret),
        hint=token_hint(secret),
        scopes=new.scopes,
        created_at=clock.now(),
        expires_at=clock.now() + new.life,
    )
    async with begin(actor.tenant_id) as work:
        if new.service_account is not None:
            await work.service_accounts.get(new.service_account)
        owned = await work.api_keys.of_owner(kind, owner_id)
        check_room(new.name, [one for one in owned if one.is_live(clock.now())])
        await work.api_keys.add(key)
        change = _change(key, "api-key.issue", "api-key.issued")
        await write_change(work, change, actor=actor, clock=clock)
    return IssuedKey(key, secret)


async def issue_local_key(tenant_id: TenantId, *, begin: BeginIdentity, clock: Clock) -> IssuedKey:
    """The admin's key of an embedded server, in place of whatever local key there was."""
    secret = new_token(TokenKind.API_KEY)
    key_id = ApiKeyId(new_id(clock))
    key = ApiKey(
        id=key_id,
        tenant_id=tenant_id,
        owner_kind=KeyOwner.LOCAL,
        owner_id=key_id,
        name="local",
        token_hash=token_hash(secret),
        hint=token_hint(secret),
        created_at=clock.now(),
        expires_at=clock.now() + LOCAL_LIFE,
    )
    async with begin(tenant_id) as work:
        await _revoke_local(work, clock)
        await work.api_keys.add(key)
        change = _change(key, "api-key.issue", "api-key.issued")
        await write_change(work, change, actor=_local(tenant_id), clock=clock)
    return IssuedKey(key, secret)


async def revoke_local_keys(tenant_id: TenantId, *, begin: BeginIdentity, clock: Clock) -> None:
    """For a server that is no longer for one machine alone: its local keys open nothing."""
    async with begin(tenant_id) as work:
        await _revoke_local(work, clock)


async def revoke_api_key(
    key_id: ApiKeyId, *, begin: BeginIdentity, actor: Actor, clock: Clock
) -> ApiKey:
    """Let a key open nothing from now on.

    Raises:
        ConflictError: If it was revoked already.
        NotFoundError: If there is none, or it is somebody else's and the actor does not manage keys.
    """
    async with begin(actor.tenant_id) as work:
        key = _visible(await work.api_keys.get(key_id), actor)
        revoked = key.revoked(clock.now())
        await work.api_keys.save_revocation(revoked)
        change = _change(revoked, "api-key.revoke", REVOKED)
        await write_change(work, change, actor=actor, clock=clock)
    return revoked


async def get_api_key(key_id: ApiKeyId, *, actor: Actor, begin: BeginIdentity) -> ApiKey:
    async with begin(actor.tenant_id) as work:
        return _visible(await work.api_keys.get(key_id), actor)


async def list_own_api_keys(*, actor: Actor, begin: BeginIdentity) -> Sequence[ApiKey]:
    """Every key of whoever asks, newest first."""
    kind = _OWNER_OF.get(actor.kind)
    if kind is None:
        return []
    async with begin(actor.tenant_id) as work:
        return await work.api_keys.of_owner(kind, UUID(actor.id))


async def list_api_keys(query: PageQuery, *, actor: Actor, begin: BeginIdentity) -> Page[ApiKey]:
    """Every key of the tenant, for those who manage them; else one's own."""
    if actor.may(Permission.API_KEYS_MANAGE):
        async with begin(actor.tenant_id) as work:
            return await work.api_keys.page(query)
    return Page(await list_own_api_keys(actor=actor, begin=begin), None)


def _owner(new: NewKey, actor: Actor) -> tuple[KeyOwner, UUID]:
    if new.service_account is not None:
        actor.require(Permission.API_KEYS_MANAGE)
        return KeyOwner.SERVICE_ACCOUNT, new.service_account
    kind = _OWNER_OF.get(actor.kind)
    if kind is None:
        raise InvalidInputError(
            "service_account: name one; the key of the data directory is nobody's, so it owns no keys"
        )
    return kind, UUID(actor.id)


def _visible(key: ApiKey, actor: Actor) -> ApiKey:
    is_own = _OWNER_OF.get(actor.kind) is key.owner_kind and str(key.owner_id) == actor.id
    if not is_own and not actor.may(Permission.API_KEYS_MANAGE):
        raise NotFoundError(f"no API key {key.id}")
    return key


async def _revoke_local(work: IdentityWork, clock: Clock) -> None:
    for key in await work.api_keys.live_local():
        revoked = key.revoked(clock.now())
        await work.api_keys.save_revocation(revoked)
        change = _change(revoked, "api-key.revoke", REVOKED)
        await write_change(work, change, actor=_local(work.tenant_id), clock=clock)


def _local(tenant_id: TenantId) -> Actor:
    return Actor(
        tenant_id=tenant_id, kind=ActorKind.SYSTEM, id="system", name="start of the server"
    )


def _change(key: ApiKey, action: str, kind: str) -> Change:
    return Change(
        action=action,
        target=f"api-key:{key.id}",
        topic=TOPIC,
        kind=kind,
        changes={
            "name": key.name,
            "hint": key.hint,
            "owner": f"{key.owner_kind}:{key.owner_id}",
            "scopes": None if key.scopes is None else sorted(key.scopes),
            "expires_at": key.expires_at.isoformat(),
        },
    )
