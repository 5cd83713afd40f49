"""CPU time and memory of a process, from /proc."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
STOPPED: Final = frozenset("Tt")
"""States of a process that a signal or a debugger holds, proc(5)."""
_KIBIBYTE: Final = 1024
_DEAD: Final = frozenset("ZX")
_UTIME, _STIME, _STARTTIME = 11, 12, 19  # fields after the command's closing bracket, proc(5)


@dataclass(frozen=True, slots=True)
class Usage:
    cpu_seconds: float
    """User + system since the process began, in steps of a clock tick (10 ms)."""
    rss_bytes: int


def usage_of(pid: int) -> Usage | None:
    """What the process has used; None when it is gone."""
    folder = Path("/proc", str(pid))
    try:
        stat = (folder / "stat").read_text("ascii", "replace")
        rollup = (folder / "smaps_rollup").read_text("ascii", "replace")
    except OSError:
        return None
    # The command may hold blanks and brackets; what follows its last bracket cannot.
    fields = stat.rpartition(")")[2].split()
    ticks = int(fields[_UTIME]) + int(fields[_STIME])
    rss = next((line.split()[1] for line in rollup.splitlines() if line.startswith("Rss:")), None)
    return None if rss is None else Usage(ticks / _TICKS_PER_SECOND, int(rss) * _KIBIBYTE)


def state_of(pid: int) -> str | None:
    """The letter of the process's state, proc(5); None when it is gone."""
    try:
        stat = Path("/proc", str(pid), "stat").read_text("ascii", "replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[0]


def started_ticks_of(pid: int) -> int | None:
    """Clock ticks from boot to its start: with the pid, which process it is; None when it is gone."""
    try:
        stat = Path("/proc", str(pid), "stat").read_text("ascii", "replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in _DEAD else int(fields[_STARTTIME])


def host_cpu_seconds() -> tuple[float, float]:
    """(busy, all) CPU seconds of the host since boot, over all its processors."""
    first = Path("/proc/stat").read_text("ascii").splitlines()[0].split()[1:9]
    user, nice, system, idle, iowait, irq, softirq, steal = map(int, first)
    busy = user + nice + system + irq + softirq + steal
    return busy / _TICKS_PER_SECOND, (busy + idle + iowait) / _TICKS_PER_SECOND
