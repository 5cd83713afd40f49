"""OTLP metrics bodies to columns: the public face of the compiled kernel.

Metering decodes every scrape and every variant's output here; `tests/oracle/plain_decoder.py` does the
same on the official protobuf classes, and tests hold the two together.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.otlp.columns import Columns
from phoenix_platform.otlp.series_table import SeriesTable

_HOW_TO_BUILD: Final = (
    "run `make venv` in a checkout, or reinstall phoenix-platform where a C compiler and the Python "
    "headers are present"
)


class Decoder:
    """Knows the series it has met, so one decoder serves one stream. Not for several threads at once."""

    def __init__(self) -> None:
        """Make a decoder that has met no series.

        Raises:
            UnavailableError: If the kernel is not compiled for this Python.
        """
        try:
            from phoenix_platform.otlp.kernel import Kernel  # noqa: PLC0415 - it may be missing
        except ImportError as error:
            raise UnavailableError(
                f"the OTLP kernel is not compiled for this Python ({error}): {_HOW_TO_BUILD}"
            ) from error
        self.table = SeriesTable()
        # Senders choose the bytes that are hashed; Python's own secret keeps them from choosing collisions.
        self._kernel = Kernel(self.table, hash("phoenix_platform.otlp") % 2**64)

    def decode(self, body: bytes) -> Columns:
        """The data points of `body`, an uncompressed `ExportMetricsServiceRequest`, in its order.

        A refused body leaves the table as it was.

        Raises:
            MalformedBodyError: If it is none; `facts["offset"]` is the byte where reading stopped.
        """
        rows, times, start_times, values, flags, fresh = self._kernel.decode(body)
        return Columns(
            rows=np.frombuffer(rows, np.uint32),
            time_unix_nano=np.frombuffer(times, np.int64),
            start_time_unix_nano=np.frombuffer(start_times, np.int64),
            value=np.frombuffer(values, np.float64),
            flags=np.frombuffer(flags, np.uint32),
            fresh=np.array(fresh, np.uint32),
            body_bytes=len(body),
        )

    def forget(self, rows: NDArray[np.uint32]) -> None:
        """Free `rows`; later new series may take their numbers and are then in `Columns.fresh`.

        Raises:
            InvalidInputError: If one of them is free already; then none is freed.
        """
        distinct = list(dict.fromkeys(rows.tolist()))
        self.table.check_in_use(distinct)
        self._kernel.forget(distinct)
