"""Shares with a limit: how much of a whole is lost, and is it less than the limit for sure?

Host totals that are off, signals and large processes that lost their name: each is a sum of losses over
a sum of wholes, and each is judged like a mean with a limit, only that the bounds are those of a ratio.
The guardrails of `fidelity` stand on this.
"""

import math
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.analysis.batches import (
    FEWEST_BATCHES,
    FIRST_LENGTH,
    batch_means,
    coarsened,
)
from phoenix_platform.analysis.means import CAP_BATCH, CAP_BATCHES, CAP_FACTOR, Levels, MeanLook
from phoenix_platform.analysis.ratios import ratio_bounds, residual_correlation_time
from phoenix_platform.analysis.running import ExactSum, Values
from phoenix_platform.analysis.sequences import critical_t


@dataclass(frozen=True, slots=True)
class Share:
    """What is lost of a whole in one interval, summed over hosts; both in the unit of the whole."""

    lost: float
    whole: float


class ShareSequence:
    """The one-sided confidence sequence of Σ lost / Σ whole, taken in one interval at a time."""

    def __init__(self, *, limit: float, levels: Levels, interval: timedelta) -> None:
        self._limit = limit
        self._levels = levels
        self._lost, self._lost_sum = Values(), ExactSum()
        self._whole, self._whole_sum = Values(), ExactSum()
        self._batch_length = FIRST_LENGTH
        self.cap_length = max(1, math.ceil(CAP_BATCH / interval))
        """Intervals in a batch of the hard cap."""
        self._batches_beyond_cap = 0
        self.look: MeanLook | None = None
        """At the last batch end."""

    @property
    def share(self) -> float | None:
        """Exact, over the window; None where there was nothing to lose."""
        whole = self._whole_sum.value
        return self._lost_sum.value / whole if whole > 0 else None

    @property
    def batches(self) -> int:
        """Full ones, of which bounds are made."""
        return len(self._lost) // self._batch_length

    @property
    def is_beyond_cap(self) -> bool:
        return self._batches_beyond_cap >= CAP_BATCHES

    @property
    def is_surely_above(self) -> bool:
        """Whether the share lies above its limit, by its bound or by the hard cap."""
        look = self.look
        return self.is_beyond_cap or (look is not None and look.is_above(self._limit))

    @property
    def is_surely_below(self) -> bool:
        look = self.look
        return not self.is_beyond_cap and look is not None and look.is_below(self._limit)

    def take(self, share: Share) -> None:
        self._lost.append(share.lost)
        self._whole.append(share.whole)
        self._lost_sum.add(share.lost)
        self._whole_sum.add(share.whole)
        if len(self._lost) % self.cap_length == 0:
            lost, whole = (
                math.fsum(values.array[-self.cap_length :]) for values in (self._lost, self._whole)
            )
            is_beyond = lost > CAP_FACTOR * self._limit * whole
            self._batches_beyond_cap = self._batches_beyond_cap + 1 if is_beyond else 0
        if len(self._lost) % self._batch_length == 0:
            self._end_batch(self._lost.array, self._whole.array)

    def _end_batch(self, lost: NDArray[np.float64], whole: NDArray[np.float64]) -> None:
        tau = float(residual_correlation_time(whole, lost))
        self._batch_length = coarsened(self._batch_length, intervals=len(lost), tau=tau)
        if len(lost) % self._batch_length:
            return
        low, high = -math.inf, math.inf
        b, c = batch_means(whole, self._batch_length), batch_means(lost, self._batch_length)
        if len(b) >= FEWEST_BATCHES:
            # The two-sided boundary at twice the level is one-sided.
            at_abort = critical_t(len(b), 2 * self._levels.abort, self._levels.g)
            at_promotion = critical_t(len(b), 2 * self._levels.promotion, self._levels.g)
            low = float(ratio_bounds(b, c, at_abort).low)
            high = float(ratio_bounds(b, c, at_promotion).high)
            if not lost.any() and math.isfinite(at_promotion) and whole.any():
                # Nothing of something: none is lost, however much the wholes vary. Fieller's set is the whole line
                # when the mean of wholes (bursts of I/O, say) cannot be told from 0, which wholes never are.
                low = high = 0.0
        self.look = MeanLook(intervals=len(lost), low=low, high=high)
