"""Host totals: sums over all processes of the metrics that may be summed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.metering.metrics import ADDITIVITY_OF, Additivity
from phoenix_platform.metering.samples import HostTotal
from phoenix_platform.metering.sets import sorted_once

ADDITIVE_METRICS: Final = tuple(ADDITIVITY_OF)
NUMBER_OF_METRIC: Final = {name: number for number, name in enumerate(ADDITIVE_METRICS)}
_IS_WORK: Final = np.array(
    [ADDITIVITY_OF[name] is Additivity.INCREASES for name in ADDITIVE_METRICS]
)


@dataclass(frozen=True, slots=True)
class Totals:
    """One number per additive metric, in the order of `ADDITIVE_METRICS`."""

    values: NDArray[np.float64]
    """Sum in the metric's unit; NaN where the scrape held no point of the metric."""
    running: NDArray[np.float64]
    """Largest absolute value of a point, which bounds what rounding can do; the metric's unit."""

    def beside(self, other: "Totals") -> "Totals":
        """Two parts of one scrape: everything adds up."""
        return Totals(_sum(self.values, other.values), np.maximum(self.running, other.running))

    def before(self, later: "Totals") -> "Totals":
        """Two scrapes as one: work adds up; of a state, the later value stands."""
        newest = np.where(np.isnan(later.values), self.values, later.values)
        values = np.where(_IS_WORK, _sum(self.values, later.values), newest)
        return Totals(values, np.maximum(self.running, later.running))


def no_totals() -> Totals:
    return Totals(np.full(len(ADDITIVE_METRICS), np.nan), np.zeros(len(ADDITIVE_METRICS)))


def sum_by_metric(
    metrics: NDArray[np.int16], parts: NDArray[np.float64], running: NDArray[np.float64]
) -> Totals:
    """Sum `parts` by metric number; shapes [n], `running` the values the parts came from."""
    totals = no_totals()
    present = sorted_once(metrics)
    sums = np.bincount(metrics, weights=parts, minlength=len(ADDITIVE_METRICS))
    totals.values[present] = sums[present]
    np.maximum.at(totals.running, metrics, np.abs(running))
    return totals


def compare_totals(raw: Totals, output: Totals) -> Mapping[str, HostTotal]:
    """Raw beside output for every metric of the raw stream; an output without the metric is 0."""
    largest = np.maximum(raw.running, output.running)
    tolerance = 1e-9 * np.abs(np.nan_to_num(raw.values)) + 4 * np.spacing(largest)
    return {
        name: HostTotal(
            float(raw.values[number]),
            float(np.nan_to_num(output.values[number])),
            float(tolerance[number]),
        )
        for number, name in enumerate(ADDITIVE_METRICS)
        if not np.isnan(raw.values[number])
    }


def _sum(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add where both are known, else take the one that is."""
    return np.where(np.isnan(first), second, np.where(np.isnan(second), first, first + second))
