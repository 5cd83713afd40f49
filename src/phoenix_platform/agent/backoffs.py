"""How long to wait before trying again: longer each time, and never all agents at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_FIRST_SECONDS: Final = 1.0
_MOST_SECONDS: Final = 60.0
_LEAST_SHARE: Final = 0.5


@dataclass(slots=True)
class Backoff:
    """Doubles from one second to a minute, each time between half of that and all of it."""

    random: Callable[[], float]
    """Uniform in [0, 1)."""
    _seconds: float = _FIRST_SECONDS

    def next_seconds(self, *, at_least: float = 0.0) -> float:
        """For this failure; `at_least` is what the other side asked for."""
        share = _LEAST_SHARE + (1 - _LEAST_SHARE) * self.random()
        seconds, self._seconds = self._seconds * share, min(2 * self._seconds, _MOST_SECONDS)
        return max(seconds, at_least)

    def reset(self) -> None:
        """It worked."""
        self._seconds = _FIRST_SECONDS
