"""What the use cases of identity need from outside: people, programs, keys and sessions of a tenant.

`IdentityWork` is the unit of work with these beside the others: one transaction, as everywhere. What must be known
before the tenant is (whose token is this?) has ports of its own.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from phoenix_platform.application.ports import Fence, Page, PageQuery, UnitOfWork
from phoenix_platform.core.tokens import TokenKind
from phoenix_platform.domain.api_keys import ApiKey, ApiKeyId, KeyOwner
from phoenix_platform.domain.service_accounts import ServiceAccount, ServiceAccountId
from phoenix_platform.domain.sessions import Session, SessionId
from phoenix_platform.domain.setup_tokens import SetupToken
from phoenix_platform.domain.sign_in_limits import AttemptCount
from phoenix_platform.domain.signing_keys import SigningKey
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.domain.users import User, UserId


class Users(Protocol):
    async def get(self, user_id: UserId) -> User: ...
    async def by_name(self, name: str) -> User | None: ...
    async def page(self, query: PageQuery) -> Page[User]: ...
    async def admins(self) -> Sequence[User]:
        """Those who are not disabled."""
        ...

    async def any(self) -> bool:
        """Whether the tenant has a user at all."""
        ...

    async def add(self, user: User) -> None:
        """Raise `ConflictError` if the name is taken."""
        ...

    async def save(self, user: User) -> User:
        """The user with its next version; raise `ConflictError` if it was saved since it was read."""
        ...

    async def remove(self, user_id: UserId) -> None: ...


class ServiceAccounts(Protocol):
    async def get(self, account_id: ServiceAccountId) -> ServiceAccount: ...
    async def page(self, query: PageQuery) -> Page[ServiceAccount]: ...
    async def add(self, account: ServiceAccount) -> None:
        """Raise `ConflictError` if the name is taken."""
        ...

    async def save(self, account: ServiceAccount) -> ServiceAccount:
        """As of users."""
        ...

    async def remove(self, account_id: ServiceAccountId) -> None: ...


class ApiKeys(Protocol):
    async def get(self, key_id: ApiKeyId) -> ApiKey: ...
    async def of_owner(self, kind: KeyOwner, owner_id: UUID) -> Sequence[ApiKey]:
        """All of them, revoked and expired ones too, newest first."""
        ...

    async def page(self, query: PageQuery) -> Page[ApiKey]: ...
    async def live_local(self) -> Sequence[ApiKey]:
        """The keys in data directories that were not revoked."""
        ...

    async def add(self, key: ApiKey) -> None: ...
    async def save_revocation(self, key: ApiKey) -> None:
        """Raise `ConflictError` if somebody else revoked it meanwhile."""
        ...

    async def note_use(self, key_id: ApiKeyId, at: datetime) -> None:
        """Keep the later of this and what is known."""
        ...


class Sessions(Protocol):
    async def get(self, session_id: SessionId) -> Session: ...
    async def add(self, session: Session) -> None: ...
    async def save(self, session: Session) -> None:
        """Raise `ConflictError` if it was saved since it was read."""
        ...

    async def live_of(self, user_id: UserId) -> Sequence[Session]:
        """Those that nobody ended."""
        ...

    async def remove_expired(self, before: datetime) -> None:
        """Forget sessions that ended, or were last refreshed, before this."""
        ...


class SetupTokens(Protocol):
    async def get(self, token_id: UUID) -> SetupToken: ...
    async def add(self, token: SetupToken) -> None: ...
    async def save_use(self, token: SetupToken) -> None:
        """Raise `ConflictError` if somebody else used it meanwhile."""
        ...

    async def remove_of(self, user_id: UserId | None) -> None:
        """Forget the links for this user; None: those for a first admin."""
        ...


class SigningKeys(Protocol):
    """Of the installation, not of a tenant."""

    async def all(self) -> Sequence[SigningKey]: ...
    async def save(self, changed: Sequence[SigningKey]) -> None:
        """Put these; raise `ConflictError` if two keys would sign, or wait, at once."""
        ...

    async def remove(self, kids: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class IdentityWork(UnitOfWork):
    """One transaction of one tenant, with its people and keys."""

    users: Users
    service_accounts: ServiceAccounts
    api_keys: ApiKeys
    sessions: Sessions
    setup_tokens: SetupTokens
    signing_keys: SigningKeys


class BeginIdentity(Protocol):
    """As `Begin`, and wherever that is wanted."""

    def __call__(
        self, tenant_id: TenantId, *, fence: Fence | None = None
    ) -> AbstractAsyncContextManager[IdentityWork]: ...


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """Whose a token is, as far as its hash tells."""

    tenant_id: TenantId
    id: UUID
    """Of the API key, host, enrolment token, session or set-up token."""


FindOwner = Callable[[TokenKind, str], Awaitable[TokenOwner | None]]
"""Of a hash, over all tenants: the one question that comes before the tenant is known."""


class SignInCounters(Protocol):
    """Counts of all replicas, in one transaction of their own each: a refused sign-in counts too."""

    async def count(self, key: str, at: datetime) -> AttemptCount:
        """One more attempt, and the count with it."""
        ...

    async def give_back(self, key: str) -> None: ...
    async def remove_before(self, moment: datetime) -> None:
        """Forget windows that began before this."""
        ...


class KeyMaker(Protocol):
    async def new_key(self) -> SigningKey:
        """A fresh key that waits."""
        ...


class Passwords(Protocol):
    """Slow hashes, made away from the event loop."""

    async def hash(self, password: str) -> str: ...
    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Takes the same time for None, which nothing matches."""
        ...

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made with weaker parameters than today's."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims:
    """What an access token says."""

    tenant_id: TenantId
    user_id: UserId
    session_id: SessionId
    expires_at: datetime


class AccessTokens(Protocol):
    """Short-lived signed tokens of users."""

    def issue(self, tenant_id: TenantId, user_id: UserId, session_id: SessionId) -> str: ...
    async def read(self, token: str) -> AccessClaims:
        """Raise `UnauthenticatedError` on everything but a good one of ours."""
        ...
