"""The output of one variant, put together again scrape by scrape."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.metering.counters import CounterNumbers
from phoenix_platform.metering.instances import Instance
from phoenix_platform.metering.pairing import Pairing, Window
from phoenix_platform.metering.patterns import ProcessPattern
from phoenix_platform.metering.processes import Process
from phoenix_platform.metering.scrapes import ProcessMetrics
from phoenix_platform.metering.sets import sorted_once
from phoenix_platform.metering.streams import Decoder, Stream
from phoenix_platform.metering.totals import Totals, no_totals
from phoenix_platform.metering.visibility import SIGNALS, Named, group_names
from phoenix_platform.metering.windows import SeriesWindows
from phoenix_platform.otlp.columns import NO_RECORDED_VALUE, Columns


def _no_rows() -> list[NDArray[np.uint32]]:
    return []


def _no_delays() -> list[tuple[float, int]]:
    return []


@dataclass(slots=True)
class ScrapeOutput:
    """What has left of one scrape so far."""

    points: int = 0
    stored_bytes: int = 0
    otlp_bytes: int = 0
    totals: Totals = field(default_factory=no_totals)
    rows: list[NDArray[np.uint32]] = field(default_factory=_no_rows)
    """Row of each point with a value."""
    delays: list[tuple[float, int]] = field(default_factory=_no_delays)
    """(seconds from the end of the scrape to the arrival, number of points)."""


class VariantOutput:
    """Takes a variant's requests in and assigns their points to scrapes."""

    def __init__(
        self,
        decoder: Decoder,
        critical: Sequence[ProcessPattern],
        *,
        interval_nano: int,
        keep_nano: int,
        began_unix_nano: int,
    ) -> None:
        self._stream = Stream(decoder, critical)
        self._windows = SeriesWindows(began_unix_nano)
        self._keep_nano = keep_nano
        self.pairing = Pairing(interval_nano)
        self._scrapes: dict[int, ScrapeOutput] = {}
        self._windows_of: dict[int, tuple[Window, Window | None]] = {}
        """By scrape not closed yet: its own, and that of the scrape given before it."""
        self._last_relayed: Window | None = None
        self._closed_before = 0
        self.late_points = 0
        """Points for closed scrapes since the last sample took them."""
        self.stray_points = 0
        """Points that arrived before the variant was given any scrape."""

    def begin(self, window: Window) -> None:
        """Scrape `window` is about to be sent to the variant."""
        self.pairing.begin(window)
        # A variant far behind is given scrapes that are closed already.
        if window.number >= self._closed_before:
            self._windows_of[window.number] = (window, self._last_relayed)
        self._last_relayed = window

    def take(self, body: bytes, *, now: int, wall_offset: int = 0) -> None:
        """Measure one request of the variant that arrived at `now`.

        Args:
            body: Uncompressed OTLP.
            now: Steady time, nanoseconds.
            wall_offset: What the clock that stamps the points says more than `now`, nanoseconds.

        Raises:
            InvalidInputError: If the body is malformed.
        """
        columns = self._stream.take(body, now=now)
        if not len(columns):
            return
        assigned = self.pairing.assign(columns.time_unix_nano)
        self.stray_points += int((assigned < 0).sum())
        self.late_points += int(((assigned >= 0) & (assigned < self._closed_before)).sum())
        in_time = assigned[(assigned >= 0) & (assigned >= self._closed_before)]
        for number in sorted_once(in_time).tolist():
            self._add(number, columns, assigned == number, arrived=now + wall_offset)

    def close(self, numbers: Iterable[int]) -> list[ScrapeOutput]:
        """Hand over what left of these scrapes; what arrives for them from now on is late."""
        closed: list[ScrapeOutput] = []
        for number in numbers:
            closed.append(self._scrapes.pop(number, ScrapeOutput()))
            self._windows_of.pop(number, None)
            self._closed_before = max(self._closed_before, number + 1)
        return closed

    @property
    def instances(self) -> CounterNumbers:
        """The processes that have series of their own in the output now."""
        return self._stream.instances

    def take_gone(self) -> Sequence[Instance]:
        return self._stream.take_gone()

    def take_late_points(self) -> int:
        late, self.late_points = self.late_points, 0
        return late

    def forget_unseen(self, now: int) -> None:
        held = [rows for output in self._scrapes.values() for rows in output.rows]
        ids, seen = self._stream.forget_unseen(now - self._keep_nano, but=held)
        self._windows.forget(ids, seen, now=now)

    def active_series(self, now: int) -> int | None:
        return self._windows.active(*self._stream.last_seen(), now=now)

    def hour_series(self, now: int) -> int | None:
        return self._windows.hour(*self._stream.last_seen(), now=now)

    def distinct_series(self, rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """Ids of the series behind these rows, each once, sorted."""
        return sorted_once(self._stream.ids[self._stream.distinct(rows)])

    def metric_counts(self, rows: NDArray[np.uint32]) -> dict[str, int]:
        """Distinct series by metric name."""
        unique = self._stream.distinct(rows)
        names = self._stream.metric_names
        counts = np.bincount(self._stream.metric[unique], minlength=len(names)).tolist()
        return {name: count for name, count in zip(names, counts, strict=True) if count}

    def repeated(self, rows: NDArray[np.uint32]) -> int:
        """How many of these rows stand behind the first of their kind."""
        return len(rows) - len(self._stream.distinct(rows))

    def distinct_labels(self, rows: NDArray[np.uint32]) -> int:
        """How many series these rows are when only metric name and point attributes tell them apart."""
        is_there = np.zeros(len(self._stream.labels), bool)
        is_there[self._stream.label[rows]] = True
        return int(np.count_nonzero(is_there))

    def named(self, rows: NDArray[np.uint32]) -> dict[str, Named]:
        """By signal, the processes that these rows name for it."""
        signals = self._stream.signal[rows]
        named: dict[str, Named] = {}
        for number, signal in enumerate(SIGNALS):
            of_signal = rows[signals == number]
            pids = self._stream.pid[of_signal]
            named[signal] = Named(pids[pids >= 0], group_names(self.groups(of_signal)))
        return named

    def pids(self, rows: NDArray[np.uint32]) -> frozenset[int]:
        """Process ids that still have a series of their own."""
        pids = self._stream.pid[self._stream.distinct(rows)]
        return frozenset(pids[pids >= 0].tolist())

    def metrics(self, rows: NDArray[np.uint32], numbers: Mapping[str, int]) -> ProcessMetrics:
        """Which process ids have which metric, by the given numbers of metric names."""
        names = self._stream.metric_names
        number_of = np.array([numbers.get(name, -1) for name in names], np.int64)
        rows = rows[self._stream.pid[rows] >= 0]
        return ProcessMetrics(self._stream.pid[rows], number_of[self._stream.metric[rows]])

    def groups(self, rows: NDArray[np.uint32]) -> dict[Process, set[str]]:
        """The groups of processes (process attributes without a pid) that have series: their metrics."""
        names = self._stream.metric_names
        groups: dict[Process, set[str]] = {}
        for row in self._stream.distinct(rows[self._stream.is_group[rows]]).tolist():
            group = self._stream.process(row)
            assert group is not None
            groups.setdefault(group, set()).add(names[int(self._stream.metric[row])])
        return groups

    def _add(
        self, number: int, columns: Columns, chosen: NDArray[np.bool_], *, arrived: int
    ) -> None:
        output = self._scrapes.setdefault(number, ScrapeOutput())
        rows = columns.rows[chosen]
        has_value = (columns.flags[chosen] & NO_RECORDED_VALUE) == 0
        window, previous = self._windows_of[number]
        output.points += len(rows)
        output.stored_bytes += int(self._stream.point_bytes[rows].sum())
        output.otlp_bytes += round(columns.body_bytes * len(rows) / len(columns))
        output.rows.append(rows[has_value])
        output.delays.append(((arrived - window.ended_unix_nano) / 1e9, len(rows)))
        output.totals = output.totals.beside(
            self._stream.parts(
                columns,
                chosen,
                scrape=number,
                previous_started=previous.started_unix_nano if previous else None,
                start_shift=window.start_shift_nano - previous.start_shift_nano if previous else 0,
            ).totals()
        )
