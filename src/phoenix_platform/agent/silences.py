"""How long each collector of a trial owes an answer; the trial asks at every tick.

A frozen or deadlocked collector does not end, so supervision does not see it. Only time in which this
process itself was awake counts: after Ctrl-Z, or on a host that was suspended, nobody is accused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_LONGEST_TICK_SECONDS: Final = 2.0
"""A tick is due every half second; what is beyond this, we slept through."""


@dataclass(slots=True)
class Silences:
    """Seconds of silence by name, each against its own limit."""

    limits: Mapping[str, float]
    """Seconds."""
    _heard: dict[str, int] = field(default_factory=dict[str, int])
    _silent: dict[str, float] = field(default_factory=dict[str, float])
    ticked_at: float | None = None
    """Monotonic seconds of the last tick; None before the first."""

    def tick(self, now: float, answers: Mapping[str, int], owing: frozenset[str]) -> None:
        """Let time pass.

        Args:
            now: Monotonic seconds.
            answers: How often each was heard so far; one more than at the last tick ends its silence.
            owing: Those of whom something is expected at this moment.
        """
        before = now if self.ticked_at is None else self.ticked_at
        self.ticked_at = now
        awake = min(now - before, _LONGEST_TICK_SECONDS)
        for name, count in answers.items():
            is_silent = name in owing and self._heard.get(name) == count
            self._silent[name] = self._silent.get(name, 0.0) + awake if is_silent else 0.0
            self._heard[name] = count

    def seconds(self, name: str) -> float:
        """How long it has been silent; 0 for one that owes nothing."""
        return self._silent.get(name, 0.0)

    def too_long(self) -> list[str]:
        """Those beyond their limit, in the order of the limits."""
        return [name for name, limit in self.limits.items() if self.seconds(name) > limit]
