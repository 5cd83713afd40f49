"""Facts about all values so far that cost no walk over them: a verdict is asked for after every interval.

Each equals, digit for digit, what the plain formula says of the list of values; `means`, `shares`,
`reductions` and `fidelity` keep them.
"""

import heapq
import math

import numpy as np
from numpy.typing import NDArray

_FIRST_SIZE = 64


class Values:
    """Values in their order, as an array that grows at its end."""

    def __init__(self) -> None:
        self._buffer: NDArray[np.float64] = np.empty(_FIRST_SIZE, np.float64)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def append(self, value: float) -> None:
        if self._size == len(self._buffer):
            self._buffer = np.concatenate([self._buffer, np.empty(self._size)])
        self._buffer[self._size] = value
        self._size += 1

    @property
    def array(self) -> NDArray[np.float64]:
        """Shape [values]; a view, to be read before the next `append` and not to be written."""
        return self._buffer[: self._size]


class ExactSum:
    """`math.fsum` of all values so far: the exact sum, rounded once.

    Keeps the exact sum as a few doubles without common digits.
    Source: Shewchuk, "Adaptive Precision Floating-Point Arithmetic", Discrete & Computational Geometry
    18 (1997), grow-expansion.
    """

    def __init__(self) -> None:
        self._parts: list[float] = []
        """From small to large, no two with digits of the same place."""
        self._endless = 0.0
        """Sum of what is infinite or no number, which has no such parts."""

    def add(self, value: float) -> None:
        if not math.isfinite(value):
            self._endless += value
            return
        kept = 0
        for part in self._parts:
            large, small = (value, part) if abs(value) >= abs(part) else (part, value)
            value = large + small
            rest = small - (value - large)
            if rest:
                self._parts[kept] = rest
                kept += 1
        self._parts[kept:] = [value]

    @property
    def value(self) -> float:
        return math.fsum(self._parts) + self._endless


class Percentile99:
    """The 99th percentile of all values so far, by the nearest rank: the ceil(0.99 n)-th of n."""

    def __init__(self) -> None:
        self._size = 0
        self._below: list[float] = []
        """A heap of the values below the percentile, negated: the largest is on top."""
        self._from_it_on: list[float] = []
        """A heap of the percentile and all above it."""

    def add(self, value: float) -> None:
        self._size += 1
        heapq.heappush(self._below, -heapq.heappushpop(self._from_it_on, value))
        while len(self._below) >= math.ceil(0.99 * self._size):
            heapq.heappush(self._from_it_on, -heapq.heappop(self._below))

    @property
    def value(self) -> float | None:
        """None before the first."""
        return self._from_it_on[0] if self._from_it_on else None
