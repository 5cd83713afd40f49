"""Which scrape a point belongs to: pairing by scrape, not by clock (docs/trial.md)."""

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_REMEMBERED_SCRAPES: Final = 4096
"""Enough for any batch or delay that the watermark still waits for; what is older is late anyway."""


@dataclass(frozen=True, slots=True)
class Window:
    """When scrape `number` took place: its first and its last point."""

    number: int
    started_unix_nano: int
    ended_unix_nano: int


class Pairing:
    """The scrapes that one variant was given, and the assignment of its output to them."""

    def __init__(self, interval_nano: int) -> None:
        self._interval_nano = interval_nano
        self._accepted: deque[Window] = deque(maxlen=_REMEMBERED_SCRAPES)
        self._in_flight: Window | None = None

    def begin(self, window: Window) -> None:
        """The scrape is on its way: its output may be here before its acknowledgement."""
        self._in_flight = window

    def accept(self, window: Window) -> None:
        self._accepted.append(window)
        self._in_flight = None

    def refuse(self) -> None:
        """The scrape under way was not taken whole."""
        self._in_flight = None

    def assign(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """The scrape number of each point of one request; -1 where no scrape was given yet.

        Args:
            times: Times of the points, nanoseconds since 1970, shape [n].
        """
        candidates = list(self._accepted)
        if self._in_flight is not None:
            candidates.append(self._in_flight)
        if not candidates or not len(times):
            return np.full(len(times), -1, np.int64)
        whole = self._whole(candidates, int(times.min()), int(times.max()))
        if whole is not None:
            return np.full(len(times), whole.number, np.int64)
        ends = np.array([window.ended_unix_nano for window in candidates])
        numbers = np.array([window.number for window in candidates])
        return numbers[np.minimum(np.searchsorted(ends, times), len(ends) - 1)]

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
