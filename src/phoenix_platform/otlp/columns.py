"""A decoded body: one row per data point, one array per column, no Python object per point."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

NO_RECORDED_VALUE: Final = 1
"""The bit of `flags` that says: this series has no value here (OTLP `DataPointFlags`)."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The data points of one body, in the body's order; every array but `fresh` has one row each."""

    rows: NDArray[np.uint32]
    """Row of the point's series in the decoder's `SeriesTable`."""
    time_unix_nano: NDArray[np.int64]
    start_time_unix_nano: NDArray[np.int64]
    """0 where the point has none."""
    value: NDArray[np.float64]
    """The number; of histograms and summaries the sum of what they observed; NaN if there is none."""
    flags: NDArray[np.uint32]
    fresh: NDArray[np.uint32]
    """Rows that this body put into the table: new series, and rows given a new owner after `forget`."""
    body_bytes: int
    """Length of the uncompressed body."""

    def __len__(self) -> int:
        return len(self.rows)
