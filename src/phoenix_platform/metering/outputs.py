"""The output of one variant, put together again scrape by scrape."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.metering.pairing import Pairing, Window
from phoenix_platform.metering.patterns import ProcessPattern
from phoenix_platform.metering.processes import Process
from phoenix_platform.metering.streams import Decoder, Stream
from phoenix_platform.metering.totals import Totals, no_totals
from phoenix_platform.metering.windows import SeriesWindows
from phoenix_platform.otlp.columns import NO_RECORDED_VALUE, Columns

_KEEP_SERIES_NANO: Final = 60_000_000_000
_KEEP_SCRAPES: Final = 12


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
        emits_every_nano: int,
        began_unix_nano: int,
    ) -> None:
        self._stream = Stream(decoder, critical)
        self._windows = SeriesWindows(began_unix_nano)
        self._keep_nano = max(_KEEP_SERIES_NANO, _KEEP_SCRAPES * emits_every_nano)
        self.pairing = Pairing(interval_nano)
        self._scrapes: dict[int, ScrapeOutput] = {}
        self._window_of: dict[int, Window] = {}
        self._previous_of: dict[int, Window | None] = {}
        self._last_relayed: Window | None = None
        self._closed_before = 0
        self.late_points = 0
        """Points for closed scrapes since the last sample took them."""
        self.stray_points = 0
        """Points that arrived before the variant was given any scrape."""

    def begin(self, window: Window) -> None:
        """Scrape `window` is about to be sent to the variant."""
        self.pairing.begin(window)
        self._window_of[window.number] = window
        self._previous_of[window.number] = self._last_relayed
        self._last_relayed = window

    def take(self, body: bytes, *, now: int) -> None:
        """Measure one request of the variant.

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
        for number in np.unique(in_time).tolist():
            self._add(number, columns, assigned == number, now=now)

    def close(self, numbers: Iterable[int]) -> list[ScrapeOutput]:
        """Hand over what left of these scrapes; what arrives for them from now on is late."""
        closed: list[ScrapeOutput] = []
        for number in numbers:
            closed.append(self._scrapes.pop(number, ScrapeOutput()))
            self._window_of.pop(number, None)
            self._previous_of.pop(number, None)
            self._closed_before = max(self._closed_before, number + 1)
        return closed

    @property
    def pids_by_name(self) -> Mapping[str, AbstractSet[int]]:
        return self._stream.pids_by_name

    def take_late_points(self) -> int:
        late, self.late_points = self.late_points, 0
        return late

    def forget_unseen(self, now: int) -> None:
        ids, seen = self._stream.forget_unseen(now - self._keep_nano)
        self._windows.forget(ids, seen, now=now)

    def active_series(self, now: int) -> int | None:
        return self._windows.active(*self._stream.last_seen(), now=now)

    def hour_series(self, now: int) -> int | None:
        return self._windows.hour(*self._stream.last_seen(), now=now)

    def distinct_series(self, rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """Ids of the series behind these rows, each once, sorted."""
        return np.unique(self._stream.ids[rows])

    def metric_counts(self, rows: NDArray[np.uint32]) -> dict[str, int]:
        """Distinct series by metric name."""
        unique = np.unique(rows)
        names = self._stream.metric_names
        counts = np.bincount(self._stream.metric[unique], minlength=len(names)).tolist()
        return {name: count for name, count in zip(names, counts, strict=True) if count}

    def pids(self, rows: NDArray[np.uint32]) -> frozenset[int]:
        """Process ids that still have a series of their own."""
        pids = np.unique(self._stream.pid[rows])
        return frozenset(pids[pids >= 0].tolist())

    def groups(self, rows: NDArray[np.uint32]) -> list[Process]:
        """The groups of processes (process attributes without a pid) that have a series."""
        grouped = np.unique(rows[self._stream.is_group[rows]])
        found = (self._stream.process(row) for row in grouped.tolist())
        return [group for group in found if group is not None]

    def _add(self, number: int, columns: Columns, chosen: NDArray[np.bool_], *, now: int) -> None:
        output = self._scrapes.setdefault(number, ScrapeOutput())
        rows = columns.rows[chosen]
        has_value = (columns.flags[chosen] & NO_RECORDED_VALUE) == 0
        window, previous = self._window_of[number], self._previous_of[number]
        output.points += len(rows)
        output.stored_bytes += int(self._stream.point_bytes[rows].sum())
        output.otlp_bytes += round(columns.body_bytes * len(rows) / len(columns))
        output.rows.append(rows[has_value])
        output.delays.append(((now - window.ended_unix_nano) / 1e9, len(rows)))
        output.totals = output.totals.beside(
            self._stream.totals(
                columns,
                chosen,
                scrape=number,
                previous_started=previous.started_unix_nano if previous else None,
            )
        )
