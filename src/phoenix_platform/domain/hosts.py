"""Hosts: machines with one Phoenix agent, or one OpAMP supervisor, and the five facts about each."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType, Self
from uuid import UUID

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.selectors import checked_labels
from phoenix_platform.domain.tenants import TenantId

HostId = NewType("HostId", UUID)
_MAX_NAME = 253


class HostKind(StrEnum):
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    """Under a foreign OpAMP supervisor: one collector, no CPU per variant."""


class FactName(StrEnum):
    """What is known about a host's configuration; each by itself, never one standing for another."""

    DESIRED = "desired"
    """What we want."""
    OFFERED = "offered"
    """Sent to it."""
    APPLIED = "applied"
    """The agent says so."""
    EFFECTIVE = "effective"
    """What its collectors run."""
    FLOWING = "flowing"
    """Data points really arrive."""


@dataclass(frozen=True, slots=True)
class Fact:
    hash: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A hash that failed on a host, and is not offered to it again."""

    hash: str
    at: datetime
    reason: str
    log_tail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorFacts:
    """A collector binary that a host has."""

    distribution: str
    version: str
    upstream_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    id: HostId
    tenant_id: TenantId
    name: str
    """The host's own name; unique among the tenant's hosts."""
    kind: HostKind
    instance_uid: str
    """OpAMP's key of the agent, 32 hexadecimal digits."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    facts: Mapping[FactName, Fact] = field(default_factory=dict[FactName, Fact])
    quarantine: tuple[Quarantined, ...] = ()
    is_connected: bool = False
    last_seen_at: datetime | None = None
    agent_version: str | None = None
    processors: int | None = None
    memory_bytes: int | None = None
    processes: int | None = None
    process_names: tuple[str, ...] = ()
    """Distinct executable names on it, as last reported."""
    collectors: tuple[CollectorFacts, ...] = ()
    production: str | None = None
    """Reference of the pipeline that its production collector should run; None: not managed."""
    enrolled_at: datetime
    version: int = 1

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= _MAX_NAME or not self.name.isprintable():
            raise InvalidInputError(
                f"name: {self.name!r} is no host name; give 1 to {_MAX_NAME} printable characters"
            )
        checked_labels(self.labels, field="labels")

    def relabelled(self, labels: Mapping[str, str]) -> Self:
        return replace(self, labels=dict(labels))

    def with_fact(self, name: FactName, fact: Fact) -> Self:
        """The same host, knowing this; what is known already keeps its time."""
        known = self.facts.get(name)
        if known is not None and known.hash == fact.hash:
            return self
        return replace(self, facts={**self.facts, name: fact})

    def released(self, digest: str) -> Self:
        """The same host, to which this hash may be offered again."""
        return replace(self, quarantine=tuple(one for one in self.quarantine if one.hash != digest))

    def is_away(self, now: datetime, *, after: timedelta) -> bool:
        """Whether nothing was heard of it for so long."""
        return self.last_seen_at is None or now - self.last_seen_at > after


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollmentToken:
    """Lets one host in, once; kept as a hash."""

    id: UUID
    tenant_id: TenantId
    token_hash: str
    labels: Mapping[str, str]
    """Given to the host that uses it."""
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    used_by: HostId | None = None

    def use(self, host_id: HostId, at: datetime) -> Self:
        """Spend it.

        Raises:
            InvalidInputError: If it was spent, or its time is over.
        """
        if self.used_at is not None:
            raise InvalidInputError("token: it was used already; make another one for this host")
        if at >= self.expires_at:
            raise InvalidInputError(
                f"token: it expired at {self.expires_at.isoformat()}; make another one"
            )
        return replace(self, used_at=at, used_by=host_id)
