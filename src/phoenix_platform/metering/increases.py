"""How much work a cumulative counter shows since it was last seen.

One definition for the raw stream and for what a variant let out, so that both sides of a
comparison are measured alike. Increases are kept per (instance, metric, point attributes), not per
series: a program may change its command line, hence its series, while it runs.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

FORGET_AFTER_SCRAPES: Final = 5
"""One failed read of /proc is no exit: a counter keeps its base for this many scrapes."""

_START_TOLERANCE_NANO: Final = 10_000_000
"""Start times have a grain of 10 ms (clock ticks); a later one is a new instance."""

_BIRTH_TOLERANCE_NANO: Final = 2_000_000_000
"""Start times are cut to seconds, and processes are listed before they are read."""

_NEVER: Final = -(1 << 40)


class Increases:
    """The last value of every counter of one stream; grows with `counter` numbers given from 0."""

    def __init__(self) -> None:
        self._value = np.zeros(0)
        self._start = np.zeros(0, np.int64)
        self._scrape = np.zeros(0, np.int64)
        self.start_shift = 0
        """By how much the start times of the last scrape are later than those before, nanoseconds; below 0
        if they are earlier."""

    def forget(self, counters: NDArray[np.int64]) -> None:
        """Make these counters new again, for an owner to come."""
        self._scrape[counters[counters < len(self._scrape)]] = _NEVER

    def advance(
        self,
        counters: NDArray[np.int64],
        values: NDArray[np.float64],
        starts: NDArray[np.int64],
        resolution: NDArray[np.float64],
        processes: NDArray[np.int64],
        *,
        scrape: int,
        previous_started: int | None,
        start_shift: int | None = None,
    ) -> NDArray[np.float64]:
        """Take the points of one scrape in and return the increase that each shows.

        Args:
            counters: Counter of each point, shape [n]; points of one counter in their order.
            values: Cumulative values, shape [n], the metric's unit.
            starts: Start times, nanoseconds since 1970, shape [n]; 0 if unknown.
            resolution: Smallest step of each counter, shape [n], the metric's unit.
            processes: Process id of each counter, shape [n]; below 0 for one of no single process.
            scrape: Number of the scrape.
            previous_started: Time of the first point of the scrape before; None if there was none.
            start_shift: By how much start times were corrected since, nanoseconds, below 0 if back; None
                if that is to be found in these points, as in the stream that has every process. Where it
                is told, what begins at a time of the variant's own keeps that start.

        Returns:
            Shape [n], the metric's unit, never below 0: v_k - v_(k-1); v_k after a reset; 0 for a
            fall of one rounding step; at first sight v_k if the counter began after the previous
            scrape (less 2 s), else 0.
        """
        self.start_shift = start_shift or 0
        if not len(counters):
            return np.zeros(0)
        self._grow(int(counters.max()) + 1)
        order = np.argsort(counters, kind="stable")
        counter, value, start = counters[order], values[order], starts[order]
        repeats = np.zeros(len(order), bool)
        repeats[1:] = counter[1:] == counter[:-1]

        known = repeats | (scrape - self._scrape[counter] <= FORGET_AFTER_SCRAPES)
        last_value = np.where(repeats, np.roll(value, 1), self._value[counter])
        last_start = np.where(repeats, np.roll(start, 1), self._start[counter])

        has_starts = (start > 0) & (last_start > 0)
        later = start - last_start
        # Looked for where a start changed at all: in most scrapes nobody's did.
        if previous_started is not None and start_shift is None and (later[known] != 0).any():
            seen_before = ~repeats & (self._scrape[counter] == scrape - 1) & has_starts
            is_old = seen_before & (start < previous_started - _BIRTH_TOLERANCE_NANO)
            self.start_shift = _common_shift(later, processes[order], is_old)
        # A second point of one scrape is compared with the first, of the same clock.
        beyond = later - np.where(repeats, 0, self.start_shift)
        restarted = has_starts & (beyond > _START_TOLERANCE_NANO)
        if start_shift is not None:
            restarted &= later != 0
        fell = value < last_value
        # The last bit of a double must not turn a fall of one tick into a reset.
        rounding = fell & ~restarted & (last_value - value <= resolution[order] * (1 + 1e-9))
        since_last = np.where(restarted | fell, value, value - last_value)
        since_last[rounding] = 0.0

        increase = np.where(known, since_last, self._at_first_sight(value, start, previous_started))
        # Assignment with repeated indices keeps the last one, which is the latest point.
        self._value[counter], self._start[counter], self._scrape[counter] = value, start, scrape
        result = np.empty(len(order))
        result[order] = increase
        return result

    @staticmethod
    def _at_first_sight(
        value: NDArray[np.float64], start: NDArray[np.int64], previous_started: int | None
    ) -> NDArray[np.float64]:
        if previous_started is None:
            return np.zeros(len(value))
        return np.where(start >= previous_started - _BIRTH_TOLERANCE_NANO, value, 0.0)

    def _grow(self, size: int) -> None:
        missing = size - len(self._value)
        if missing > 0:
            missing = max(missing, len(self._value))
            self._value = np.concatenate([self._value, np.zeros(missing)])
            self._start = np.concatenate([self._start, np.zeros(missing, np.int64)])
            self._scrape = np.concatenate([self._scrape, np.full(missing, _NEVER)])


def _common_shift(
    later: NDArray[np.int64], processes: NDArray[np.int64], is_old: NDArray[np.bool_]
) -> int:
    """By how much the clock behind all start times was corrected, nanoseconds; below 0 if back, 0 if it was not.

    A scraper that is started again reads the boot time again, cut to seconds: all processes then begin a
    little later or earlier, and none is new. The median over the processes too old to be born since the
    scrape before tells; the lower one of two, as `reduce` takes it (`clockShift` in `plan.go`).
    """
    chosen = is_old & (processes >= 0)
    _, first = np.unique(processes[chosen], return_index=True)
    if not len(first):
        return 0
    shifts = np.sort(later[chosen][first])
    return int(shifts[(len(shifts) - 1) // 2])
