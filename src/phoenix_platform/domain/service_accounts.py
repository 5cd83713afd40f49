"""Service accounts: programs of a tenant, such as CI. They have a role and API keys, no password."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NewType
from uuid import UUID

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.permissions import Role
from phoenix_platform.domain.tenants import TenantId

ServiceAccountId = NewType("ServiceAccountId", UUID)
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    id: ServiceAccountId
    tenant_id: TenantId
    name: str
    """Unique in the tenant; says what the program is."""
    role: Role
    is_disabled: bool = False
    created_at: datetime
    version: int = 1

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInputError(
                f"name: {self.name!r} is no name of a service account; use up to 63 lower-case letters, "
                "digits and hyphens, such as github-actions"
            )
