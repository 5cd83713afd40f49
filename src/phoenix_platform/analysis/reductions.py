"""What the candidate saves of one objective: exactly in this window, and with bounds for the longer run.

`verdicts` feeds one `ReductionSequence` per objective, interval by interval; the live view and the
report draw its state. The bounds change at batch ends only, and the state depends on nothing but
the intervals taken so far.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.analysis.batches import (
    FEWEST_BATCHES,
    FIRST_LENGTH,
    batch_means,
    coarsened,
    expected_length,
)
from phoenix_platform.analysis.plans import Objective
from phoenix_platform.analysis.ratios import ratio_bounds, residual_correlation_time
from phoenix_platform.analysis.running import Values
from phoenix_platform.analysis.sequences import critical_t, log_e_value

_ROUNDING: Final = 1e-12
"""Constant counts exactly at the target have bounds without width; which side of it doubles put them
decides nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was known at one batch end. Reductions are shares; 0.3 reads "30 % less"."""

    intervals: int
    batches: int
    batch_length: int
    """Intervals in a batch."""
    phi: float
    """What correlation between the batches widened the variance by."""
    reduction_low: float | None
    """None while the interval is the whole line."""
    reduction: float | None
    """None if the baseline had nothing."""
    reduction_high: float | None
    log_e_value: float
    """Natural logarithm of the evidence against "the reduction is the target"."""

    def is_above(self, target_reduction: float) -> bool:
        """Whether the longer run surely saves more than the target."""
        low = self.reduction_low
        return low is not None and low > target_reduction + _ROUNDING

    def is_below(self, target_reduction: float) -> bool:
        """Whether the longer run surely saves less than the target."""
        high = self.reduction_high
        return high is not None and high < target_reduction - _ROUNDING


@dataclass(frozen=True, slots=True, kw_only=True)
class ReductionState:
    objective: Objective
    intervals: int
    """Paired intervals in the window."""
    baseline_total: int
    """Sum over the window; of series, the sum over intervals of the series in each."""
    candidate_total: int
    window_reduction: float | None
    """1 - candidate / baseline in this window: a count, without error. None if the baseline had nothing."""
    batch_length: int
    tau: float | None
    """Intervals that carry the information of one independent interval; None before the first 20."""
    p_value: float
    """Always-valid p-value of "the reduction is the target": the least of 1/E so far, at most 1."""
    next_look_in: int
    """Intervals until the bounds change next."""
    verdict_possible_at: int
    """The first count of intervals, after those so far, at which bounds can be finite if the
    correlation stays as it is."""
    path: tuple[Look, ...]
    """Every batch end so far, oldest first."""

    @property
    def last_look(self) -> Look | None:
        return self.path[-1] if self.path else None


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of the objective one variant let out in one interval."""

    count: int
    rate: float
    """Per scrape, where the amount grows with the scrapes that an interval spans."""


class ReductionSequence:
    """The confidence sequence of one objective, taken in one interval at a time."""

    def __init__(
        self, objective: Objective, *, target_reduction: float, alpha: float, g: float
    ) -> None:
        self._objective = objective
        self._tested_ratio = 1 - target_reduction
        self._alpha, self._g = alpha, g
        self._baseline, self._candidate = Values(), Values()
        self._tau: tuple[int, float] = (0, 1.0)
        """Intervals it was made from, and τ."""
        self._baseline_total = self._candidate_total = 0
        self._batch_length = FIRST_LENGTH
        self._p_value = 1.0
        self._path: tuple[Look, ...] = ()

    def take(self, baseline: Amount, candidate: Amount) -> Look | None:
        """Take in one interval; the look that it completes, if it ends a batch.

        Args:
            baseline: Sum over the hosts that reported both variants.
            candidate: The same behind the candidate.
        """
        self._baseline.append(baseline.rate)
        self._candidate.append(candidate.rate)
        self._baseline_total += baseline.count
        self._candidate_total += candidate.count
        intervals = len(self._baseline)
        if intervals % self._batch_length:
            return None
        tau = self._correlation_time()
        self._batch_length = coarsened(self._batch_length, intervals=intervals, tau=tau)
        if intervals % self._batch_length:  # merging left half a batch over: no batch end
            return None
        look = self._look(self._baseline.array, self._candidate.array)
        self._p_value = min(self._p_value, math.exp(min(0.0, -look.log_e_value)))
        self._path = (*self._path, look)
        return look

    def correlation_time(self) -> float | None:
        """τ over all intervals so far, in intervals; None before the first batch is full."""
        if len(self._baseline) < FIRST_LENGTH:
            return None
        return self._correlation_time()

    def state(self) -> ReductionState:
        intervals, tau = len(self._baseline), self.correlation_time()
        has_baseline = self._baseline_total > 0
        length = expected_length(self._batch_length, tau or 1.0)
        next_end = (intervals // length + 1) * length
        return ReductionState(
            objective=self._objective,
            intervals=intervals,
            baseline_total=self._baseline_total,
            candidate_total=self._candidate_total,
            window_reduction=1 - self._candidate_total / self._baseline_total
            if has_baseline
            else None,
            batch_length=self._batch_length,
            tau=tau,
            p_value=self._p_value,
            next_look_in=self._batch_length - intervals % self._batch_length,
            verdict_possible_at=max(FEWEST_BATCHES * length, next_end),
            path=self._path,
        )

    def _correlation_time(self) -> float:
        """Once per interval: the guardrails, the assurance and the state all ask for it."""
        made_from, tau = self._tau
        if made_from != len(self._baseline):
            series = self._baseline.array, self._candidate.array
            tau = float(residual_correlation_time(*series))
            self._tau = (len(self._baseline), tau)
        return tau

    def _look(self, baseline: NDArray[np.float64], candidate: NDArray[np.float64]) -> Look:
        b = batch_means(baseline, self._batch_length)
        c = batch_means(candidate, self._batch_length)
        k = len(b)
        bounds = ratio_bounds(b, c, critical_t(k, self._alpha, self._g))
        mean_b = float(b.mean())
        return Look(
            intervals=len(baseline),
            batches=k,
            batch_length=self._batch_length,
            phi=float(bounds.phi),
            reduction_low=_finite(1 - float(bounds.high)),
            reduction=1 - float(c.mean()) / mean_b if mean_b > 0 else None,
            reduction_high=_finite(1 - float(bounds.low)),
            log_e_value=self._log_e_value(c - self._tested_ratio * b, float(bounds.phi)),
        )

    def _log_e_value(self, w: NDArray[np.float64], phi: float) -> float:
        """Evidence against a mean of 0 of `w`, the batches of candidate - tested ratio · baseline."""
        k = len(w)
        if k < FEWEST_BATCHES:
            return 0.0
        mean, deviation = float(w.mean()), float(w.std(ddof=1))
        if deviation == 0:
            return log_e_value(math.inf if mean else 0.0, k, self._g)
        return log_e_value(mean * math.sqrt(k / phi) / deviation, k, self._g)


def _finite(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None
