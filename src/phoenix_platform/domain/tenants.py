"""The unit of isolation: every row that belongs to a customer carries its tenant's id."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NewType
from uuid import UUID

from phoenix_platform.core.errors import InvalidInputError

TenantId = NewType("TenantId", UUID)

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
DEFAULT_TENANT_NAME: Final = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    id: TenantId
    name: str
    """Unique among all tenants; lower-case letters, digits and hyphens."""
    created_at: datetime
    version: int = 1

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInputError(
                f"name: {self.name!r} is no tenant name; use up to 63 lower-case letters, digits and hyphens, "
                "such as team-a"
            )
