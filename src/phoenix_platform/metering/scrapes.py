"""The raw stream, scrape by scrape: what both variants were given."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.metering.pairing import Window
from phoenix_platform.metering.patterns import ProcessPattern
from phoenix_platform.metering.processes import Process
from phoenix_platform.metering.samples import ProcessInstance
from phoenix_platform.metering.streams import Decoder, Stream
from phoenix_platform.metering.totals import Totals
from phoenix_platform.otlp.columns import Columns

_KEEP_SERIES_NANO: Final = 60_000_000_000
"""Raw series are needed for increases only, which look back a few scrapes."""
_KEEP_SCRAPES: Final = 12


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one scrape of the host held."""

    window: Window
    points: int
    body_bytes: int
    totals: Totals
    critical: frozenset[ProcessInstance]
    processes: Sequence[Process]
    """Every process of the scrape, once."""


class RawStream:
    """Numbers the scrapes of one host and measures what is in them."""

    def __init__(
        self, decoder: Decoder, critical: Sequence[ProcessPattern], interval_nano: int
    ) -> None:
        self._stream = Stream(decoder, critical)
        self._keep_nano = max(_KEEP_SERIES_NANO, _KEEP_SCRAPES * interval_nano)
        self._last: Window | None = None
        self.repeated_scrapes = 0
        """Scrapes that were not later than the one before: sent twice, and counted once."""

    @property
    def pids_by_name(self) -> Mapping[str, AbstractSet[int]]:
        return self._stream.pids_by_name

    def take(self, body: bytes, *, now: int) -> Scrape | None:
        """Measure one scrape; None if it holds no point, or was here before.

        Raises:
            InvalidInputError: If the body is malformed.
        """
        columns = self._stream.take(body, now=now)
        if not len(columns):
            return None
        last = self._last
        started, ended = int(columns.time_unix_nano.min()), int(columns.time_unix_nano.max())
        if last is not None and ended <= last.ended_unix_nano:
            self.repeated_scrapes += 1
            return None
        window = Window(last.number + 1 if last else 0, started, ended)
        self._last = window
        scrape = Scrape(
            window,
            len(columns),
            columns.body_bytes,
            self._stream.totals(
                columns,
                np.ones(len(columns), bool),
                scrape=window.number,
                previous_started=last.started_unix_nano if last else None,
            ),
            frozenset(self._critical_instances(columns)),
            self._processes(columns.rows),
        )
        self._stream.forget_unseen(now - self._keep_nano)
        return scrape

    def _processes(self, rows: NDArray[np.uint32]) -> Sequence[Process]:
        owned = rows[self._stream.pid[rows] >= 0]
        _, first = np.unique(self._stream.pid[owned], return_index=True)
        found = (self._stream.process(row) for row in owned[first].tolist())
        return [process for process in found if process is not None]

    def _critical_instances(self, columns: Columns) -> Iterable[ProcessInstance]:
        chosen = self._stream.is_critical[columns.rows] & (self._stream.pid[columns.rows] >= 0)
        found: dict[int, ProcessInstance] = {}
        pairs = zip(columns.rows[chosen], columns.start_time_unix_nano[chosen], strict=True)
        for row, start in pairs:
            pid, process = int(self._stream.pid[row]), self._stream.process(int(row))
            assert process is not None
            known = found.get(pid)
            # A gauge has no start time; the counters of the same process do.
            latest = max(int(start), known.started_unix_nano if known else 0)
            found[pid] = ProcessInstance(process.name, pid, latest)
        return found.values()
