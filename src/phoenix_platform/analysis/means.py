"""Means with a limit: is the mean below it for sure, above it for sure, or not yet known?

The CPU and memory guardrails stand on this. Never on single intervals: CPU time comes in ticks of
10 ms, and "any interval above the limit" ends 99.9 % of runs whose true mean is far below it.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.analysis.batches import (
    FEWEST_BATCHES,
    FIRST_LENGTH,
    batch_means,
    coarsened,
    correlation_time,
    variance_factor,
)
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.running import ExactSum, Values
from phoenix_platform.analysis.sequences import critical_t

CAP_FACTOR: Final = 3
"""A mean this many times beyond its limit need not wait for the sequence ..."""
CAP_BATCHES: Final = 4
"""... once so many batches in a row show it."""
CAP_BATCH: Final = timedelta(seconds=10)
"""Least time of a batch of the hard cap: a thousandth of a core is then one tick. With it, and
intervals of 15 s, a mean of 2 × the limit is found in 16 min, one of 4 × in 1.75 min (median). The
price: a mean exactly at the limit, with a CV of 50 %, aborts in 16 % of runs of 4 h."""
_SKEWED: Final = 1.0
"""Skewness of batch means above which they are taken as lognormal."""
_LARGEST_EXPONENT: Final = 709.0
_LIMIT_ROUNDING: Final = 1e-9
"""A constant exactly at the limit is neither above nor below it, however doubles round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanLook:
    """One-sided bounds at one batch end, in the unit of the values; infinite while not known."""

    intervals: int
    low: float
    """The mean is above it; at the level of aborts."""
    high: float
    """The mean is below it; at the level of promotion."""

    def is_above(self, limit: float) -> bool:
        return self.low > limit * (1 + _LIMIT_ROUNDING)

    def is_below(self, limit: float) -> bool:
        return self.high < limit * (1 - _LIMIT_ROUNDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """One-sided levels of a mean's bounds."""

    promotion: float
    abort: float
    """Smaller than `promotion` by the number of guardrails: any of them may abort."""
    g: float


def levels_of(plan: Plan, *, parts: int = 1, ways_to_pass: int = 1) -> Levels:
    """The levels of a guardrail that aborts by a bound.

    Promotion needs all guardrails, so each passes at the full level; any of them may abort, so each
    has its share of the level of aborts.

    Args:
        plan: Says the level, and how many guardrails share it.
        parts: Of which all must pass, and any may abort the guardrail.
        ways_to_pass: Of which any lets the guardrail pass.
    """
    abort = plan.alpha / (len(plan.tested_guardrails) * parts)
    return Levels(promotion=plan.alpha / ways_to_pass, abort=abort, g=plan.g)


class MeanSequence:
    """The one-sided confidence sequence of one mean, taken in one interval at a time."""

    def __init__(self, *, limit: float, levels: Levels, interval: timedelta) -> None:
        self._limit = limit
        self._levels = levels
        self._values, self._sum = Values(), ExactSum()
        self._batch_length = FIRST_LENGTH
        self._cap_length = max(1, math.ceil(CAP_BATCH / interval))
        self._batches_beyond_cap = 0
        self.look: MeanLook | None = None
        """At the last batch end."""

    def __len__(self) -> int:
        return len(self._values)

    @property
    def mean(self) -> float | None:
        return self._sum.value / len(self._values) if len(self._values) else None

    @property
    def is_beyond_cap(self) -> bool:
        return self._batches_beyond_cap >= CAP_BATCHES

    @property
    def is_surely_above(self) -> bool:
        """Whether the mean lies above its limit, by its bound or by the hard cap."""
        look = self.look
        return self.is_beyond_cap or (look is not None and look.is_above(self._limit))

    @property
    def is_surely_below(self) -> bool:
        look = self.look
        return not self.is_beyond_cap and look is not None and look.is_below(self._limit)

    @property
    def batches(self) -> int:
        """Full ones, of which bounds are made."""
        return len(self._values) // self._batch_length

    @property
    def cap_length(self) -> int:
        """Intervals in a batch of the hard cap."""
        return self._cap_length

    def take(self, value: float) -> None:
        self._values.append(value)
        self._sum.add(value)
        if len(self._values) % self._cap_length == 0:
            last = math.fsum(self._values.array[-self._cap_length :]) / self._cap_length
            is_beyond = last > CAP_FACTOR * self._limit
            self._batches_beyond_cap = self._batches_beyond_cap + 1 if is_beyond else 0
        if len(self._values) % self._batch_length == 0:
            self._end_batch(self._values.array)

    def _end_batch(self, values: NDArray[np.float64]) -> None:
        mean = values.mean()
        tau = float(correlation_time(values - mean, np.abs(mean)))
        self._batch_length = coarsened(self._batch_length, intervals=len(values), tau=tau)
        if len(values) % self._batch_length == 0:
            self.look = self._bounds(values)

    def _bounds(self, values: NDArray[np.float64]) -> MeanLook:
        w = batch_means(values, self._batch_length)
        if len(w) < FEWEST_BATCHES:
            return MeanLook(intervals=len(values), low=-math.inf, high=math.inf)
        is_log = bool(values.min() > 0) and _skewness(w) > _SKEWED
        w = np.log(w) if is_log else w
        k, mean = len(w), w.mean()
        phi = float(variance_factor(w - mean, np.abs(mean)))
        error = math.sqrt(phi / k) * float(w.std(ddof=1))
        low = float(mean) - _width(k, self._levels.abort, self._levels.g, error)
        high = float(mean) + _width(k, self._levels.promotion, self._levels.g, error)
        if is_log:
            low, high = _exp(low), _exp(high)
        return MeanLook(intervals=len(values), low=low, high=high)


def _width(k: int, level: float, g: float, error: float) -> float:
    critical = critical_t(k, 2 * level, g)  # the two-sided boundary at 2 × the level is one-sided
    return math.inf if math.isinf(critical) else critical * error


def _exp(exponent: float) -> float:
    return math.exp(exponent) if exponent < _LARGEST_EXPONENT else math.inf


def _skewness(values: NDArray[np.float64]) -> float:
    spread = float(values.std())
    return float((((values - values.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0
