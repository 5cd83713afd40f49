"""API keys: what a program shows instead of signing in. Kept as hashes; each ends at some time.

A key may do what its owner may at the moment it is used, narrowed to the key's scopes. Two of one
name may live at once, so that a new one can be brought out before the old one is revoked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType, Self
from uuid import UUID

from phoenix_platform.core.errors import ConflictError, InvalidInputError
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.domain.tenants import TenantId

ApiKeyId = NewType("ApiKeyId", UUID)

DEFAULT_LIFE: Final = timedelta(days=90)
LONGEST_LIFE: Final = timedelta(days=366)
LOCAL_LIFE: Final = timedelta(days=36_500)
"""Of the key in an embedded server's data directory: as long as that directory lives."""
MAX_LIVE_OF_NAME: Final = 2
MAX_LIVE_OF_OWNER: Final = 50
USE_RESOLUTION: Final = timedelta(minutes=1)
"""How exactly the last use is known: one write a minute and key, not one per request."""
_MAX_NAME: Final = 100


class KeyOwner(StrEnum):
    USER = "user"
    SERVICE_ACCOUNT = "service_account"
    LOCAL = "local"
    """Whoever may read the data directory; the key acts as an admin of the default tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    id: ApiKeyId
    tenant_id: TenantId
    owner_kind: KeyOwner
    owner_id: UUID
    """Of the user or service account; the key's own for a local one."""
    name: str
    """What it is for."""
    token_hash: str
    hint: str
    """How it begins; enough to tell keys apart, too little to guess one."""
    scopes: frozenset[Permission] | None = None
    """None: everything its owner may."""
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= _MAX_NAME or not self.name.isprintable():
            raise InvalidInputError(
                f"name: {self.name!r} is no name of a key; give 1 to {_MAX_NAME} printable characters"
            )
        if self.scopes is not None and not self.scopes:
            raise InvalidInputError("scopes: an empty list allows nothing; leave it out for all")

    def is_live(self, at: datetime) -> bool:
        return self.revoked_at is None and at < self.expires_at

    def revoked(self, at: datetime) -> Self:
        """Raise `ConflictError` if it was revoked before."""
        if self.revoked_at is not None:
            raise ConflictError(f"the key was revoked already, at {self.revoked_at.isoformat()}")
        return replace(self, revoked_at=at)


def checked_life(life: timedelta) -> timedelta:
    if not timedelta(0) < life <= LONGEST_LIFE:
        raise InvalidInputError(
            f"expires_in: {life} is not above zero and at most {LONGEST_LIFE.days} days; give one such as 90d"
        )
    return life


def check_room(name: str, live: Sequence[ApiKey]) -> None:
    """Raise `ConflictError` if the owner of these live keys has no room for one more of that name."""
    if sum(key.name == name for key in live) >= MAX_LIVE_OF_NAME:
        raise ConflictError(
            f"name: there are {MAX_LIVE_OF_NAME} live keys {name!r}; revoke the one that is no longer used"
        )
    if len(live) >= MAX_LIVE_OF_OWNER:
        raise ConflictError(
            f"there are {MAX_LIVE_OF_OWNER} live keys of this owner; revoke those that are not used"
        )
