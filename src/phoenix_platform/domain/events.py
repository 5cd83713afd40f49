"""What happened, for those who watch: leaves only through the outbox, in the order it was written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NewType
from uuid import UUID

from phoenix_platform.core.canonical_json import Json
from phoenix_platform.domain.tenants import TenantId

EventId = NewType("EventId", UUID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    id: EventId
    tenant_id: TenantId
    topic: str
    """A plural noun for all of a kind (`experiments`), or one thing (`experiment:<id>`)."""
    kind: str
    """`<noun>.<what-happened>`, such as `experiment.phase-changed`."""
    payload: Mapping[str, Json]
    """What a watcher needs to know whether to read the thing anew; never secrets."""
    occurred_at: datetime
