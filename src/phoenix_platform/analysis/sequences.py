"""Confidence sequences: bounds that hold at every look, so that a run may stop when it knows enough.

`ratios` and `guardrails` take their critical values from here. The sequence is the Gaussian mixture
over the effect with the right-Haar prior on the scale: it needs neither a known variance nor a
number of looks fixed beforehand. Source: Lai, "On Confidence Sequences", Annals of Statistics 4
(1976); Wang and Ramdas, "Anytime-valid t-tests and confidence sequences for Gaussian means with
unknown variance", arXiv:2310.03722. Assumes independent Gaussian batch means; what the batches
still lack of that is in `batches`, and what is left is simulated in the tests.
"""

import math
from typing import Final

ALPHA: Final = 0.03
"""Level of the sequence behind a promised error rate of 5 %. The guarantee is exact for independent
Gaussian batches; real batches keep some correlation, and at 0.03 all simulated rows stay below 5 %."""

G: Final = 0.7924
"""Precision of the mixture; the value with the smallest critical |t| at 12 batches for `ALPHA`."""


def critical_t(k: int, alpha: float = ALPHA, g: float = G) -> float:
    """The |t| of `k` batches from which on the sequence rejects; infinite while it cannot yet.

    Two-sided at `alpha`. For one side alone, at level `alpha`, ask for `2 * alpha`.
    With q = g/(k+g) and K = (√((k+g)/g)/alpha)^(2/k): t² ≥ (k-1)(K-1)/(1-qK).
    """
    if k < 2:  # noqa: PLR2004 - one batch has no variance
        return math.inf
    q = g / (k + g)
    big_k = (1 / (math.sqrt(q) * alpha)) ** (2 / k)
    if q * big_k >= 1:
        return math.inf
    return math.sqrt((k - 1) * (big_k - 1) / (1 - q * big_k))


def log_e_value(t: float, k: int, g: float = G) -> float:
    """Natural logarithm of the e-value of a t statistic over `k` ≥ 2 batches; `t` may be infinite.

    E = √q · [(1 + t²/v)/(1 + q t²/v)]^((v+1)/2) with v = k-1 and q = g/(k+g).
    """
    q = g / (k + g)
    if math.isinf(t):
        return 0.5 * (1 - k) * math.log(q)
    x = t * t / (k - 1)
    return 0.5 * math.log(q) + 0.5 * k * (math.log1p(x) - math.log1p(q * x))


def e_value(t: float, k: int, g: float = G) -> float:
    """How strongly `k` ≥ 2 batches speak against the tested value: 1 is nothing, 1/alpha rejects."""
    logarithm = log_e_value(t, k, g)
    return math.exp(logarithm) if logarithm < _LARGEST_EXPONENT else math.inf


_LARGEST_EXPONENT: Final = 709.0
"""e^709 is the last whole power of e that a double holds."""
