"""Facts about this host from /proc: its name, its size, its processes and which of them can be read.

The first screen of a trial and `phoenix doctor` show them. Each function takes the root of the proc
file system, as the collector's `root_path` does in a container.
"""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
_KIBIBYTE: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """What the process scraper will meet here. A process may end while it is looked at: counts are of a moment."""

    total: int
    unreadable_io: int
    """Processes whose I/O counters the kernel keeps from us: other users', when we are not root."""

    @property
    def readable_share(self) -> float | None:
        """Share of the processes whose I/O is in the totals; None without processes."""
        return 1 - self.unreadable_io / self.total if self.total else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    name: str
    processors: int
    """Processors this process may run on."""
    memory_bytes: int | None
    """None where /proc/meminfo does not say."""
    boot_id: str | None
    """Changes with every boot; None where the kernel does not say."""


def read_host(proc: Path = PROC) -> Host:
    return Host(
        name=socket.gethostname(),
        processors=len(os.sched_getaffinity(0)),
        memory_bytes=_total_memory(proc),
        boot_id=_text_of(proc / "sys/kernel/random/boot_id"),
    )


def count_processes(proc: Path = PROC) -> Processes:
    """Look at every process once: about 20 µs each."""
    total = unreadable = 0
    for entry in os.scandir(proc):
        if not entry.name.isdigit():
            continue
        try:
            (proc / entry.name / "io").read_bytes()
        except PermissionError:
            unreadable += 1
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        total += 1
    return Processes(total=total, unreadable_io=unreadable)


def _total_memory(proc: Path) -> int | None:
    text = _text_of(proc / "meminfo") or ""
    for line in text.splitlines():
        key, _, rest = line.partition(":")
        if key == "MemTotal":
            return int(rest.split()[0]) * _KIBIBYTE
    return None


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text("ascii").strip()
    except OSError:
        return None
