"""One-time links by which somebody chooses a password: the first admin of a tenant, or an invited user."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID

from phoenix_platform.domain.sign_ins import UnauthenticatedError
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.domain.users import UserId

LIFE: Final = timedelta(days=3)
"""Over a weekend; a new one is made in a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupToken:
    id: UUID
    tenant_id: TenantId
    token_hash: str
    user_id: UserId | None
    """Whose password it sets; None: it makes the tenant's first admin, under a name they choose."""
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None

    def use(self, at: datetime) -> Self:
        """Raise `UnauthenticatedError` if it was used, or its time is over."""
        if self.used_at is not None or at >= self.expires_at:
            raise UnauthenticatedError(
                "the set-up link was used or has expired; ask an admin for a new one, or restart the "
                "server for the first one"
            )
        return replace(self, used_at=at)
