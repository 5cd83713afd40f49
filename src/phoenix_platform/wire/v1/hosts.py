"""Hosts and their enrolment, as they cross the API."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from phoenix_platform.domain.hosts import FactName, HostKind


class FactView(msgspec.Struct, frozen=True, kw_only=True):
    hash: str
    at: datetime


class QuarantineView(msgspec.Struct, frozen=True, kw_only=True):
    hash: str
    at: datetime
    reason: str
    log_tail: list[str]


class CollectorView(msgspec.Struct, frozen=True, kw_only=True):
    distribution: str
    version: str
    upstream_version: str | None


class HostView(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    kind: HostKind
    labels: dict[str, str]
    is_connected: bool
    last_seen_at: datetime | None
    facts: dict[FactName, FactView]
    """Desired, offered, applied, effective, flowing: each with hash and time; what is not known is missing."""
    quarantine: list[QuarantineView]
    """Configurations that failed here and are not offered again."""
    agent_version: str | None
    processors: int | None
    memory_bytes: int | None
    processes: int | None
    process_names: list[str]
    collectors: list[CollectorView]
    production: str | None
    """Reference of the pipeline that its production collector should run; null: not managed."""
    enrolled_at: datetime
    version: int


class HostPage(msgspec.Struct, frozen=True, kw_only=True):
    items: list[HostView]
    next_cursor: str | None


class HostReportView(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent said last; null before its first word."""

    report: dict[str, Any] | None


class LabelsChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    labels: dict[str, str]


class ProductionChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pipeline: str | None
    """A name of the catalog, or `<pipeline>` or `<pipeline>@<number>`; null leaves the collector to itself."""


class ReleaseRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    hash: str
    """That failed on the host, and may be offered to it again."""


class NewEnrollmentToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    labels: dict[str, str] = {}
    expires_in_seconds: int = 3600


class EnrollmentTokenView(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    """Shown once; lets one host in."""
    expires_at: datetime


class EnrollmentRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    token: str
    instance_uid: str
    """OpAMP instance UID, 32 hexadecimal digits."""
    kind: HostKind = HostKind.AGENT
    """`supervisor`: it is under a foreign OpAMP supervisor, which makes its own instance UID."""
    host_name: str
    labels: dict[str, str] = {}
    facts: dict[str, Any] = {}


class EnrolledView(msgspec.Struct, frozen=True, kw_only=True):
    host_id: UUID
    tenant_id: UUID
    credential: str
    """Shown once; the agent's bearer token."""
