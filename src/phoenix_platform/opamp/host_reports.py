"""What a host says about itself beside OpAMP's own messages: a custom message of ours, as JSON.

The agent sends it after each change and with each heartbeat; the control plane keeps the last one.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from phoenix_platform.core.errors import InvalidInputError

CAPABILITY: Final = "com.phoenix-platform.host/1"
MESSAGE_TYPE: Final = "host-report"


class RunState(StrEnum):
    """Where an experiment stands on one host; the experiment's phase is the control plane's."""

    STARTING = "starting"
    FLOWING = "flowing"
    """Data points of both variants really arrive."""
    ENDED = "ended"
    """As it should: no longer desired, or its deadline came."""
    FAILED = "failed"
    """It could not start, or a collector ended."""
    ABORTED = "aborted"
    """A limit of the agent was broken."""


class CollectorReport(msgspec.Struct, frozen=True, kw_only=True):
    """A collector binary of the host."""

    path: str
    distribution: str
    version: str
    upstream_version: str | None = None
    sha256: str | None = None


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """One experiment on this host."""

    experiment_id: str
    run_id: str
    """Of this run of the collectors; a restart of the agent begins another."""
    state: RunState
    at: datetime
    """Since when, UTC."""
    reason: str | None = None
    log_tail: tuple[str, ...] = ()
    """Last lines of the log of the collector that failed, without secrets."""
    hashes: dict[str, str] = {}
    """Content hash of what each variant runs, by variant."""
    first_point_at: datetime | None = None
    through_sequence: int | None = None
    """Number of the last sample spooled, counted from 1 over the experiment on this host."""
    interval_seconds: float | None = None
    """Between two scrapes, in effect."""
    idle_cores: float | None = None
    """CPU of the candidate's collector without input, in cores."""
    facts: dict[str, Any] = {}
    """For the certificate: notes, what is not measured, counts, usage."""


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    load_id: str
    state: str
    at: datetime
    reason: str | None = None


class SpoolReport(msgspec.Struct, frozen=True, kw_only=True):
    bytes: int
    samples: int
    dropped_samples: int
    """Over the life of the spool: the oldest go first when it is full."""
    oldest_at: datetime | None = None


class HostReport(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime
    agent_version: str
    host_name: str
    boot_id: str
    processors: int
    memory_bytes: int
    processes: int | None = None
    unreadable_io: int | None = None
    """Processes whose I/O counters the agent may not read."""
    process_names: tuple[str, ...] = ()
    """Distinct executable names, at most `MAX_PROCESS_NAMES`: what critical patterns can be picked from."""
    collectors: tuple[CollectorReport, ...] = ()
    production_flowing_hash: str | None = None
    """Of the production collector's configuration with which data points arrive."""
    runs: tuple[RunReport, ...] = ()
    loads: tuple[LoadReport, ...] = ()
    spool: SpoolReport | None = None


MAX_PROCESS_NAMES: Final = 500


def encode_host_report(report: HostReport) -> bytes:
    return msgspec.json.encode(report)


def decode_host_report(body: bytes) -> HostReport:
    """Read a report.

    Raises:
        InvalidInputError: If it is not one.
    """
    try:
        return msgspec.json.decode(body, type=HostReport)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise InvalidInputError(f"host report: {error}") from error
