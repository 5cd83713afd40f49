"""The agent's own word on how it is, in a file of its data folder: `phoenix agent status` reads it."""

from datetime import datetime

import msgspec

from phoenix_platform.agent.data_folders import DataFolder
from phoenix_platform.agent.usage import started_ticks_of
from phoenix_platform.agent.whole_files import put_json, read_json
from phoenix_platform.opamp.host_reports import HostReport


class ConnectionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The way to the control plane."""

    server: str
    is_connected: bool = False
    since: datetime | None = None
    """When it came to be so."""
    last_failure: str | None = None


class UploadStatus(msgspec.Struct, frozen=True, kw_only=True):
    posted_samples: int
    last_success: datetime | None
    last_failure: str | None


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    hash: str
    at: datetime


class AgentStatus(msgspec.Struct, frozen=True, kw_only=True):
    pid: int
    started_ticks: int | None
    """With the pid, this says which process it is."""
    started_at: datetime
    version: str
    instance_uid: str
    host_id: str | None
    connection: ConnectionStatus | None
    """None: it runs without a control plane."""
    upload: UploadStatus | None
    facts: dict[str, Fact]
    """By name: desired, offered, applied and effective have the hash of the whole document; flowing has that
    of the production collector's configuration."""
    failure: str | None
    """Why the newest desired state could not be applied."""
    notes: tuple[str, ...]
    """What it cannot see or do on this host, and the fix."""
    rss_bytes: int | None
    cpu_seconds: float | None
    report: HostReport


def write_status(folder: DataFolder, status: AgentStatus) -> None:
    """Put it there.

    Raises:
        UnavailableError: If it cannot be written.
    """
    put_json(folder.status, status)


def read_status(folder: DataFolder) -> AgentStatus | None:
    """What the agent wrote last; None if it never ran here.

    Raises:
        InvalidInputError: If the file is of another version.
        UnavailableError: If it cannot be read: it belongs to another user.
    """
    return read_json(folder.status, AgentStatus)


def is_running(status: AgentStatus) -> bool:
    """Whether the process that wrote it is still there."""
    return status.started_ticks is not None and started_ticks_of(status.pid) == status.started_ticks
