"""OTLP metrics bodies to columns, JSON bodies to protobuf ones: the public face of the compiled kernel.

Metering decodes every scrape and every variant's output here; `tests/oracle/plain_decoder.py` does the
same on the official protobuf classes, and tests hold the two together.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.otlp.columns import Columns
from phoenix_platform.otlp.limits import BodyLimits
from phoenix_platform.otlp.series_table import SeriesTable

if TYPE_CHECKING:
    from phoenix_platform.otlp.kernel import Kernel

_HOW_TO_BUILD: Final = (
    "run `make venv` in a checkout, or reinstall phoenix-platform where a C compiler and the Python "
    "headers are present"
)


class Decoder:
    """Knows the series it has met, so one decoder serves one stream. Not for several threads at once."""

    def __init__(self, limits: BodyLimits | None = None) -> None:
        """Make a decoder that has met no series.

        Raises:
            UnavailableError: If the kernel is not compiled for this Python.
        """
        kernel, _ = _compiled()
        self.table = SeriesTable()
        # Senders choose the bytes that are hashed; Python's own secret keeps them from choosing collisions.
        seed = hash("phoenix_platform.otlp") % 2**64
        self._kernel = kernel(self.table, seed, limits or BodyLimits())

    def decode(self, body: bytes) -> Columns:
        """The data points of `body`, an uncompressed `ExportMetricsServiceRequest`, in its order.

        A refused body leaves the table as it was.

        Raises:
            MalformedBodyError: If it is none, or has attributes beyond the limits; `facts["offset"]` is the
                byte where reading stopped.
            BodyTooLargeError: If it has more points than the limit.
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


def protobuf_of_json(body: bytes, limits: BodyLimits | None = None) -> bytes:
    """`body`, an `ExportMetricsServiceRequest` in OTLP's JSON, as a protobuf body for a `Decoder`.

    It holds what decoders read; other fields (descriptions, buckets, exemplars) need only be JSON.

    Raises:
        MalformedBodyError: If it is none, or has attributes beyond the limits; `facts["offset"]` is the byte of
            the text where reading stopped.
        BodyTooLargeError: If it has more points than the limit.
        UnavailableError: If the kernel is not compiled for this Python.
    """
    _, transcode = _compiled()
    return transcode(body, limits or BodyLimits())


def _compiled() -> "tuple[type[Kernel], Callable[[bytes, BodyLimits], bytes]]":
    try:
        from phoenix_platform.otlp.kernel import Kernel, protobuf_of  # noqa: PLC0415 - it may be missing
    except ImportError as error:
        raise UnavailableError(
            f"the OTLP kernel is not compiled for this Python ({error}): {_HOW_TO_BUILD}"
        ) from error
    return Kernel, protobuf_of
