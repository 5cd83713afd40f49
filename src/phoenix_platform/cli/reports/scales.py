"""Axes: round steps for quantities and for time, and the way from a value to a place in the drawing."""

import math
from dataclasses import dataclass
from typing import Final

_ROUND_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_BINARY_STEPS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)
_TIME_STEPS: Final = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
)  # fmt: skip
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


@dataclass(frozen=True, slots=True)
class Scale:
    """From values in [low, high] to places in [start, end]; values beyond stay at the edge."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)


def round_ticks(low: float, high: float, *, most: int, binary: bool = False) -> tuple[float, ...]:
    """At most about `most` round values that enclose [low, high]; for bytes in powers of 2.

    An empty range is widened: a constant has an axis too.
    """
    if high <= low:
        high = low + (abs(low) or 1.0)
    step = _step((high - low) / most, binary=binary)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(number * step for number in range(first, last + 1))


def time_ticks(seconds: float, *, most: int) -> tuple[float, ...]:
    """Round times from 0 to the end of the run, in seconds."""
    rough = seconds / most
    fitting = (float(size) for size in _TIME_STEPS if size >= rough)
    step = next(fitting, None) or _DAY * _step(rough / _DAY, binary=False)
    return tuple(number * step for number in range(math.floor(seconds / step + 1e-9) + 1))


def show_time(seconds: float) -> str:
    """`40 s`, `12 min`, `1:30 h`, `2 d`: the unit that the tick is round in."""
    if not seconds:
        return "0"
    if seconds % _DAY == 0:
        return f"{seconds / _DAY:g} d"
    if seconds >= _HOUR:
        hours, rest = divmod(round(seconds), _HOUR)
        return f"{hours}:{rest // _MINUTE:02d} h" if rest else f"{hours} h"
    if seconds % _MINUTE == 0:
        return f"{seconds / _MINUTE:g} min"
    if seconds > _MINUTE:
        whole_seconds = round(seconds)
        return f"{whole_seconds // _MINUTE}:{whole_seconds % _MINUTE:02d} min"
    return f"{seconds:g} s"


def _step(rough: float, *, binary: bool) -> float:
    if binary and rough > 1:
        unit = 1024.0 ** math.floor(math.log(rough, 1024))
        return unit * next(step for step in _BINARY_STEPS if unit * step >= rough * (1 - 1e-9))
    unit = 10.0 ** math.floor(math.log10(rough))
    return unit * next(step for step in _ROUND_STEPS if unit * step >= rough * (1 - 1e-9))
