"""The ratio of candidate to baseline and its confidence interval, from batches that pair the two."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.analysis.batches import correlation_time, variance_factor
from phoenix_platform.analysis.sequences import ALPHA, G, critical_t
from phoenix_platform.core.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Interval:
    """Dimensionless; 0.3 reads "30 % is kept". Bounds may be infinite."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RatioBounds:
    """`Interval` for many series at once; every array has the leading shape of the batches."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    phi: NDArray[np.float64]
    """The lag-1 factor that the variances were widened by."""


def ratio_interval(
    baseline: NDArray[np.float64],
    candidate: NDArray[np.float64],
    *,
    alpha: float = ALPHA,
    g: float = G,
) -> Interval:
    """Fieller's interval of `E[candidate] / E[baseline]`, wide enough to be looked at repeatedly.

    Args:
        baseline: Batch means of the sum over hosts, shape [k], any unit.
        candidate: The same batches behind the candidate, same shape and unit.
        alpha: Two-sided level of the confidence sequence.
        g: Precision of its mixture.

    Returns:
        The whole line if the baseline may be 0 or the batches are too few. Constant counts give
        an interval of zero width from the first finite critical value on.

    Raises:
        InvalidInputError: If the shapes differ or k < 2.
    """
    if baseline.shape != candidate.shape or baseline.ndim != 1 or len(baseline) < 2:  # noqa: PLR2004 - a variance needs two
        raise InvalidInputError(
            f"batches: need two arrays of one shape [k], k >= 2; got {baseline.shape} and {candidate.shape}"
        )
    bounds = ratio_bounds(baseline, candidate, critical_t(len(baseline), alpha, g))
    return Interval(float(bounds.low), float(bounds.high))


def ratio_bounds(
    baseline: NDArray[np.float64], candidate: NDArray[np.float64], critical: float
) -> RatioBounds:
    """The same along the last axis, with a given critical |t|; shapes [..., k], k >= 2.

    Fieller with Q = critical²·φ/k, means m, variances v and covariance v_BC of the batches:
    a = m_B² - Q v_B, h = m_C m_B - Q v_BC, c = m_C² - Q v_C, and r in (h ± √(h² - ac))/a; the whole
    line where a <= 0 or h² < ac. Written with the residual d = C - r̂ B in place of C, because the
    textbook form loses all digits to cancellation when the counts hardly vary:
    h/a = r̂ - Q v_Bd/a, and h² - ac = Q (a v_d + Q v_Bd²), which is never negative where a > 0.
    Source: Fieller, "Some Problems in Interval Estimation", JRSS B 16 (1954).
    """
    k = baseline.shape[-1]
    mean_b, mean_c = baseline.mean(axis=-1), candidate.mean(axis=-1)
    positive = mean_b > 0
    r_hat = np.divide(mean_c, mean_b, out=np.zeros_like(mean_c), where=positive)
    d = candidate - r_hat[..., None] * baseline
    phi = variance_factor(d, mean_c)
    if math.isinf(critical):
        return RatioBounds(np.full_like(mean_b, -np.inf), np.full_like(mean_b, np.inf), phi)
    from_mean = baseline - mean_b[..., None]
    v_b = np.einsum("...i,...i->...", from_mean, from_mean) / (k - 1)
    v_d = np.einsum("...i,...i->...", d, d) / (k - 1)
    v_bd = np.einsum("...i,...i->...", from_mean, d) / (k - 1)
    q = critical**2 * phi / k
    a = mean_b**2 - q * v_b
    finite = positive & (a > 0)
    a = np.where(finite, a, 1.0)
    root = np.sqrt(np.where(finite, q * (a * v_d + q * v_bd**2), 0.0))
    low, high = r_hat + (-q * v_bd - root) / a, r_hat + (-q * v_bd + root) / a
    return RatioBounds(np.where(finite, low, -np.inf), np.where(finite, high, np.inf), phi)


def residual_correlation_time(
    baseline: NDArray[np.float64], candidate: NDArray[np.float64]
) -> NDArray[np.float64]:
    """τ of `candidate - r̂·baseline` over all intervals so far, shapes [..., intervals]."""
    mean_b, mean_c = baseline.mean(axis=-1), candidate.mean(axis=-1)
    r_hat = np.divide(mean_c, mean_b, out=np.zeros_like(mean_c), where=mean_b > 0)
    return correlation_time(candidate - r_hat[..., None] * baseline, mean_c)
