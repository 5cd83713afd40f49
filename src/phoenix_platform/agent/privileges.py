"""What this user cannot see on this host, and what would let it: in the status and the log of the agent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from phoenix_platform.agent.host import PROC, count_processes

NEEDED: Final = {"CAP_SYS_PTRACE": 19, "CAP_DAC_READ_SEARCH": 2}
"""Number of each capability, capability.h: the first opens /proc/PID/io and /exe of other users' processes,
the second files that only their owner may read."""
_FIX: Final = "phoenix agent install gives the service CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"


def what_is_hidden(proc: Path = PROC) -> Iterator[str]:
    """One sentence each, with the fix; none if everything can be seen."""
    held = held_capabilities(proc)
    missing = [name for name, number in NEEDED.items() if not held >> number & 1]
    processes = count_processes(proc)
    if processes.unreadable_io and missing:
        yield (
            f"I/O of {processes.unreadable_io} of {processes.total} processes cannot be read, so totals of "
            f"process.disk.io are of the others; without {' and '.join(missing)}: {_FIX}"
        )
    if (mode := _hidden_mode(proc)) is not None:
        yield (
            f"/proc is mounted with hidepid={mode}: processes of other users may not be seen at all; mount it "
            "without, or with gid= of the agent's group"
        )


def held_capabilities(proc: Path = PROC) -> int:
    """The effective capabilities of this process, a bit each."""
    for line in (proc / "self/status").read_text("ascii", "replace").splitlines():
        key, _, value = line.partition(":")
        if key == "CapEff":
            return int(value.strip(), 16)
    return 0


def _hidden_mode(proc: Path) -> str | None:
    for line in (proc / "self/mounts").read_text("utf-8", "replace").splitlines():
        _, place, _, options, *_ = line.split()
        if place == "/proc":
            for option in options.split(","):
                name, _, value = option.partition("=")
                if name == "hidepid" and value not in ("0", "off"):
                    return value
    return None
