"""One stream of bodies as columns: what each series is, is learned once and kept by row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.metering.counters import CounterNumbers
from phoenix_platform.metering.increases import Increases
from phoenix_platform.metering.instances import Instance
from phoenix_platform.metering.metrics import ADDITIVITY_OF, RESOLUTION_OF, Additivity
from phoenix_platform.metering.patterns import ProcessPattern
from phoenix_platform.metering.processes import PREFIX, Process, process_of
from phoenix_platform.metering.totals import NUMBER_OF_METRIC, Totals, no_totals, sum_by_metric
from phoenix_platform.metering.visibility import NUMBER_OF_SIGNAL_METRIC
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


@dataclass(frozen=True, slots=True)
class Parts:
    """What the points of additive metrics add to the sums; shapes [n], points with a finite value only."""

    rows: NDArray[np.uint32]
    metrics: NDArray[np.int16]
    parts: NDArray[np.float64]
    """Increases of cumulative counters, else the values themselves."""
    values: NDArray[np.float64]
    start_shift: int = 0
    """By how much start times were corrected since the scrape before, nanoseconds."""

    def totals(self) -> Totals:
        """Sums by metric."""
        if not len(self.rows):
            return no_totals()
        return sum_by_metric(self.metrics, self.parts, self.values)


@dataclass(slots=True)
class _Resource:
    """A resource and how many rows use it; holding it keeps its identity from being given away."""

    series: Series
    process: Process | None
    rows: int = 0


@dataclass(frozen=True, slots=True)
class _Kind:
    """What follows from a series' metric alone."""

    metric: int
    additive: int
    signal: int
    resolution: float
    is_counter: bool
    """Whether its points must be turned into increases first."""


class Stream:
    """The raw stream, or the output of one variant."""

    def __init__(self, decoder: Decoder, critical: Sequence[ProcessPattern]) -> None:
        self._decoder = decoder
        self._critical = tuple(critical)
        self._increases = Increases()
        self._counters = CounterNumbers()
        self._resources: dict[int, _Resource] = {}
        self._metric_numbers: dict[str, int] = {}
        self._kinds: dict[tuple[str, Kind, Temporality | None], _Kind] = {}
        self.instances = CounterNumbers()
        """The processes that have series of their own now."""
        self.labels = CounterNumbers()
        """What the series are when only the points' attributes tell them apart."""
        self._gone: list[Instance] = []
        self._process_of: list[Process | None] = [None] * _FIRST_ROWS
        self.metric = np.zeros(_FIRST_ROWS, np.int32)
        """Number of the row's metric name."""
        self.pid = np.full(_FIRST_ROWS, -1, np.int64)
        """Process id of the row; -1 where the series carries none."""
        self.is_critical = np.zeros(_FIRST_ROWS, bool)
        self.is_group = np.zeros(_FIRST_ROWS, bool)
        """Whether the row has process attributes but no pid."""
        self.instance = np.full(_FIRST_ROWS, _NO_NUMBER, np.int64)
        """Number of the row's process in `instances`; -1 where the series carries no pid."""
        self.label = np.zeros(_FIRST_ROWS, np.int64)
        """Number of the row in `labels`."""
        self.signal = np.full(_FIRST_ROWS, _NO_NUMBER, np.int8)
        """Number of the row's signal; -1 where its metric is none."""
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
        if len(columns.fresh):
            self._learn(columns.fresh)
        self._last_seen[columns.rows] = now
        return columns

    def forget_unseen(
        self, before: int, *, but: Sequence[NDArray[np.uint32]] = ()
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Drop all series whose last point arrived before that time; as `last_seen`, of these.

        Args:
            before: Nanoseconds since 1970.
            but: Rows that somebody still holds.
        """
        is_stale = self._in_use & (self._last_seen < before)
        for rows in but:
            is_stale[rows] = False
        stale = np.nonzero(is_stale)[0]
        ids, seen = self.ids[stale].copy(), self._last_seen[stale]
        if len(stale):
            self._drop(stale)
            self._decoder.forget(stale.astype(np.uint32))
        return ids, seen

    def last_seen(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Ids of the series in use and when their last point arrived, one shape."""
        rows = np.nonzero(self._in_use)[0]
        return self.ids[rows], self._last_seen[rows]

    def distinct(self, rows: NDArray[np.uint32]) -> NDArray[np.intp]:
        """These rows, each once, rising."""
        is_there = np.zeros(len(self._in_use), bool)
        is_there[rows] = True
        return np.nonzero(is_there)[0]

    def take_gone(self) -> Sequence[Instance]:
        """The processes whose last series was dropped since this was asked before."""
        gone, self._gone = self._gone, []
        return gone

    def parts(
        self,
        columns: Columns,
        chosen: NDArray[np.bool_],
        *,
        scrape: int,
        previous_started: int | None,
        start_shift: int | None = None,
    ) -> Parts:
        """What the chosen points, which must be of one scrape, add to the sums by additive metric.

        Args:
            columns: A body of this stream.
            chosen: Which of its points, shape [points].
            scrape: Number of the scrape.
            previous_started: Time of the first raw point of the scrape before; None without one.
            start_shift: As `Increases.advance`.
        """
        has_value = (columns.flags & NO_RECORDED_VALUE) == 0
        # What is no number adds nothing, and must not take the sum of all others with it.
        chosen = chosen & has_value & np.isfinite(columns.value)
        chosen &= self._additive[columns.rows] != _NO_NUMBER
        rows, values = columns.rows[chosen], columns.value[chosen]
        parts = values.copy()
        cumulative = self._counter[rows] != _NO_NUMBER
        parts[cumulative] = self._increases.advance(
            self._counter[rows[cumulative]],
            values[cumulative],
            columns.start_time_unix_nano[chosen][cumulative],
            self._resolution[rows[cumulative]],
            self.pid[rows[cumulative]],
            scrape=scrape,
            previous_started=previous_started,
            start_shift=start_shift,
        )
        return Parts(rows, self._additive[rows], parts, values, self._increases.start_shift)

    def _learn(self, fresh: NDArray[np.uint32]) -> None:
        """Learn what these rows are, all at once.

        Under churn there are hundreds a second, and numbers go into arrays one by one at a high price.
        """
        rows, described = fresh.tolist(), self._decoder.table.series
        pids, instances, labels, counters = list[int](), list[int](), list[int](), list[int]()
        kinds, processes, new_counters = list[_Kind](), list[Process | None](), list[int]()
        for row in rows:
            series = described(row)
            kind, process = self._kind_of(series), self._process_named_by(series)
            pid = None if process is None else process.pid
            instance = _NO_NUMBER
            if process is not None and pid is not None:
                instance, _ = self.instances.claim(Instance(pid, process.name))
            own = repr(sorted(series.attributes.items()))
            counter = _NO_NUMBER
            if kind.is_counter:
                owner = own if pid is not None else str(self.ids[row])
                counter, is_new = self._counters.claim((pid, series.metric, owner))
                if is_new:
                    new_counters.append(counter)
            label, _ = self.labels.claim((series.metric, own))
            self._process_of[row] = process
            kinds.append(kind)
            processes.append(process)
            pids.append(-1 if pid is None else pid)
            instances.append(instance)
            labels.append(label)
            counters.append(counter)
        if new_counters:
            self._increases.forget(np.array(new_counters))
        self.pid[fresh], self.instance[fresh], self.label[fresh] = pids, instances, labels
        self._counter[fresh] = counters
        self.is_group[fresh] = [one is not None and one.pid is None for one in processes]
        self.is_critical[fresh] = [one is not None and one.is_critical for one in processes]
        self.metric[fresh] = [kind.metric for kind in kinds]
        self.signal[fresh] = [kind.signal for kind in kinds]
        self._additive[fresh] = [kind.additive for kind in kinds]
        self._resolution[fresh] = [kind.resolution for kind in kinds]
        self._in_use[fresh] = True

    def _kind_of(self, series: Series) -> "_Kind":
        key = (series.metric, series.kind, series.temporality)
        kind = self._kinds.get(key)
        if kind is None:
            additive = _additive_number(series)
            is_additive = additive != _NO_NUMBER
            signal = NUMBER_OF_SIGNAL_METRIC.get(series.metric, _NO_NUMBER)
            kind = self._kinds[key] = _Kind(
                metric=self._metric_numbers.setdefault(series.metric, len(self._metric_numbers)),
                additive=additive,
                signal=signal if is_additive else _NO_NUMBER,
                resolution=RESOLUTION_OF.get(series.metric, 1.0),
                is_counter=is_additive and _is_counter(series),
            )
        return kind

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

    def _drop(self, stale: NDArray[np.intp]) -> None:
        rows: list[int] = stale.tolist()
        counters: list[int] = self._counter[stale].tolist()
        labels: list[int] = self.label[stale].tolist()
        instances: list[int] = self.instance[stale].tolist()
        numbers = zip(rows, counters, labels, instances, strict=True)
        for row, counter, label, instance in numbers:
            key = id(self._decoder.table.series(row).resource)
            resource = self._resources[key]
            resource.rows -= 1
            if not resource.rows:
                del self._resources[key]
            if counter != _NO_NUMBER:
                self._counters.release(counter)
            self.labels.release(label)
            if instance != _NO_NUMBER and self.instances.release(instance):
                process = self._process_of[row]
                assert process is not None
                assert process.pid is not None
                self._gone.append(Instance(process.pid, process.name))
            self._process_of[row] = None
        self._in_use[stale] = False

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
    "metric", "pid", "is_critical", "is_group", "instance", "label", "signal", "_additive", "_counter", "_resolution",
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
