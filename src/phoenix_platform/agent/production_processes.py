"""The process of a production collector. It outlives the agent, and the next agent takes it over.

Its log goes to a file, so that no pipe ties it to the agent; a mark in its environment finds it again.
"""

import asyncio
import os
import signal
import subprocess
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import msgspec

from phoenix_platform.agent.usage import started_ticks_of
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.pipelines.secrets import masked_text

MARK: Final = "PHOENIX_PRODUCTION"
"""The environment variable that marks production collectors; its value is the agent's folder."""
_POLL_SECONDS: Final = 0.05
_STOP_SECONDS: Final = 15.0
"""For what is still in its queues."""
_TAIL_BYTES: Final = 64 * 1024
_MOST_LOG_BYTES: Final = 4 * 2**20
_READY: Final = b"Everything is ready"


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """One production collector, as the state file keeps it."""

    number: int
    hash: str
    """Of the configuration that is desired."""
    pid: int
    started_ticks: int
    telemetry_port: int
    started_at: datetime


@dataclass(slots=True)
class ProductionProcess:
    """A collector that runs, or did."""

    generation: Generation
    log: Path
    _popen: "subprocess.Popen[bytes] | None" = None
    """None when an earlier agent started it."""

    @classmethod
    def start(
        cls,
        binary: Path,
        config: Path,
        *,
        number: int,
        digest: str,
        telemetry_port: int,
        environment: Mapping[str, str],
        now: datetime,
    ) -> Self:
        """Start it beside whatever runs.

        Raises:
            UnavailableError: If the binary does not run here.
        """
        log = config.with_suffix(".log")
        try:
            with log.open("ab") as output:
                popen = subprocess.Popen(  # noqa: S603 - running the user's collector is the purpose
                    [binary, "--config", config],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    cwd=config.parent,
                    env={**environment, MARK: str(config.parent)},
                )
        except OSError as error:
            raise UnavailableError(f"{binary}: does not run: {error.strerror}") from error
        generation = Generation(
            number=number,
            hash=digest,
            pid=popen.pid,
            started_ticks=started_ticks_of(popen.pid) or 0,
            telemetry_port=telemetry_port,
            started_at=now,
        )
        return cls(generation, log, popen)

    def runs(self) -> bool:
        if self._popen is not None:
            return self._popen.poll() is None
        return started_ticks_of(self.generation.pid) == self.generation.started_ticks

    @property
    def is_ready(self) -> bool:
        """Whether its pipelines have started, by its own log."""
        with suppress(OSError):
            return _READY in self.log.read_bytes()[:_MOST_LOG_BYTES]
        return False

    def log_tail(self, lines: int) -> tuple[str, ...]:
        """The last lines that it wrote, secrets masked."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
                last = deque(file.read().decode("utf-8", "replace").splitlines(), lines)
        except OSError:
            return ()
        return tuple(masked_text(line) for line in last)

    def last_words(self) -> str:
        """Why it ended, in its own words."""
        tail = self.log_tail(12)
        said = [line for line in tail if line.startswith("Error:")]
        return (said or list(tail) or ["it wrote nothing"])[-1]

    def bound_log(self) -> None:
        """Cut a log that has grown too long down to its tail; it is written by appending, so that is safe."""
        with suppress(OSError):
            if self.log.stat().st_size > _MOST_LOG_BYTES:
                tail = "\n".join(self.log_tail(200))
                os.truncate(self.log, 0)
                with self.log.open("a", encoding="utf-8") as file:
                    file.write(tail + "\n")

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when it is still there after a while."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                if self.runs():
                    os.kill(self.generation.pid, signal.SIGCONT)  # else it would not hear the other
                    os.kill(self.generation.pid, number)
            for _ in range(round(_STOP_SECONDS / _POLL_SECONDS)):
                if not self.runs():
                    return
                await asyncio.sleep(_POLL_SECONDS)


def marked_pids(folder: Path, proc: Path = Path("/proc")) -> Iterator[int]:
    """Production collectors of this folder's agents, whoever started them."""
    mark = f"{MARK}={folder}".encode()
    for entry in proc.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)
