"""One file of the spool: records behind one another, each with its length and checksum.

A record that a `kill -9` or a power cut left unfinished ends its segment; what stands before it is whole.
The spool never appends to a segment of an earlier process.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Self

_MAGIC: Final = b"PSP1"
_HEADER: Final = struct.Struct(">4sIIQI")
"""Magic, length of the payload, samples in it, Unix nanoseconds, CRC-32 of all before it and the payload."""
_CHECKED: Final = struct.Struct(">4sIIQ")
_MAX_PAYLOAD_BYTES: Final = 64 * 2**20
_SUFFIX: Final = ".spool"


class Record(NamedTuple):
    payload: bytes
    samples: int
    appended_unix_nano: int
    end: int
    """Where the next record of the segment begins."""


@dataclass(slots=True)
class Segment:
    """A file with a number, and what is whole in it."""

    folder: Path
    number: int
    size: int = 0
    samples: int = 0
    done_size: int = 0
    """Of these, acknowledged."""
    done_samples: int = 0
    is_damaged: bool = False
    """Whether something stands behind the last whole record."""
    _descriptor: int | None = None

    @property
    def path(self) -> Path:
        return self.folder / f"{self.number:016d}{_SUFFIX}"

    @classmethod
    def found_in(cls, folder: Path) -> list[Self]:
        """Those of earlier processes, oldest first."""
        paths = sorted(folder.glob(f"*{_SUFFIX}"))
        segments = [cls(folder, int(path.stem)) for path in paths if path.stem.isdigit()]
        for segment in segments:
            for record in segment.records(0):
                segment.size = record.end
                segment.samples += record.samples
            segment.is_damaged = segment.path.stat().st_size > segment.size
        return segments

    def append(self, payload: bytes, *, samples: int, now: int) -> None:
        """Write a record behind the last.

        Raises:
            OSError: If there is no space; then nothing of it is left.
        """
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(self.path, flags, 0o600)
        head = _CHECKED.pack(_MAGIC, len(payload), samples, now)
        checksum = zlib.crc32(payload, zlib.crc32(head))
        content = memoryview(head + struct.pack(">I", checksum) + payload)
        try:
            while content:
                content = content[os.write(self._descriptor, content) :]
        except OSError:
            os.ftruncate(self._descriptor, self.size)
            raise
        self.size += _HEADER.size + len(payload)
        self.samples += samples

    def records(self, offset: int) -> Iterator[Record]:
        """The whole records from `offset` on, up to the first that is none."""
        with self.path.open("rb") as file:
            file.seek(offset)
            while len(head := file.read(_HEADER.size)) == _HEADER.size:
                magic, length, samples, at, checksum = _HEADER.unpack(head)
                if magic != _MAGIC or length > _MAX_PAYLOAD_BYTES:
                    return
                payload = file.read(length)
                if zlib.crc32(payload, zlib.crc32(head[: _CHECKED.size])) != checksum:
                    return
                offset += _HEADER.size + length
                yield Record(payload, samples, at, offset)

    def sync(self) -> None:
        """Have it on the disk."""
        if self._descriptor is not None:
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)
