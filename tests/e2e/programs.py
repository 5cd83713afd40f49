"""The `phoenix` program as a user runs it, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Program:
    """One run of `phoenix` with a temporary folder of its own, by which its processes are known."""

    folder: Path
    wrapped_in: tuple[str, ...] = ()
    """A command that runs the program, such as `unshare --mount`."""
    stdout_descriptor: int | None = None
    """Where its output goes instead of a file: a pipe, a terminal."""
    stderr_descriptor: int | None = None
    process: subprocess.Popen[str] = field(init=False)

    def start(self, *arguments: str, **environment: str) -> "Program":
        """Start it; its output goes to files, so that no pipe can fill."""
        self.folder.joinpath("temporary").mkdir(exist_ok=True)
        with self._file("stdout").open("w") as stdout, self._file("stderr").open("w") as stderr:
            self.process = subprocess.Popen(
                [*self.wrapped_in, sys.executable, "-m", "phoenix_platform", *arguments],
                stdout=stdout if self.stdout_descriptor is None else self.stdout_descriptor,
                stderr=stderr if self.stderr_descriptor is None else self.stderr_descriptor,
                text=True,
                cwd=self.folder,
                env={**os.environ, "TMPDIR": str(self.temporary), **environment},  # noqa: TID251 - a child's
            )
        return self

    @property
    def temporary(self) -> Path:
        return self.folder / "temporary"

    @property
    def stdout(self) -> str:
        return self._file("stdout").read_text()

    @property
    def stderr(self) -> str:
        return self._file("stderr").read_text()

    def wait(self, seconds: float) -> int:
        return self.process.wait(seconds)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_until(self, is_so: Callable[[], bool], seconds: float) -> None:
        """Wait for something outside this test; fail with the program's own words."""
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, f"not after {seconds} s; {self.stderr}"
            time.sleep(0.05)

    def events(self) -> list[dict[str, Any]]:
        """The JSON lines so far; the last may still be being written."""
        lines = self.stdout.splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def collector_pid(self, name: str) -> int:
        """Of this run's source, baseline or candidate; fails if there is none."""
        config = f"/{name}.yaml".encode()
        mark = str(self.temporary).encode()
        found = [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit()
            and mark in (line := _command_line_of(entry))
            and config in line
            and not line.startswith((b"nice", b"/bin/sh"))
        ]
        assert found, f"no {name} collector; {self.stderr}"
        return found[0]

    def leftovers(self) -> list[str]:
        """Processes that belong to this run, by the folder in their environment or with their
        binary, and files in it."""
        mark = f"TMPDIR={self.temporary}".encode()
        pids = [
            f"{entry.name} {_name_of(entry)}"
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit()
            and (mark in _environment_of(entry).split(b"\0") or self._holds(entry))
        ]
        return [*pids, *(path.name for path in self.temporary.iterdir())]

    def _holds(self, entry: Path) -> bool:
        """Whether the process runs a binary out of this run's folder."""
        try:
            return (entry / "exe").readlink().is_relative_to(self.temporary)
        except OSError:
            return False

    def _file(self, name: str) -> Path:
        return self.folder / name


def _environment_of(entry: Path) -> bytes:
    try:
        return (entry / "environ").read_bytes()
    except OSError:
        return b""


def _command_line_of(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


def _name_of(entry: Path) -> str:
    try:
        return (entry / "comm").read_text().strip()
    except OSError:
        return "(gone)"


def record_of(path: Path) -> Mapping[str, Any]:
    record: dict[str, Any] = json.loads(path.read_bytes())
    return record
