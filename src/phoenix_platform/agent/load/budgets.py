"""What a simulation may still spend: CPU time refilled by the clock, memory up to a limit.

Pure; `supervisor` asks before each piece of work and corrects by what the kernel counted.
"""

from dataclasses import dataclass, field
from typing import Final

from phoenix_platform.agent.load.schedules import Life

_BURST_SECONDS: Final = 5.0
"""So much of unspent time may be saved up: enough for spikes, too little for a long overrun."""


@dataclass(slots=True)
class CpuBudget:
    """Grants CPU seconds so that over any longer time at most `share` of one core is used."""

    share: float
    _allowed: float = 0.0
    """What may have been used up to now."""
    _spent: float = 0.0
    _clock: float = 0.0

    def advance(self, now: float) -> None:
        """Let time pass; `now` in seconds since the start."""
        self._allowed += (now - self._clock) * self.share
        self._clock = now
        self._allowed = min(self._allowed, self._spent + _BURST_SECONDS * self.share)

    def take(self, seconds: float) -> float:
        """All of it or nothing: half a spike is no spike."""
        if self._spent + seconds > self._allowed:
            return 0.0
        self._spent += seconds
        return seconds

    def correct(self, measured_seconds: float) -> None:
        """Replace what was granted by what the kernel counted since the start, if that is more."""
        self._spent = max(self._spent, measured_seconds)


@dataclass(slots=True)
class MemoryBudget:
    """Grants private memory per life up to a limit over all of them."""

    limit_bytes: int
    _held: dict[Life, int] = field(default_factory=dict[Life, int])
    _total: int = 0

    def hold(self, life: Life, size_bytes: int) -> bool:
        """Hold so much from now on; False, and all as before, if that is beyond the limit."""
        grown = self._total - self._held.get(life, 0) + size_bytes
        if grown > self.limit_bytes:
            return False
        self._held[life] = size_bytes
        self._total = grown
        return True

    def release(self, life: Life) -> None:
        self._total -= self._held.pop(life, 0)
