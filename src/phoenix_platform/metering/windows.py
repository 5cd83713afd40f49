"""Distinct series over long windows: active in the last 20 minutes, distinct in the clock hour, ever counted."""

from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.metering.sets import sorted_once

ACTIVE_WINDOW_NANO: Final = 20 * 60 * 1_000_000_000
"""Grafana Cloud's definition of an active series: a value in the last 20 minutes."""
HOUR_NANO: Final = 3600 * 1_000_000_000
"""Datadog counts distinct series per clock hour."""
MOST_FORGOTTEN: Final = 4_000_000
"""Series remembered after they left the table (64 MB); beyond that a window is "no data", not too small."""
MOST_COUNTED: Final = 4_000_000
"""Series of counted spans remembered (32 MB); beyond that new series cannot be told from known ones."""


class SeriesWindows:
    """Counts over the series in use and those forgotten since; 16 bytes per forgotten series."""

    def __init__(self, began_unix_nano: int, *, most_forgotten: int = MOST_FORGOTTEN) -> None:
        self._began = began_unix_nano
        self._whole_since = began_unix_nano
        self._most_forgotten = most_forgotten
        self._forgotten_ids = np.zeros(0, np.uint64)
        """Sorted, each once."""
        self._forgotten_seen = np.zeros(0, np.int64)

    def __len__(self) -> int:
        """Forgotten series that are remembered."""
        return len(self._forgotten_ids)

    def forget(self, ids: NDArray[np.uint64], seen: NDArray[np.int64], *, now: int) -> None:
        """Remember when series that leave the table were last seen, as long as a window needs it."""
        if len(ids):
            self._insert(ids, seen)
        too_old = self._forgotten_seen < now - HOUR_NANO
        # Copying everything for a few would cost more than keeping them.
        if np.count_nonzero(too_old) * 8 >= max(len(too_old), 1):
            self._keep(~too_old)
        if len(self) > self._most_forgotten:
            oldest = np.partition(self._forgotten_seen, len(self) - self._most_forgotten)
            self._whole_since = int(oldest[len(self) - self._most_forgotten])
            self._keep(self._forgotten_seen > self._whole_since)
            self._whole_since += 1

    def active(self, ids: NDArray[np.uint64], seen: NDArray[np.int64], *, now: int) -> int | None:
        """Distinct series of the 20 minutes before `now`; None until it has run that long."""
        since = now - ACTIVE_WINDOW_NANO
        return None if since < self._whole_since else self._distinct_since(ids, seen, since)

    def hour(self, ids: NDArray[np.uint64], seen: NDArray[np.int64], *, now: int) -> int | None:
        """Distinct series of the clock hour (UTC) so far; None for an hour it began in."""
        since = now - now % HOUR_NANO
        return None if since < self._whole_since else self._distinct_since(ids, seen, since)

    def _insert(self, ids: NDArray[np.uint64], seen: NDArray[np.int64]) -> None:
        # Of a series that left twice, or left with two descriptions, the last time counts.
        order = np.lexsort((seen, ids))
        ids, seen = ids[order], seen[order]
        is_last = np.append(ids[1:] != ids[:-1], True)
        ids, seen = ids[is_last], seen[is_last]
        places, is_known = _find(self._forgotten_ids, ids)
        at = places[is_known]
        self._forgotten_seen[at] = np.maximum(self._forgotten_seen[at], seen[is_known])
        new = ~is_known
        self._forgotten_ids = np.insert(self._forgotten_ids, places[new], ids[new])
        self._forgotten_seen = np.insert(self._forgotten_seen, places[new], seen[new])

    def _keep(self, chosen: NDArray[np.bool_]) -> None:
        self._forgotten_ids = self._forgotten_ids[chosen]
        self._forgotten_seen = self._forgotten_seen[chosen]

    def _distinct_since(self, ids: NDArray[np.uint64], seen: NDArray[np.int64], since: int) -> int:
        present = sorted_once(ids[seen >= since])
        is_recent = self._forgotten_seen >= since
        places, is_known = _find(self._forgotten_ids, present)
        both = int(np.count_nonzero(is_recent[places[is_known]]))
        return len(present) + int(np.count_nonzero(is_recent)) - both


class CountedSeries:
    """New series at the production interval, of one variant: a thinned run of the spans.

    A span is counted when it is the first, or the first that ends at or after the next multiple of the
    production interval, give or take half an interval of the run: no scrape comes exactly in time. What
    prices by distinct series must not see more scrapes than production does.
    """

    def __init__(self, every: timedelta, interval: timedelta, *, most: int = MOST_COUNTED) -> None:
        self._every_nano = round(every.total_seconds() * 1e9)
        self._early_nano = round(interval.total_seconds() * 1e9) // 2
        self._most = most
        self._first_ended: int | None = None
        self._next_multiple = 0
        self._known = np.zeros(0, np.uint64)
        """Sorted ids of all counted spans."""

    def new_in(self, ids: NDArray[np.uint64], *, ended: int) -> int | None:
        """How many of a span's sorted, distinct ids no counted span before had; None if not counted."""
        if self._first_ended is None:
            self._first_ended = ended
        multiple = (ended - self._first_ended + self._early_nano) // self._every_nano
        if multiple < self._next_multiple or len(self._known) > self._most:
            return None
        self._next_multiple = multiple + 1
        places, is_known = _find(self._known, ids)
        self._known = np.insert(self._known, places[~is_known], ids[~is_known])
        return int(np.count_nonzero(~is_known))


def _find(
    sorted_ids: NDArray[np.uint64], ids: NDArray[np.uint64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each id is, or would have to be put, and whether it is there."""
    places = np.searchsorted(sorted_ids, ids)
    if not len(sorted_ids):
        return places, np.zeros(len(ids), bool)
    return places, sorted_ids[np.minimum(places, len(sorted_ids) - 1)] == ids
