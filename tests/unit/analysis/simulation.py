"""Many runs at once: what the acceptance rows of the method are measured on."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.analysis.batches import (
    FEWEST_BATCHES,
    FIRST_LENGTH,
    batch_means,
    coarsened,
)
from phoenix_platform.analysis.ratios import ratio_bounds, residual_correlation_time
from phoenix_platform.analysis.sequences import ALPHA, G, critical_t

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Runs:
    """The series of many runs, shapes [runs, intervals]."""

    baseline: Floats
    candidate: Floats


def autoregressive(rho: float, runs: int, intervals: int, generator: np.random.Generator) -> Floats:
    """AR(1) of unit variance, stationary from the first interval on, shape [runs, intervals]."""
    series = generator.standard_normal((intervals, runs))
    series[1:] *= (1 - rho**2) ** 0.5
    for before, here in pairwise(series):
        np.add(here, rho * before, out=here)
    return np.ascontiguousarray(series.T)


def proportional(
    rho: float, *, ratio: float, runs: int, intervals: int, generator: np.random.Generator
) -> Runs:
    """AR(rho) noise of 5 % on an AR(0.9) load of CV 30 % that both variants see."""
    load = 1000 * (1 + 0.3 * autoregressive(0.9, runs, intervals, generator))
    noise = 0.05 * autoregressive(rho, runs, intervals, generator)
    return Runs(load, ratio * load * (1 + noise))


def constant(
    rho: float, *, ratio: float, runs: int, intervals: int, generator: np.random.Generator
) -> Runs:
    """A candidate that does not vary, behind an AR(rho) load of CV 10 %."""
    load = 1000 * (1 + 0.1 * autoregressive(rho, runs, intervals, generator))
    return Runs(load, np.full_like(load, ratio * 1000))


def lognormal(
    rho: float, *, ratio: float, runs: int, intervals: int, generator: np.random.Generator
) -> Runs:
    """As `proportional`, but the noise of 5 % is skewed: lognormal with σ = 1."""
    load = 1000 * (1 + 0.3 * autoregressive(0.9, runs, intervals, generator))
    skewed = np.exp(autoregressive(rho, runs, intervals, generator))
    mean, deviation = np.exp(0.5), ((np.e - 1) * np.e) ** 0.5
    return Runs(load, ratio * load * (1 + 0.05 * (skewed - mean) / deviation))


def naive_share(runs: Runs, *, tested: float) -> float:
    """Share of runs in which a t test on all intervals so far ever rejects at 5 %."""
    w = runs.candidate - tested * runs.baseline
    n = np.arange(1, w.shape[1] + 1, dtype=np.float64)
    mean = np.cumsum(w, axis=1) / n
    variance = np.cumsum(w**2, axis=1) / n - mean**2
    t = np.abs(mean[:, FIRST_LENGTH:]) / np.sqrt(variance / np.maximum(n - 1, 1))[:, FIRST_LENGTH:]
    return float((t > _NAIVE_CRITICAL).any(axis=1).mean())


_NAIVE_CRITICAL = 2.09
"""Two-sided 5 % of the t distribution at the first look (19 degrees of freedom), later too strict."""


@dataclass(frozen=True)
class Outcome:
    stopped: NDArray[np.int64]
    """Intervals at the first batch end whose interval leaves out the tested ratio; 0 if none."""

    @property
    def share(self) -> float:
        return float((self.stopped > 0).mean())


def stop_times(runs: Runs, *, tested: float, first_length: int = FIRST_LENGTH) -> Outcome:
    """Walk all runs along the batch ends, each with its own batch length."""
    count, intervals = runs.baseline.shape
    lengths = np.full(count, first_length)
    stopped = np.zeros(count, np.int64)
    for n in range(first_length * FEWEST_BATCHES, intervals + 1, first_length):
        at_end = (stopped == 0) & (n % lengths == 0) & (n >= FEWEST_BATCHES * lengths)
        for length in np.unique(lengths[at_end]):
            rows = np.nonzero(at_end & (lengths == length))[0]
            _look(runs, rows, n, lengths, stopped, tested)
    return Outcome(stopped)


def _look(
    runs: Runs,
    rows: NDArray[np.int64],
    n: int,
    lengths: NDArray[np.int64],
    stopped: NDArray[np.int64],
    tested: float,
) -> None:
    baseline, candidate = runs.baseline[rows, :n], runs.candidate[rows, :n]
    tau = residual_correlation_time(baseline, candidate)
    lengths[rows] = [
        coarsened(int(lengths[row]), intervals=n, tau=float(t))
        for row, t in zip(rows, tau, strict=True)
    ]
    for length in np.unique(lengths[rows]):
        chosen = lengths[rows] == length
        if n % length or n < FEWEST_BATCHES * length:
            continue
        critical = critical_t(n // int(length), ALPHA, G)
        bounds = ratio_bounds(
            batch_means(baseline[chosen], int(length)),
            batch_means(candidate[chosen], int(length)),
            critical,
        )
        out = (bounds.low > tested) | (bounds.high < tested)
        stopped[rows[chosen][out]] = n
