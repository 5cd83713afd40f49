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
        """By how much the start times of the last scrape are later than those before, nanoseconds."""

    def forget(self, counters: NDArray[np.int64]) -> None:
        """Make these counters new again, for an owner to come."""
        self._scrape[counters[counters < len(self._scrape)]] = _NEVER

    def advance(
        self,
        counters: NDArray[np.int64],
        values: NDArray[np.float64],
        starts: NDArray[np.int64],
        resolution: NDArray[np.float64],
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
            scrape: Number of the scrape.
            previous_started: Time of the first point of the scrape before; None if there was none.
            start_shift: By how much start times were corrected since, nanoseconds; None if that is to
                be found in these points, as in the stream that has every process.

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

        restarted = start > last_start + _START_TOLERANCE_NANO
        # Looked for where somebody began later at all: in most scrapes nobody that was there before did.
        if previous_started is not None and start_shift is None and (restarted & known).any():
            seen_before = ~repeats & (self._scrape[counter] == scrape - 1) & (last_start > 0)
            is_old = seen_before & (start < previous_started - _BIRTH_TOLERANCE_NANO)
            self.start_shift = _common_shift(start, last_start, is_old, restarted)
        if self.start_shift:
            restarted = start > last_start + self.start_shift + _START_TOLERANCE_NANO
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
    start: NDArray[np.int64],
    last_start: NDArray[np.int64],
    is_old: NDArray[np.bool_],
    restarted: NDArray[np.bool_],
) -> int:
    """By how much the clock behind all start times was corrected, nanoseconds; 0 if it was not, or back.

    A scraper that is started again reads the boot time again, cut to seconds: all processes then begin a
    little later, and none is new. The median over those too old to be born since the scrape before tells;
    a correction back makes no start later, so it needs no answer.
    """
    if not (is_old & restarted).any():
        return 0
    shifts = np.sort(start[is_old] - last_start[is_old])
    return max(0, int(shifts[(len(shifts) - 1) // 2]))
