"""Batches: means over enough intervals that neighbours hardly know of each other.

Intervals are correlated (the same processes live through many of them), and a test on them finds
differences that are not there. `reductions` and `guardrails` batch by the one rule below. Choosing
the length freely from the running data instead gives 4 to 28 % false verdicts, a length fixed from
a warm-up 10 to 21 %. All functions work along the last axis, so that simulations run many series
at once.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

FIRST_LENGTH: Final = 20
"""Intervals in a batch at the start. It only grows."""
FEWEST_BATCHES: Final = 5
"""No bound is finite, and no length is judged, before so many batches."""
_MARGIN: Final = 1.5
"""A batch must be this many correlation times long."""
_MOST_CORRELATED_INTERVALS: Final = 0.99
_MOST_CORRELATED_BATCHES: Final = 0.9
_ROUNDING: Final = 1e-12
"""Residuals below this share of the values are rounding, not variation."""


def batch_means(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Means of the complete batches; what is left over at the end is left out.

    Args:
        values: Shape [..., intervals].
        length: Intervals in a batch.

    Returns:
        Shape [..., intervals // length], the unit of `values`.
    """
    batches = values.shape[-1] // length
    complete = values[..., : batches * length]
    means: NDArray[np.float64] = complete.reshape(*values.shape[:-1], batches, length).mean(axis=-1)
    return means


def correlation_time(
    residual: NDArray[np.float64], scale: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """τ: how many intervals carry the information of one independent interval; at least 1.

    Args:
        residual: Differences per interval, of mean zero, shape [..., intervals].
        scale: Size of what was subtracted, to tell variation from rounding, shape [...].
    """
    return _inflation(residual, scale, _MOST_CORRELATED_INTERVALS)


def variance_factor(
    residual: NDArray[np.float64], scale: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """φ: by what factor correlation between batches widens the variance of their mean; at least 1.

    Args:
        residual: Differences per batch, of mean zero, shape [..., batches].
        scale: As in `correlation_time`.
    """
    return _inflation(residual, scale, _MOST_CORRELATED_BATCHES)


def coarsened(length: int, *, intervals: int, tau: float) -> int:
    """The batch length after a look at the correlation time of so many intervals.

    It doubles until it is long enough, or until fewer than 5 batches are left: what is known of τ
    by then does not tell how much longer they must be, and no bound is finite before the next 5.
    """
    while _MARGIN * tau > length and intervals >= FEWEST_BATCHES * length:
        length *= 2
    return length


def expected_length(length: int, tau: float) -> int:
    """The batch length that a correlation time leads to in the end."""
    while _MARGIN * tau > length:
        length *= 2
    return length


def _inflation(
    residual: NDArray[np.float64], scale: NDArray[np.float64] | float, most: float
) -> NDArray[np.float64]:
    """(1+r1)/(1-r1) with the lag-1 autocorrelation r1, its downward bias in short series mended."""
    n = residual.shape[-1]
    squares = np.einsum("...i,...i->...", residual, residual)
    products = np.einsum("...i,...i->...", residual[..., 1:], residual[..., :-1])
    varies = squares > n * (_ROUNDING * scale) ** 2
    r1 = np.divide(products, squares, out=np.zeros_like(squares), where=varies)
    # Kendall's approximation of the bias is -(1+3ρ)/n.
    r1 = np.clip(r1 + (1 + 3 * np.clip(r1, 0, 1)) / n, 0, most)
    return np.where(varies, (1 + r1) / (1 - r1), 1.0)
