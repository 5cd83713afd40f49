"""The audit trail on the wire."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct


class AuditActor(Struct, frozen=True, kw_only=True):
    kind: str
    id: str
    name: str


class AuditEventView(Struct, frozen=True, kw_only=True):
    """Who changed what, and when."""

    id: UUID
    at: datetime
    actor: AuditActor
    action: str
    target: str
    reason: str | None
    changes: dict[str, Any]


class AuditPage(Struct, frozen=True, kw_only=True):
    items: list[AuditEventView]
    next_cursor: str | None


class AuditVerificationView(Struct, frozen=True, kw_only=True):
    """Whether each event follows from the one before it."""

    is_whole: bool
    first_broken: UUID | None
    """The first event that does not follow: it, or what stood before it, was changed."""
