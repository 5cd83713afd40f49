"""Who carries this token: looked up once, then remembered until it expires or something about it changes.

The server asks before each request. Every replica hears of changes through the outbox (at once, or by its poll
within a second) and forgets what they touch; so a revoked key opens nothing after two seconds at most.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from phoenix_platform.application.identity_ports import (
    AccessTokens,
    BeginIdentity,
    FindOwner,
    IdentityWork,
    TokenOwner,
)
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import NotFoundError
from phoenix_platform.core.tokens import MalformedTokenError, TokenKind, check_token, token_hash
from phoenix_platform.domain.actors import Actor, ActorKind, agent_actor
from phoenix_platform.domain.api_keys import USE_RESOLUTION, ApiKey, ApiKeyId, KeyOwner
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.domain.permissions import Role
from phoenix_platform.domain.service_accounts import ServiceAccount, ServiceAccountId
from phoenix_platform.domain.sign_ins import UnauthenticatedError
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.domain.users import User, UserId

MAX_REMEMBERED: Final = 20_000
"""Tokens known at once (about 1 kB each); the one not used for longest is forgotten, and looked up again."""
LONGEST_MEMORY: Final = timedelta(minutes=5)
"""Looked up anew after so long, should an event ever be lost for good."""
FORGETTING_KINDS: Final = frozenset(
    {
        "user.changed",
        "user.removed",
        "service-account.changed",
        "service-account.removed",
        "api-key.revoked",
        "session.ended",
        "host.enrolled",
        "host.removed",
    }
)
"""Events after which what is remembered under their topic no longer holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    actor: Actor
    until: datetime
    topics: frozenset[str]
    """Of the things it hangs on: `user:<id>`, `api-key:<id>`."""
    api_key: ApiKeyId | None = None


class Authenticator:
    """Knows tokens; one per process. Call it from the event loop's thread only."""

    def __init__(
        self,
        *,
        begin: BeginIdentity,
        read: BeginIdentity,
        find_owner: FindOwner,
        access_tokens: AccessTokens,
        clock: Clock,
        max_remembered: int = MAX_REMEMBERED,
    ) -> None:
        self._begin = begin
        self._read = read
        self._find_owner = find_owner
        self._access_tokens = access_tokens
        self._clock = clock
        self._max_remembered = max_remembered
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._uses: dict[tuple[TenantId, ApiKeyId], datetime] = {}
        self._written: dict[ApiKeyId, datetime] = {}
        self._forgettings = 0

    async def authenticate(self, token: str) -> Actor:
        """The actor who carries this token.

        Raises:
            UnauthenticatedError: If nobody does: unknown, expired, revoked, or its owner is locked.
        """
        key = token_hash(token)
        known = self._known.get(key)
        if known is None or self._clock.now() >= known.until:
            forgettings = self._forgettings
            known = await self._look_up(token, key)
            # What was forgotten while the database answered may be what was just read.
            if forgettings == self._forgettings:
                self._remember(key, known)
        else:
            self._known.move_to_end(key)
        if known.api_key is not None:
            self._note_use(known.actor.tenant_id, known.api_key)
        return known.actor

    def hear(self, topic: str, kind: str) -> None:
        """Take note of an event that left the outbox, of any tenant."""
        if kind not in FORGETTING_KINDS:
            return
        self._forgettings += 1
        for key in [key for key, known in self._known.items() if topic in known.topics]:
            del self._known[key]

    def forget_all(self) -> None:
        """For when events may have been missed."""
        self._forgettings += 1
        self._known.clear()

    async def write_uses(self) -> None:
        """Write when keys were last used; call it about once a minute, and at the end."""
        for (tenant_id, key_id), at in list(self._uses.items()):
            async with self._begin(tenant_id) as work:
                await work.api_keys.note_use(key_id, at)
            self._uses.pop((tenant_id, key_id))
        oldest = self._clock.now() - USE_RESOLUTION
        self._written = {key_id: at for key_id, at in self._written.items() if at > oldest}

    def _remember(self, key: str, known: _Known) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        if len(self._known) > self._max_remembered:
            self._known.popitem(last=False)

    def _note_use(self, tenant_id: TenantId, key_id: ApiKeyId) -> None:
        now = self._clock.now()
        written = self._written.get(key_id)
        if written is None or now - written >= USE_RESOLUTION:
            self._written[key_id] = now
            self._uses[tenant_id, key_id] = now

    async def _look_up(self, token: str, key: str) -> _Known:
        if not token.startswith("phx_"):
            return await self._of_access_token(token)
        try:
            kind = check_token(token)
        except MalformedTokenError as error:
            raise UnauthenticatedError(str(error)) from error
        if kind not in (TokenKind.API_KEY, TokenKind.AGENT):
            raise UnauthenticatedError(
                f"token: one of phx_{kind}_ opens no request; use an API key"
            )
        owner = await self._find_owner(kind, key)
        if owner is None:
            raise UnauthenticatedError("token: unknown or revoked; make a new one")
        try:
            async with self._read(owner.tenant_id) as work:
                if kind is TokenKind.AGENT:
                    return await self._of_agent(work, owner)
                return await self._of_api_key(work, owner)
        except NotFoundError as error:
            raise UnauthenticatedError("token: its owner is gone; make a new one") from error

    async def _of_access_token(self, token: str) -> _Known:
        claims = await self._access_tokens.read(token)
        now = self._clock.now()
        try:
            async with self._read(claims.tenant_id) as work:
                session = await work.sessions.get(claims.session_id)
                user = await work.users.get(claims.user_id)
        except NotFoundError as error:
            raise UnauthenticatedError("the session is over; sign in again") from error
        if session.user_id != user.id or not session.is_live(now) or not user.may_sign_in:
            raise UnauthenticatedError("the session is over; sign in again")
        actor = Actor(
            tenant_id=claims.tenant_id,
            kind=ActorKind.USER,
            id=str(user.id),
            name=user.name,
            role=user.role,
        )
        topics = frozenset({f"session:{session.id}", f"user:{user.id}"})
        return _Known(actor=actor, until=self._until(claims.expires_at), topics=topics)

    async def _of_agent(self, work: IdentityWork, owner: TokenOwner) -> _Known:
        host = await work.hosts.get(HostId(owner.id))
        actor = agent_actor(owner.tenant_id, str(host.id), host.name)
        until = self._clock.now() + LONGEST_MEMORY
        return _Known(actor=actor, until=until, topics=frozenset({f"host:{host.id}"}))

    async def _of_api_key(self, work: IdentityWork, owner: TokenOwner) -> _Known:
        key = await work.api_keys.get(ApiKeyId(owner.id))
        if not key.is_live(self._clock.now()):
            raise UnauthenticatedError("API key: revoked or expired; make a new one")
        name, role = await _owner_of(work, key)
        actor = Actor(
            tenant_id=key.tenant_id,
            kind=ActorKind(key.owner_kind),
            id="local" if key.owner_kind is KeyOwner.LOCAL else str(key.owner_id),
            name=name,
            role=role,
            scopes=key.scopes,
        )
        noun = key.owner_kind.replace("_", "-")
        return _Known(
            actor=actor,
            until=self._until(key.expires_at),
            topics=frozenset({f"api-key:{key.id}", f"{noun}:{key.owner_id}"}),
            api_key=key.id,
        )

    def _until(self, expires_at: datetime) -> datetime:
        return min(expires_at, self._clock.now() + LONGEST_MEMORY)


async def _owner_of(work: IdentityWork, key: ApiKey) -> tuple[str, Role]:
    """Name and role of whose key it is; raise `UnauthenticatedError` if they are locked."""
    match key.owner_kind:
        case KeyOwner.LOCAL:
            return "local", Role.ADMIN
        case KeyOwner.USER:
            return _usable(await work.users.get(UserId(key.owner_id)))
        case KeyOwner.SERVICE_ACCOUNT:
            return _usable(await work.service_accounts.get(ServiceAccountId(key.owner_id)))


def _usable(owner: User | ServiceAccount) -> tuple[str, Role]:
    if owner.is_disabled:
        raise UnauthenticatedError(f"API key: {owner.name} is disabled; ask an admin")
    return owner.name, owner.role
