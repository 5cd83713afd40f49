"""The simulated processes: copies of the machine's shell that do as they are told through a pipe.

A shell, because every host has one: it starts in a millisecond, and loops, variables and redirections
give real CPU time, memory and I/O without a child process. A copy, because the kernel names a process
after its binary. Told through a pipe, because a process whose pipe ends ends too, whoever died.
`supervisor` starts and tells them.
"""

import contextlib
import math
import os
import resource
import shutil
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from phoenix_platform.agent.load.profiles import CHUNK_BYTES
from phoenix_platform.agent.load.schedules import Work
from phoenix_platform.core.errors import UnavailableError

SHELL: Final = Path("/bin/sh")

_ENVIRONMENT: Final = {
    "LC_ALL": "C",  # single-byte text: growing a variable stays cheap
    "MALLOC_MMAP_THRESHOLD_": str(
        128 * 1024
    ),  # fixed, or malloc keeps freed chunks after the first
}
_ADDRESS_SPACE_BYTES: Final = 96 * 1024 * 1024
"""Several times the highest memory in any profile; a shell that wants more fails."""

_KIB: Final = 1024
_BALLAST: Final = "ballast"
_BALLAST_KIB: Final = 16
"""What is read is comment, taken in by the shell's `.`, the only builtin that reads in blocks."""

_SCRIPT: Final = """\
b=0123456789abcdef; b=$b$b$b$b$b$b$b$b; b=$b$b$b$b$b$b$b$b
c=; n=0
cpu() { i=$1; while [ "$i" -gt 0 ]; do i=$((i-1)); done; }
mem() {
  if [ -z "$c" ]; then c=$b$b$b$b$b$b$b$b; c=$c$c$c$c$c$c$c$c; c=$c$c$c$c; fi
  while [ "$n" -lt "$1" ]; do n=$((n+1)); eval "m$n=\\$c"; done
  while [ "$n" -gt "$1" ]; do unset "m$n"; n=$((n-1)); done
}
rd() { i=$1; while [ "$i" -gt 0 ]; do . ./ballast; i=$((i-1)); done; }
wr() { i=$1; while [ "$i" -gt 0 ]; do echo "$b"; i=$((i-1)); done >"$2"; }
"""
"""cpu LOOPS; mem CHUNKS; rd BALLASTS; wr KIB FILE. $b is 1 KiB, $c one chunk of 256 KiB."""

_CALIBRATION_LOOPS: Final = 40_000


class Shell:
    """One running copy. It works if it has a channel, the writing end of its pipe."""

    def __init__(self, pid: int, channel: int | None = None) -> None:
        self.pid = pid
        self._channel = channel

    def tell(self, line: str) -> bool:
        """Queue a command; False if the shell is so far behind that its pipe is full, or is gone."""
        if self._channel is None:
            return False
        try:
            return os.write(self._channel, line.encode()) > 0
        except (BlockingIOError, BrokenPipeError):
            return False

    def end(self, signal_number: signal.Signals = signal.SIGTERM) -> None:
        """End it at once, in the middle of its work if need be; the caller reaps it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal_number)

    def close(self) -> None:
        if self._channel is not None:
            os.close(self._channel)
            self._channel = None


@dataclass(frozen=True, slots=True)
class ShellFolder:
    """A private folder with a copy of the shell per role; also where the shells read and write.

    It is the working directory of the caller, so that command lines and paths stay short.
    """

    path: Path
    idle_input: int
    """Reading end of a pipe that nobody writes to: what idle shells wait on, all together."""
    cpu_limit_seconds: int
    """What one shell may use in all (RLIMIT_CPU); the last resort behind the budget."""
    environment: Mapping[str, str]
    """The watchdog's mark."""

    def start(self, name: str, arguments: Sequence[str], *, works: bool) -> Shell:
        """Start the copy of that name.

        Raises:
            UnavailableError: If the kernel refuses; with the reason and the fix.
        """
        if not works:
            return Shell(self._spawn(name, arguments, self.idle_input))
        reading, writing = os.pipe()
        try:
            os.set_blocking(writing, False)
            shell = Shell(self._spawn(name, arguments, reading), writing)
        except UnavailableError:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        shell.tell(_SCRIPT)
        return shell

    def _spawn(self, name: str, arguments: Sequence[str], reading: int) -> int:
        line = [_argument_zero(name), "-s", "--", *arguments]
        actions = [
            (os.POSIX_SPAWN_DUP2, reading, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        environment = {**_ENVIRONMENT, **self.environment}
        try:
            pid = os.posix_spawn(self.path / name, line, environment, file_actions=actions)
        except OSError as error:
            raise _refusal(error, self.path) from error
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_AS, (_ADDRESS_SPACE_BYTES, _ADDRESS_SPACE_BYTES))
            resource.prlimit(
                pid, resource.RLIMIT_CPU, (self.cpu_limit_seconds, self.cpu_limit_seconds)
            )
        return pid


def fill(folder: Path, names: Iterable[str]) -> None:
    """Put the copies and the ballast into a fresh folder."""
    for name in names:
        shutil.copyfile(SHELL, folder / name)  # follows the link: /bin/sh is one on most systems
        (folder / name).chmod(0o700)
    line = "#" * 63 + "\n"
    (folder / _BALLAST).write_text(line * (_BALLAST_KIB * _KIB // len(line)))


def commands_of(work: Work, *, loops_per_second: float, cpu_seconds: float) -> str:
    """What to tell a shell for this work, when `cpu_seconds` of it are granted."""
    parts = [f"mem {work.memory_chunks}"] if work.memory_chunks else []
    if work.read_kib:
        parts.append(f"rd {math.ceil(work.read_kib / _BALLAST_KIB)}")
    if work.write_kib:
        parts.append(f"wr {work.write_kib} {work.life.role}-{work.life.seat}.out")
    loops = int(cpu_seconds * loops_per_second)
    if loops:
        parts.append(f"cpu {loops}")
    return "; ".join(parts) + "\n" if parts else ""


def private_bytes_of(chunks: int) -> int:
    """Memory that a working shell adds for so many chunks; it keeps one more to copy from."""
    return (chunks + 1) * CHUNK_BYTES if chunks else 0


def measure_loops_per_second(folder: ShellFolder, name: str) -> float:
    """How many `cpu` loops this machine does in a second of CPU time, measured with a real shell."""
    shell = folder.start(name, ["--calibrate"], works=True)
    shell.tell(f"cpu {_CALIBRATION_LOOPS}\n")
    shell.close()
    _, status, usage = os.wait4(shell.pid, 0)
    if status:
        raise UnavailableError(
            f"{SHELL}: a copy of it ended with wait status {status} instead of running a loop; "
            "load simulation needs a POSIX shell (dash, bash, busybox) there"
        )
    return _CALIBRATION_LOOPS / max(usage.ru_utime + usage.ru_stime, 1e-3)


def wait_until_gone(pids: Iterable[int], *, seconds: float) -> set[int]:
    """Reap these children, for so long at the most; returns those still there."""
    left, deadline = set(pids), time.monotonic() + seconds
    while left and time.monotonic() < deadline:
        left -= {pid for pid in left if os.waitpid(pid, os.WNOHANG)[0]}
        if left:
            time.sleep(0.005)  # the kernel is ending them; there is no one else to wait for
    return left


def _argument_zero(name: str) -> str:
    # Busybox decides by this word which of its programs it is.
    return "sh" if SHELL.resolve().name.startswith("busybox") else name


def _refusal(error: OSError, folder: Path) -> UnavailableError:
    if isinstance(error, PermissionError):
        return UnavailableError(
            f"{folder}: programs may not run from there (mounted noexec?); "
            "set TMPDIR to a folder from which they may"
        )
    return UnavailableError(f"cannot start another process: {error}; lower max_processes")
