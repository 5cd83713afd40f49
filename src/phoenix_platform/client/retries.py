"""When and how often a request is sent again: a pure rule that `connections` and `events` follow."""

from collections.abc import Callable
from dataclasses import dataclass

_LEAST_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Waits double, each between half of its length and all of it, so that clients do not come back together."""

    max_attempts: int = 5
    first_seconds: float = 0.2
    most_seconds: float = 5.0
    deadline_seconds: float = 30.0
    """Of one call with everything that belongs to it; nothing is sent again later than this."""
    attempt_seconds: float = 15.0
    """Of one attempt."""

    def wait_seconds(self, attempt: int, share: float, *, at_least: float = 0.0) -> float:
        """After which time to try again.

        Args:
            attempt: How many there were, from 1.
            share: Uniform in [0, 1).
            at_least: What the server asked for (`Retry-After`).
        """
        longest: float = min(self.first_seconds * 2.0 ** (attempt - 1), self.most_seconds)
        return max(longest * (_LEAST_SHARE + (1 - _LEAST_SHARE) * share), at_least)


Random = Callable[[], float]
"""Uniform in [0, 1)."""
