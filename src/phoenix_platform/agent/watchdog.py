"""Nothing outlives its run: a child that cleans up when its parent is gone, however it went.

The child holds the read end of a pipe; the pipe closes when the parent dies, by kill -9 too. Then
it kills every process that carries the run's mark in its environment, which children inherit, and
removes the run's folder. PR_SET_PDEATHSIG would not do: it follows the thread that started the
child, and does not reach grandchildren.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

MARK: Final = "PHOENIX_RUN"
"""The environment variable that marks every process of a run."""

_PROGRAM: Final = r"""
import os, shutil, signal, sys, time

mark, folder = sys.argv[1].encode(), sys.argv[2]
for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
farewell = b""
while chunk := os.read(0, 64):
    farewell += chunk


def marked():
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    if mark in file.read().split(b"\0"):
                        yield int(entry)
            except OSError:
                pass


# A process may be between fork and exec when its parent dies: look until nothing was found twice.
quiet = 0
deadline = time.monotonic() + 10
while quiet < 2 and time.monotonic() < deadline:
    found = list(marked())
    quiet = 0 if found else quiet + 1
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    time.sleep(0.1)
shutil.rmtree(folder, ignore_errors=True)
"""


class Watchdog:
    """Guards one run: `environment` marks its processes, `folder` is removed with them."""

    def __init__(self, run_id: str, folder: Path) -> None:
        self.environment: Mapping[str, str] = {MARK: run_id}
        self._command = [
            sys.executable,
            "-I",
            "-S",
            "-c",
            _PROGRAM,
            f"{MARK}={run_id}",
            str(folder),
        ]
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and program
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # A session of its own: Ctrl-C in the terminal must not reach it.
            start_new_session=True,
            env={},
            cwd="/",
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        child, self._child = self._child, None
        assert child is not None
        assert child.stdin is not None
        child.stdin.close()
        child.wait()
