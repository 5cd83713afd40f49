"""What agents and servers tell each other, as frozen values; `opamp.translation` reads and writes them as protobuf."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import KEEP, IntFlag, StrEnum
from typing import TypeAlias

Attribute: TypeAlias = (
    str | bool | int | float | bytes | Sequence["Attribute"] | Mapping[str, "Attribute"] | None
)


class AgentCapability(IntFlag, boundary=KEEP):
    """`AgentCapabilities` of the specification; bits that we do not know stay."""

    REPORTS_STATUS = 0x1
    ACCEPTS_REMOTE_CONFIG = 0x2
    REPORTS_EFFECTIVE_CONFIG = 0x4
    ACCEPTS_PACKAGES = 0x8
    REPORTS_PACKAGE_STATUSES = 0x10
    REPORTS_OWN_TRACES = 0x20
    REPORTS_OWN_METRICS = 0x40
    REPORTS_OWN_LOGS = 0x80
    ACCEPTS_OPAMP_CONNECTION_SETTINGS = 0x100
    ACCEPTS_OTHER_CONNECTION_SETTINGS = 0x200
    ACCEPTS_RESTART_COMMAND = 0x400
    REPORTS_HEALTH = 0x800
    REPORTS_REMOTE_CONFIG = 0x1000
    REPORTS_HEARTBEAT = 0x2000
    REPORTS_AVAILABLE_COMPONENTS = 0x4000
    REPORTS_CONNECTION_SETTINGS_STATUS = 0x8000


class ServerCapability(IntFlag, boundary=KEEP):
    """`ServerCapabilities` of the specification."""

    ACCEPTS_STATUS = 0x1
    OFFERS_REMOTE_CONFIG = 0x2
    ACCEPTS_EFFECTIVE_CONFIG = 0x4
    OFFERS_PACKAGES = 0x8
    ACCEPTS_PACKAGES_STATUS = 0x10
    OFFERS_CONNECTION_SETTINGS = 0x20
    ACCEPTS_CONNECTION_SETTINGS_REQUEST = 0x40


class Outcome(StrEnum):
    """What became of something that was offered: `RemoteConfigStatuses`, `ConnectionSettingsStatuses`."""

    UNSET = "unset"
    APPLIED = "applied"
    APPLYING = "applying"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """What an agent says of the offer with this hash."""

    hash: bytes
    outcome: Outcome
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Who an agent says it is."""

    identifying: Mapping[str, Attribute] = field(default_factory=dict[str, Attribute])
    other: Mapping[str, Attribute] = field(default_factory=dict[str, Attribute])


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How an agent says it is, and its components by name."""

    is_healthy: bool
    status: str = ""
    error: str = ""
    started_unix_nano: int = 0
    status_unix_nano: int = 0
    components: Mapping[str, "Health"] = field(default_factory=dict[str, "Health"])


@dataclass(frozen=True, slots=True)
class ConfigFile:
    body: bytes
    content_type: str = ""


Files: TypeAlias = Mapping[str, ConfigFile]


@dataclass(frozen=True, slots=True)
class RemoteConfig:
    """Configuration under one hash, as it is offered."""

    hash: bytes
    files: Files


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A component that is built into an agent, with its own parts by name."""

    metadata: Mapping[str, Attribute] = field(default_factory=dict[str, Attribute])
    parts: Mapping[str, "Component"] = field(default_factory=dict[str, "Component"])


@dataclass(frozen=True, slots=True)
class Components:
    """What is built into an agent; `parts` is None where only the hash was told."""

    hash: bytes
    parts: Mapping[str, Component] | None = None


@dataclass(frozen=True, slots=True)
class CustomMessage:
    capability: str
    type: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOffer:
    """How an agent should reach its server from now on."""

    hash: bytes
    endpoint: str = ""
    """Empty: as before."""
    credential: str = field(default="", repr=False)
    """Bearer token for the Authorization header; empty: as before."""
    heartbeat_seconds: int = 0
    """0: as before."""
