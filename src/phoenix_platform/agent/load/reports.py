"""What the supervisor says to whoever started it: one JSON object per line on its output."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import msgspec


class Stage(StrEnum):
    READY = "ready"
    """All processes that live from the start are there."""
    RUNNING = "running"
    ENDED = "ended"
    FAILED = "failed"
    """It could not start or go on; `reason` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """Where a simulation stands; counts are since its start."""

    stage: Stage
    elapsed_seconds: float = 0
    processes: int = 0
    """Alive now."""
    peak_processes: int = 0
    lives: int = 0
    """Processes started so far."""
    lost: int = 0
    """Processes that ended although nobody told them to."""
    cpu_seconds: float = 0
    """User + system of all simulated processes, dead and alive, as the kernel counted."""
    supervisor_cpu_seconds: float = 0
    """The same of the process that steers them."""
    skipped_work: int = 0
    """Pieces of work left out: over a limit, or the process was still busy."""
    reason: str | None = None

    def to_line(self) -> bytes:
        return msgspec.json.encode(self) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        return msgspec.json.decode(line, type=cls)
