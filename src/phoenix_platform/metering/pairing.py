"""Which scrape a point belongs to: pairing by scrape, not by clock (docs/trial.md)."""

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_REMEMBERED_SCRAPES: Final = 4096
"""Enough for any batch or delay that the watermark still waits for; what is older is late anyway."""

_REMEMBERED_REFUSALS: Final = 64
"""A variant that hung may let out what it was given before, once it goes on."""


@dataclass(frozen=True, slots=True)
class Window:
    """When scrape `number` took place: its first and its last point."""

    number: int
    started_unix_nano: int
    ended_unix_nano: int
    start_shift_nano: int = 0
    """Sum of all corrections of start times up to this scrape (`Increases.start_shift`)."""


class Pairing:
    """The scrapes that one variant was given, and the assignment of its output to them."""

    def __init__(self, interval_nano: int) -> None:
        self._interval_nano = interval_nano
        self._accepted: deque[Window] = deque(maxlen=_REMEMBERED_SCRAPES)
        self._refused: deque[Window] = deque(maxlen=_REMEMBERED_REFUSALS)
        self._in_flight: Window | None = None

    def begin(self, window: Window) -> None:
        """The scrape is on its way: its output may be here before its acknowledgement."""
        if self._accepted and window.ended_unix_nano <= self._accepted[-1].ended_unix_nano:
            # The clock went back: times no longer tell the scrapes before from those to come.
            self._accepted.clear()
            self._refused.clear()
        self._in_flight = window

    def accept(self, window: Window) -> None:
        self._accepted.append(window)
        self._in_flight = None

    def refuse(self) -> None:
        """The scrape under way was not taken whole; what comes of it all the same is its own."""
        if self._in_flight is not None:
            self._refused.append(self._in_flight)
        self._in_flight = None

    def assign(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """The scrape number of each point of one request; -1 where no scrape was given yet.

        Args:
            times: Times of the points, nanoseconds since 1970, shape [n].
        """
        assigned = np.full(len(times), -1, np.int64)
        if not len(times):
            return assigned
        candidates = list(self._accepted)
        if self._in_flight is not None:
            candidates.append(self._in_flight)
        if candidates:
            whole = self._whole(candidates, int(times.min()), int(times.max()))
            if whole is not None:
                assigned[:] = whole.number
                if whole.started_unix_nano <= times.min():
                    return assigned
            else:
                ends = np.array([window.ended_unix_nano for window in candidates])
                numbers = np.array([window.number for window in candidates])
                assigned = numbers[np.minimum(np.searchsorted(ends, times), len(ends) - 1)]
        for window in self._refused:
            is_own = (window.started_unix_nano <= times) & (times <= window.ended_unix_nano)
            assigned[is_own] = window.number
        return assigned

    def _whole(self, candidates: list[Window], first: int, last: int) -> Window | None:
        """The scrape that the whole request belongs to, whatever was done to its times."""
        # While a scrape is under way the request may still be of the one before; its own
        # untouched times tell.
        recent = candidates[-2:] if self._in_flight is not None else candidates[-1:]
        for window in recent:
            if window.started_unix_nano <= first and last <= window.ended_unix_nano:
                return window
        for window in reversed(recent):
            if (
                window.started_unix_nano - self._interval_nano < first
                and last <= window.ended_unix_nano
            ):
                return window
        return None
