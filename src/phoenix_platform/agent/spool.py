"""What the agent measured, on disk until the control plane says that it has it.

Append-only segments, bounded in bytes: when they are full, the oldest goes first and its samples are
counted. Survives `kill -9` in the middle of a write. `experiments` appends, `uploads` reads and
acknowledges. What was acknowledged may be read again after a crash: one effect each is the server's business.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from phoenix_platform.agent.spool_segments import Record, Segment
from phoenix_platform.agent.whole_files import put_json, read_json
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import UnavailableError

DEFAULT_MAX_BYTES: Final = 512 * 2**20
"""About two days of one experiment at one second, months at a minute."""
_LEAST_SEGMENT_BYTES: Final = 16 * 2**10
_MOST_SEGMENT_BYTES: Final = 4 * 2**20
_SEGMENTS: Final = 16
"""So many at least: the oldest that goes is then a small part of all."""


class Position(NamedTuple):
    """Behind a record; `samples` of its segment stand before it."""

    segment: int
    offset: int
    samples: int


@dataclass(frozen=True, slots=True)
class Entry:
    payload: bytes
    samples: int
    end: Position
    """What `acknowledge` takes."""


class _State(msgspec.Struct, kw_only=True):
    segment: int = 0
    offset: int = 0
    samples: int = 0
    """Up to where everything is acknowledged; see `Position`."""
    dropped_samples: int = 0
    refused_samples: int = 0
    damaged_segments: int = 0


class Spool:
    """The spool in one folder; one process at a time."""

    def __init__(self, folder: Path, *, clock: Clock, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        """Open it, with what earlier processes left.

        Raises:
            UnavailableError: If the folder cannot be used.
            InvalidInputError: If its state was changed by somebody.
        """
        self._folder = folder
        self._clock = clock
        self._max_bytes = max_bytes
        self._segment_bytes = min(
            _MOST_SEGMENT_BYTES, max(_LEAST_SEGMENT_BYTES, max_bytes // _SEGMENTS)
        )
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = Segment.found_in(folder)
        except OSError as error:
            raise UnavailableError(f"spool: cannot use {folder}: {error.strerror}") from error
        state = read_json(self._state_path, _State)
        self._state = _State() if state is None else state
        self._state.damaged_segments += sum(segment.is_damaged for segment in found)
        self._segments = deque(found)
        self.last_found = _last_payload(found)
        """The last record that the process before this one appended, as long as it is there."""
        newest = max((self._state.segment, *(segment.number for segment in found)))
        # Never behind somebody else's last record: it may be half a one.
        self._segments.append(Segment(folder, newest + 1))
        self._forget(Position(self._state.segment, self._state.offset, self._state.samples))

    @property
    def waiting_bytes(self) -> int:
        """That wait for an acknowledgement."""
        return sum(segment.size - segment.done_size for segment in self._segments)

    @property
    def waiting_samples(self) -> int:
        """That wait for an acknowledgement."""
        return sum(segment.samples - segment.done_samples for segment in self._segments)

    @property
    def dropped_samples(self) -> int:
        """That the control plane will never get: the spool or the disk was full."""
        return self._state.dropped_samples

    @property
    def refused_samples(self) -> int:
        """That the control plane refused for good."""
        return self._state.refused_samples

    @property
    def damaged_segments(self) -> int:
        """Segments whose end was not whole when they were opened."""
        return self._state.damaged_segments

    @property
    def oldest_unix_nano(self) -> int | None:
        """When the oldest waiting record was appended; None if none waits."""
        return next((record.appended_unix_nano for record, _ in self._waiting()), None)

    def append(self, payload: bytes, *, samples: int) -> bool:
        """Keep a record; False if the disk does not take it, and then its samples are counted as dropped."""
        current = self._segments[-1]
        if current.size >= self._segment_bytes:
            current.close()
            current = Segment(self._folder, current.number + 1)
            self._segments.append(current)
        try:
            current.append(payload, samples=samples, now=self._clock.unix_nano())
        except OSError:
            self._state.dropped_samples += samples
            return False
        while self.waiting_bytes > self._max_bytes and len(self._segments) > 1:
            self._drop_oldest()
        return True

    def read(self, *, max_bytes: int) -> list[Entry]:
        """The oldest waiting records, at least one if there is any, up to so many bytes of payload."""
        entries: list[Entry] = []
        total = 0
        for record, end in self._waiting():
            total += len(record.payload)
            if entries and total > max_bytes:
                break
            entries.append(Entry(record.payload, record.samples, end))
        return entries

    def acknowledge(self, entry: Entry, *, refused: bool = False) -> None:
        """The control plane has this record and all before it, or refused them for good.

        Raises:
            UnavailableError: If that cannot be written; they are then read again after a restart.
        """
        before = self.waiting_samples
        self._forget(entry.end)
        if refused:
            self._state.refused_samples += before - self.waiting_samples
        self._write_state()

    def sync(self) -> None:
        """Have everything on the disk, against a power cut."""
        self._segments[-1].sync()

    def close(self) -> None:
        self.sync()
        self._segments[-1].close()
        self._write_state()

    @property
    def _state_path(self) -> Path:
        return self._folder / "state.json"

    def _write_state(self) -> None:
        put_json(self._state_path, self._state)

    def _waiting(self) -> Iterator[tuple[Record, Position]]:
        for segment in list(self._segments):
            if segment.size == segment.done_size:
                continue
            samples = segment.done_samples
            for record in segment.records(segment.done_size):
                samples += record.samples
                yield record, Position(segment.number, record.end, samples)

    def _forget(self, end: Position) -> None:
        """Everything up to there; the segment that is being written stays."""
        while len(self._segments) > 1 and self._is_done(self._segments[0], end):
            self._segments.popleft().remove()
        oldest = self._segments[0]
        if oldest.number == end.segment and end.offset > oldest.done_size:
            oldest.done_size, oldest.done_samples = end.offset, end.samples
        self._state.segment, self._state.offset, self._state.samples = end

    def _is_done(self, segment: Segment, end: Position) -> bool:
        return segment.number < end.segment or segment.size <= (
            end.offset if segment.number == end.segment else segment.done_size
        )

    def _drop_oldest(self) -> None:
        oldest = self._segments.popleft()
        self._state.dropped_samples += oldest.samples - oldest.done_samples
        oldest.remove()
        self._write_state()


def _last_payload(segments: list[Segment]) -> bytes | None:
    for segment in reversed(segments):
        if segment.size:
            return [record.payload for record in segment.records(0)][-1]
    return None
