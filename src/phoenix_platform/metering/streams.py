"""One stream of bodies as columns: what each series is, is learned once and kept by row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.metering.counters import CounterNumbers
from phoenix_platform.metering.increases import Increases
from phoenix_platform.metering.metrics import ADDITIVITY_OF, RESOLUTION_OF, Additivity
from phoenix_platform.metering.patterns import ProcessPattern
from phoenix_platform.metering.processes import PREFIX, Process, process_of
from phoenix_platform.metering.totals import NUMBER_OF_METRIC, Totals, no_totals, sum_by_metric
from phoenix_platform.otlp.columns import NO_RECORDED_VALUE, Columns
from phoenix_platform.otlp.series import Kind, Series, Temporality

_NO_NUMBER: Final = -1
_FIRST_ROWS: Final = 1024


class SeriesTable(Protocol):
    """What metering reads of a decoder's table; arrays have one element per row."""

    @property
    def ids(self) -> NDArray[np.uint64]: ...
    @property
    def point_bytes(self) -> NDArray[np.int64]: ...
    def __len__(self) -> int: ...
    def series(self, row: int) -> Series: ...


class Decoder(Protocol):
    @property
    def table(self) -> SeriesTable: ...
    def decode(self, body: bytes) -> Columns: ...
    def forget(self, rows: NDArray[np.uint32]) -> None: ...


@dataclass(slots=True)
class _Resource:
    """A resource and how many rows use it; holding it keeps its identity from being given away."""

    series: Series
    process: Process | None
    rows: int = 0


class Stream:
    """The raw stream, or the output of one variant."""

    def __init__(self, decoder: Decoder, critical: Sequence[ProcessPattern]) -> None:
        self._decoder = decoder
        self._critical = tuple(critical)
        self._increases = Increases()
        self._counters = CounterNumbers()
        self._resources: dict[int, _Resource] = {}
        self._metric_numbers: dict[str, int] = {}
        self.pids_by_name: dict[str, set[int]] = {}
        """Every process id that had a series of its own, by executable name; since the start."""
        self._process_of: list[Process | None] = [None] * _FIRST_ROWS
        self.metric = np.zeros(_FIRST_ROWS, np.int32)
        """Number of the row's metric name."""
        self.pid = np.full(_FIRST_ROWS, -1, np.int64)
        """Process id of the row; -1 where the series carries none."""
        self.is_critical = np.zeros(_FIRST_ROWS, bool)
        self.is_group = np.zeros(_FIRST_ROWS, bool)
        """Whether the row has process attributes but no pid."""
        self._additive = np.full(_FIRST_ROWS, _NO_NUMBER, np.int16)
        self._counter = np.full(_FIRST_ROWS, _NO_NUMBER, np.int64)
        self._resolution = np.ones(_FIRST_ROWS)
        self._last_seen = np.zeros(_FIRST_ROWS, np.int64)
        self._in_use = np.zeros(_FIRST_ROWS, bool)

    @property
    def ids(self) -> NDArray[np.uint64]:
        return self._decoder.table.ids

    @property
    def point_bytes(self) -> NDArray[np.int64]:
        return self._decoder.table.point_bytes

    @property
    def metric_names(self) -> Sequence[str]:
        """Every metric name seen so far, by its number."""
        return list(self._metric_numbers)

    def process(self, row: int) -> Process | None:
        return self._process_of[row]

    def take(self, body: bytes, *, now: int) -> Columns:
        """Decode a body that arrived at `now` and learn what is new in it.

        Raises:
            InvalidInputError: If the body is malformed.
        """
        columns = self._decoder.decode(body)
        self._grow(len(self._decoder.table))
        for row in columns.fresh.tolist():
            self._learn(row, self._decoder.table.series(row))
        self._last_seen[columns.rows] = now
        return columns

    def forget_unseen(self, before: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Drop all series whose last point arrived before that time; as `last_seen`, of these."""
        stale = np.nonzero(self._in_use & (self._last_seen < before))[0]
        ids, seen = self.ids[stale].copy(), self._last_seen[stale]
        for row in stale.tolist():
            self._drop(row)
        if len(stale):
            self._decoder.forget(stale.astype(np.uint32))
        return ids, seen

    def last_seen(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Ids of the series in use and when their last point arrived, one shape."""
        rows = np.nonzero(self._in_use)[0]
        return self.ids[rows], self._last_seen[rows]

    def totals(
        self,
        columns: Columns,
        chosen: NDArray[np.bool_],
        *,
        scrape: int,
        previous_started: int | None,
    ) -> Totals:
        """Sums by additive metric over the chosen points, which must be of one scrape.

        Args:
            columns: A body of this stream.
            chosen: Which of its points, shape [points].
            scrape: Number of the scrape.
            previous_started: Time of the first raw point of the scrape before; None without one.
        """
        has_value = (columns.flags & NO_RECORDED_VALUE) == 0
        chosen = chosen & has_value & (self._additive[columns.rows] != _NO_NUMBER)
        if not chosen.any():
            return no_totals()
        rows, values = columns.rows[chosen], columns.value[chosen]
        parts = values.copy()
        cumulative = self._counter[rows] != _NO_NUMBER
        parts[cumulative] = self._increases.advance(
            self._counter[rows[cumulative]],
            values[cumulative],
            columns.start_time_unix_nano[chosen][cumulative],
            self._resolution[rows[cumulative]],
            scrape=scrape,
            previous_started=previous_started,
        )
        return sum_by_metric(self._additive[rows], parts, values)

    def _learn(self, row: int, series: Series) -> None:
        process = self._process_named_by(series)
        self._process_of[row] = process
        self.metric[row] = self._metric_numbers.setdefault(series.metric, len(self._metric_numbers))
        self.pid[row] = -1 if process is None or process.pid is None else process.pid
        if process is not None and process.pid is not None:
            self.pids_by_name.setdefault(process.name, set()).add(process.pid)
        self.is_group[row] = process is not None and process.pid is None
        self.is_critical[row] = process is not None and process.is_critical
        self._additive[row] = _additive_number(series)
        self._resolution[row] = RESOLUTION_OF.get(series.metric, 1.0)
        self._counter[row] = _NO_NUMBER
        if self._additive[row] != _NO_NUMBER and _is_counter(series):
            self._counter[row] = self._claim_counter(row, series, process)
        self._in_use[row] = True

    def _process_named_by(self, series: Series) -> Process | None:
        key = id(series.resource)
        resource = self._resources.get(key)
        if resource is None:
            resource = _Resource(series, process_of(series.resource, self._critical))
            self._resources[key] = resource
        resource.rows += 1
        # Where a transform moved identity to the points, each row names its process itself.
        if any(name.startswith(PREFIX) for name in series.attributes):
            return process_of({**series.resource, **series.attributes}, self._critical)
        return resource.process

    def _claim_counter(self, row: int, series: Series, process: Process | None) -> int:
        of_instance = process is not None and process.pid is not None
        own = repr(sorted(series.attributes.items())) if of_instance else str(self.ids[row])
        number, is_new = self._counters.claim(
            (process.pid if process else None, series.metric, own)
        )
        if is_new:
            self._increases.forget(np.array([number]))
        return number

    def _drop(self, row: int) -> None:
        key = id(self._decoder.table.series(row).resource)
        self._resources[key].rows -= 1
        if not self._resources[key].rows:
            del self._resources[key]
        if self._counter[row] != _NO_NUMBER:
            self._counters.release(int(self._counter[row]))
        self._process_of[row] = None
        self._in_use[row] = False

    def _grow(self, rows: int) -> None:
        size = len(self._in_use)
        if rows <= size:
            return
        more = max(rows - size, size)
        self._process_of += [None] * more
        for name in _ROW_ARRAYS:
            array: NDArray[np.generic] = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.zeros(more, array.dtype)]))


_ROW_ARRAYS: Final = (
    "metric", "pid", "is_critical", "is_group", "_additive", "_counter", "_resolution",
    "_last_seen", "_in_use",
)  # fmt: skip


def _additive_number(series: Series) -> int:
    """Number of the metric if its points may be summed over processes."""
    if series.kind not in (Kind.GAUGE, Kind.SUM):
        return _NO_NUMBER
    return NUMBER_OF_METRIC.get(series.metric, _NO_NUMBER)


def _is_counter(series: Series) -> bool:
    """Whether its points must be turned into increases first."""
    is_work = ADDITIVITY_OF[series.metric] is Additivity.INCREASES
    return is_work and series.temporality is not Temporality.DELTA
