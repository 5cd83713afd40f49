"""One collector process: started, watched, read, stopped."""

import asyncio
import os
import re
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from phoenix_platform.agent.usage import Usage, usage_of
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.pipelines.secrets import masked_text

_LOG_LINES: Final = 200
_MOST_ERROR_LINES: Final = 12
_LONGEST_LINE: Final = 64 * 1024
_START_SECONDS: Final = 30
_STOP_SECONDS: Final = 10
_POLL_SECONDS: Final = 0.05
MOST_LAST_LINES: Final = 5
_READY: Final = "Everything is ready"
"""What every collector logs once its pipelines run. Its own metrics answer earlier, before the receivers
listen: a port that is taken then would end it a moment after it seemed to be up."""
_DIED: Final = re.compile(r"(panic:|fatal error:)")
"""How the Go runtime begins when it gives up; hundreds of lines of stacks may follow."""
_PORT_IN_USE: Final = re.compile(r"address already in use", re.IGNORECASE)


class CollectorFailedError(UnavailableError):
    """The collector did not start, or ended by itself."""

    code = "collector-failed"

    def __init__(self, message: str, *, collector: str, log_lines: Sequence[str] = ()) -> None:
        super().__init__(message, collector=collector)
        self.collector = collector
        """Its name in the trial: source, baseline, candidate."""
        self.log_lines = tuple(log_lines)
        """The last it wrote, oldest first, secrets masked."""


class PortTakenError(CollectorFailedError):
    """Another program took a port between its choice and the start; other ports may do."""

    code = "port-taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorSpec:
    """What to run."""

    name: str
    """How messages call it: source, baseline, candidate."""
    binary: Path
    config: Path
    telemetry_url: str
    """Where it answers with its own metrics; the sign that it is up."""
    nice: int = 10
    environment: Mapping[str, str]
    working_folder: Path


class Collector:
    """A running collector. Its log is kept in memory, the last lines only."""

    def __init__(self, spec: CollectorSpec) -> None:
        self.spec = spec
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._died_of: str | None = None
        self._is_ready = False
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; −N when signal N ended it."""
        return self._process.returncode if self._process else None

    @property
    def log_tail(self) -> Sequence[str]:
        """The last lines it wrote, secrets masked."""
        return [masked_text(line) for line in self._log]

    def usage(self) -> Usage | None:
        return usage_of(self._process.pid) if self._process else None

    async def start(self, client: httpx.AsyncClient) -> None:
        """Start the process and wait until its pipelines run.

        Raises:
            PortTakenError: If a port is in use.
            CollectorFailedError: If it ends, or is not ready within 30 s; with its own words.
        """
        spec = self.spec
        self._process = await asyncio.create_subprocess_exec(
            "nice", "-n", str(spec.nice), str(spec.binary), "--config", str(spec.config),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
            start_new_session=True,
            cwd=spec.working_folder,
            env=dict(spec.environment),
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read_log(), name=f"log of {spec.name}")
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._wait_until_it_answers(client)
        except TimeoutError as error:
            raise self.failure(f"is not ready after {_START_SECONDS} s") from error

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after 10 s. May be called at any time, and twice."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with suppress(ProcessLookupError):
                # A stopped process does not hear SIGTERM.
                os.killpg(process.pid, signal.SIGCONT)
                process.terminate()
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if self._reader is not None:
            await self._reader

    def last_words(self) -> str:
        """The collector's own reason.

        Why its runtime gave up, or what it wrote from its last `Error:` line on, or its last line.
        """
        if self._died_of is not None:
            return masked_text(self._died_of)
        lines = list(self.log_tail)
        starts = [number for number, line in enumerate(lines) if line.startswith("Error:")]
        said = lines[starts[-1] :][:_MOST_ERROR_LINES] if starts else lines[-1:]
        return (
            " ".join(" ".join(line.split()) for line in said if line.strip()) or "it wrote nothing"
        )

    def check(self) -> None:
        """Raise `CollectorFailedError` if it has ended."""
        code = self.exit_code
        if code is not None:
            raise self.failure(f"ended with {_exit_text(code)}")

    def failure(self, what: str) -> CollectorFailedError:
        """The error for what it did, with its own words."""
        name, lines = self.spec.name, list(self.log_tail)[-MOST_LAST_LINES:]
        return CollectorFailedError(
            f"{name} collector {what}: {self.last_words()}", collector=name, log_lines=lines
        )

    async def _wait_until_it_answers(self, client: httpx.AsyncClient) -> None:
        assert self._process is not None
        while True:
            if self._process.returncode is not None:
                await self._settle()
                if any(_PORT_IN_USE.search(line) for line in self._log):
                    name = self.spec.name
                    raise PortTakenError(f"{name} collector: {self.last_words()}", collector=name)
                self.check()
            if self._is_ready:
                with suppress(httpx.TransportError):
                    if (await client.get(self.spec.telemetry_url)).is_success:
                        return
            await asyncio.sleep(_POLL_SECONDS)

    async def _settle(self) -> None:
        if self._reader is not None:
            await self._reader

    async def _read_log(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        while True:
            try:
                line = await self._process.stderr.readline()
            except ValueError:  # longer than the limit: that part is gone from the buffer
                continue
            if not line:
                return
            text = line.decode("utf-8", "backslashreplace").rstrip()
            self._is_ready |= _READY in text
            if self._died_of is None and _DIED.match(text):
                self._died_of = text
            self._log.append(text)


def _exit_text(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    # Which of the two it was, the kernel tells its own log only.
    by_whom = " (a kill -9, or the kernel for lack of memory)" if name == "SIGKILL" else ""
    return f"signal {name}{by_whom}"
