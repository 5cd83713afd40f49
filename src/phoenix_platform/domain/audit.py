"""Who changed what, and when: one event per change, in a chain of hashes for each tenant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from phoenix_platform.core.canonical_json import Json
from phoenix_platform.core.hashing import content_hash
from phoenix_platform.domain.tenants import TenantId

GENESIS: Final = "sha256:" + "0" * 64
"""What the first event of a chain follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    id: UUID
    tenant_id: TenantId
    at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    action: str
    """`<noun>.<verb>`, such as `experiment.start`."""
    target: str
    """`<noun>:<id>`."""
    reason: str | None = None
    changes: Mapping[str, Json]
    """What it is now; never secrets."""

    def chained(self, previous: str) -> str:
        """Hash of this event behind the one with hash `previous`."""
        return content_hash(
            {
                "previous": previous,
                "id": str(self.id),
                "tenant_id": str(self.tenant_id),
                "at": self.at.isoformat(),
                "actor": {"kind": self.actor_kind, "id": self.actor_id, "name": self.actor_name},
                "action": self.action,
                "target": self.target,
                "reason": self.reason,
                "changes": self.changes,
            }
        )
