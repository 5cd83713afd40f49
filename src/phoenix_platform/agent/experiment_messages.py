"""What the process of an experiment is told at its start, and what it says: one JSON document per line."""

from typing import Any, TypeAlias

import msgspec

from phoenix_platform.opamp.desired_state import DesiredExperiment
from phoenix_platform.opamp.host_reports import RunState


class ExperimentSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of its input. When the input ends, whoever wanted the experiment is gone."""

    desired: DesiredExperiment
    run_id: str
    host_name: str
    collector: str
    """Path of the binary."""
    first_scrape: int
    """Number of its first scrape in the experiment on this host; above 0 after a restart."""
    first_sequence: int
    """The same of its first sample."""
    idle_seconds: float


class Begun(msgspec.Struct, frozen=True, kw_only=True, tag="begun"):
    """The configurations can be tried; their collectors are being started."""

    hashes: dict[str, str]


class Measured(msgspec.Struct, frozen=True, kw_only=True, tag="measured"):
    """An interval is over."""

    payload: bytes
    """For the spool."""
    samples: int
    next_scrape: int
    through_sequence: int
    let_out: tuple[str, ...]
    """Variants of which something came out."""


class Noted(msgspec.Struct, frozen=True, kw_only=True, tag="noted"):
    """What is known beside the samples; now and then."""

    idle_cores: float | None
    facts: dict[str, Any]


class Over(msgspec.Struct, frozen=True, kw_only=True, tag="over"):
    """It ended by itself; the last line."""

    state: RunState
    reason: str
    log_tail: tuple[str, ...] = ()
    facts: dict[str, Any] | None = None


Message: TypeAlias = Begun | Measured | Noted | Over
