"""Distinct series over long windows: active in the last 20 minutes, distinct in the clock hour."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

ACTIVE_WINDOW_NANO: Final = 20 * 60 * 1_000_000_000
"""Grafana Cloud's definition of an active series: a value in the last 20 minutes."""
HOUR_NANO: Final = 3600 * 1_000_000_000
"""Datadog counts distinct series per clock hour."""


class SeriesWindows:
    """Counts over the series in use and those forgotten since; 16 bytes per forgotten series."""

    def __init__(self, began_unix_nano: int) -> None:
        self._began = began_unix_nano
        self._forgotten_ids = np.zeros(0, np.uint64)
        self._forgotten_seen = np.zeros(0, np.int64)

    def forget(self, ids: NDArray[np.uint64], seen: NDArray[np.int64], *, now: int) -> None:
        """Remember when series that leave the table were last seen, as long as a window needs it."""
        keep = self._forgotten_seen >= now - HOUR_NANO
        self._forgotten_ids = np.concatenate([self._forgotten_ids[keep], ids])
        self._forgotten_seen = np.concatenate([self._forgotten_seen[keep], seen])

    def active(self, ids: NDArray[np.uint64], seen: NDArray[np.int64], *, now: int) -> int | None:
        """Distinct series of the 20 minutes before `now`; None until it has run that long."""
        if now - self._began < ACTIVE_WINDOW_NANO:
            return None
        return self._distinct_since(ids, seen, now - ACTIVE_WINDOW_NANO)

    def hour(self, ids: NDArray[np.uint64], seen: NDArray[np.int64], *, now: int) -> int | None:
        """Distinct series of the clock hour (UTC) so far; None for an hour it began in."""
        hour_began = now - now % HOUR_NANO
        if self._began > hour_began:
            return None
        return self._distinct_since(ids, seen, hour_began)

    def _distinct_since(self, ids: NDArray[np.uint64], seen: NDArray[np.int64], since: int) -> int:
        forgotten = self._forgotten_ids[self._forgotten_seen >= since]
        return len(np.unique(np.concatenate([ids[seen >= since], forgotten])))
