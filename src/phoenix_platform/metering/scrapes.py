"""The raw stream, scrape by scrape: what both variants were given."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.metering.counters import CounterNumbers
from phoenix_platform.metering.instances import Instance
from phoenix_platform.metering.pairing import Window
from phoenix_platform.metering.patterns import ProcessPattern
from phoenix_platform.metering.processes import Process
from phoenix_platform.metering.samples import ProcessInstance
from phoenix_platform.metering.streams import Decoder, Parts, Stream
from phoenix_platform.metering.totals import Totals
from phoenix_platform.metering.visibility import SIGNALS, Uses
from phoenix_platform.otlp.columns import NO_RECORDED_VALUE, Columns

CLOCK_STEP_NANO: Final = 200_000_000
"""So much the wall clock may drift against the steady one from scrape to scrape; more is a jump."""
_REMEMBERED_SCRAPES: Final = 64
"""A repetition comes soon: a sender tries a request again that it got no answer to."""


@dataclass(frozen=True, slots=True)
class ProcessMetrics:
    """Which process has which metric, one shape; a pair may be there more than once."""

    pids: NDArray[np.int64]
    metrics: NDArray[np.int64]
    """By the numbers of the raw stream; -1 for a metric that it never had."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one scrape of the host held."""

    window: Window
    points: int
    body_bytes: int
    totals: Totals
    critical: frozenset[ProcessInstance]
    critical_metrics: ProcessMetrics
    """What the critical processes had, with a value."""
    processes: Sequence[Process]
    """Every process of the scrape, once."""
    uses: Uses
    """What each of them used."""
    arrived: int
    """When it was here, steady time, nanoseconds."""
    after_clock_jump: bool
    """Whether the clock that stamps the points jumped since the scrape before."""


class RawStream:
    """Numbers the scrapes of one host and measures what is in them."""

    def __init__(
        self,
        decoder: Decoder,
        critical: Sequence[ProcessPattern],
        *,
        interval_nano: int,
        keep_nano: int,
    ) -> None:
        self._stream = Stream(decoder, critical)
        self._interval_nano = interval_nano
        self._keep_nano = keep_nano
        self._last: Window | None = None
        self._recent: deque[tuple[int, int, int]] = deque(maxlen=_REMEMBERED_SCRAPES)
        self._wall_offset = 0
        self.repeated_scrapes = 0
        """Scrapes that were here before: sent twice, and counted once."""
        self.empty_scrapes = 0
        """Requests without a point."""
        self.missed_scrapes = 0
        """Scrapes that should have been: as many as fit between two that lie too far apart."""
        self.clock_jumps = 0
        """How often the clock that stamps the points jumped between two scrapes."""

    @property
    def metric_names(self) -> Sequence[str]:
        """Every metric name seen so far, by its number."""
        return self._stream.metric_names

    @property
    def instances(self) -> CounterNumbers:
        """The processes that have series of their own now."""
        return self._stream.instances

    def take_gone(self) -> Sequence[Instance]:
        return self._stream.take_gone()

    def take(self, body: bytes, *, now: int, wall_offset: int = 0) -> Scrape | None:
        """Measure one scrape; None if it holds no point, or was here before.

        Args:
            body: Uncompressed OTLP.
            now: Steady time, nanoseconds: it never jumps.
            wall_offset: What the clock that stamps the points says more than `now`, nanoseconds.

        Raises:
            InvalidInputError: If the body is malformed.
        """
        columns = self._stream.take(body, now=now)
        if not len(columns):
            self.empty_scrapes += 1
            return None
        started, ended = int(columns.time_unix_nano.min()), int(columns.time_unix_nano.max())
        if abs(wall_offset - self._wall_offset) > CLOCK_STEP_NANO:
            self._recent.clear()  # a clock that went back may show the same times again
        if (started, ended, len(columns)) in self._recent:
            self.repeated_scrapes += 1
            return None
        self._recent.append((started, ended, len(columns)))
        last = self._last
        jumped = last is not None and self._notice(last, ended, wall_offset)
        self._wall_offset = wall_offset
        number = last.number + 1 if last else 0
        parts = self._stream.parts(
            columns,
            np.ones(len(columns), bool),
            scrape=number,
            previous_started=last.started_unix_nano if last else None,
        )
        shifted = parts.start_shift + (last.start_shift_nano if last else 0)
        window = Window(number, started, ended, shifted)
        self._last = window
        uses = self._uses(columns.rows, parts)
        scrape = Scrape(
            window,
            len(columns),
            columns.body_bytes,
            parts.totals(),
            frozenset(self._critical_instances(columns)),
            self._critical_metrics(columns),
            uses.processes,
            uses,
            now,
            jumped,
        )
        self._stream.forget_unseen(now - self._keep_nano)
        return scrape

    def _notice(self, last: Window, ended: int, wall_offset: int) -> bool:
        """Count what lies between two scrapes; True if the clock jumped."""
        step = wall_offset - self._wall_offset
        if abs(step) > CLOCK_STEP_NANO or ended <= last.ended_unix_nano:
            self.clock_jumps += 1
            return True
        between = (ended - last.ended_unix_nano) / self._interval_nano
        self.missed_scrapes += max(0, round(between) - 1)
        return False

    def _uses(self, rows: NDArray[np.uint32], parts: Parts) -> Uses:
        """Every process that has a series of its own, once, and what it used."""
        size = len(self._stream.instances)
        row_of = np.full(size, -1, np.int64)
        owned = rows[self._stream.pid[rows] >= 0]
        row_of[self._stream.instance[owned]] = owned
        present = np.nonzero(row_of >= 0)[0]
        values: dict[str, NDArray[np.float64]] = {}
        signals, instances = self._stream.signal[parts.rows], self._stream.instance[parts.rows]
        for number, signal in enumerate(SIGNALS):
            chosen = (signals == number) & (instances >= 0)
            if chosen.any():
                used = np.zeros(size)
                np.add.at(used, instances[chosen], parts.parts[chosen])
                values[signal] = used[present]
        found = [self._stream.process(row) for row in row_of[present].tolist()]
        processes = [process for process in found if process is not None]
        return Uses(processes, self._stream.pid[row_of[present]], values)

    def _critical_metrics(self, columns: Columns) -> ProcessMetrics:
        has_value = (columns.flags & NO_RECORDED_VALUE) == 0
        rows = columns.rows[has_value & self._stream.is_critical[columns.rows]]
        return ProcessMetrics(self._stream.pid[rows], self._stream.metric[rows].astype(np.int64))

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
