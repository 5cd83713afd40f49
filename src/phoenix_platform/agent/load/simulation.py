"""A simulated load beside this process: `phoenix loadsim start` and the trial's `--seed-load` use it.

async with LoadSimulation("realistic", seed=7) as load:
    ...
"""

import asyncio
import sys
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import UUID

import phoenix_platform
from phoenix_platform.agent.load.profiles import Limits, profile_named
from phoenix_platform.agent.load.reports import LoadReport, Stage
from phoenix_platform.agent.load.supervisor import SimulationSpec
from phoenix_platform.core.clock import SystemClock
from phoenix_platform.core.errors import InvalidInputError, UnavailableError
from phoenix_platform.core.ids import new_id

LONGEST: Final = timedelta(hours=24)
"""No simulation lasts longer, whatever its owner forgets."""

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0
_ROOT: Final = str(Path(phoenix_platform.__file__).parents[1])
# Our own folder by name: the child finds the package installed, editable and from a source tree alike.
_PROGRAM: Final = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from phoenix_platform.agent.load.supervisor import main; main()"
)


class LoadSimulation:
    """Real processes after a profile, in a child process of their own.

    They end with `stop`, after `duration`, and when this process ends, by kill -9 too; the folder
    with their binaries goes with them.
    """

    def __init__(
        self,
        profile: str,
        *,
        seed: int = 0,
        duration: timedelta = LONGEST,
        limits: Limits | None = None,
        run_id: UUID | None = None,
    ) -> None:
        """`limits` default to the profile's own; equal profile, limits and seed give equal schedules.

        Raises:
            NotFoundError: If there is no such profile.
            InvalidInputError: If the duration is beyond 24 h.
        """
        if not timedelta(0) < duration <= LONGEST:
            raise InvalidInputError(f"duration: {duration} is not above 0 and at most 24 h")
        known = profile_named(profile)
        run = run_id or new_id(SystemClock())
        self._spec = SimulationSpec(
            profile=known.name,
            seed=seed,
            duration_seconds=duration.total_seconds(),
            limits=limits or Limits.of(known),
            folder=str(Path(tempfile.gettempdir(), f"phoenix-load-{run}")),
        )
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._report = LoadReport(stage=Stage.RUNNING)

    @property
    def report(self) -> LoadReport:
        """The last word of the supervisor, at most two seconds old while it runs."""
        return self._report

    @property
    def process_count(self) -> int:
        """Simulated processes alive now."""
        return self._report.processes

    @property
    def folder(self) -> Path:
        """Where the copied binaries are while it runs."""
        return Path(self._spec.folder)

    @property
    def supervisor_pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Return when the processes that live from the start are there.

        Raises:
            UnavailableError: If they cannot be started; with the reason.
        """
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-c", _PROGRAM, _ROOT, self._spec.to_argument(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read(), name="reports of the load simulation")
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._ready.wait()
        except TimeoutError as error:
            await self.stop()
            raise UnavailableError(
                f"load simulation: not ready after {_START_SECONDS:.0f} s"
            ) from error
        self._raise_if_failed()

    async def wait(self) -> LoadReport:
        """Wait until it ends by itself.

        Raises:
            UnavailableError: If it failed, or was killed.
        """
        assert self._process is not None
        assert self._reader is not None
        await self._reader
        await self._process.wait()
        self._raise_if_failed()
        return self._report

    async def stop(self) -> LoadReport:
        """End all its processes and return when they are gone. May be called at any time, and twice."""
        process = self._process
        if process is None:
            return self._report
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()  # its watchdog does the rest
            await process.wait()
        if self._reader is not None:
            await self._reader
        return self._report

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._report = LoadReport.from_line(line)
            self._ready.set()
        if self._report.stage not in (Stage.ENDED, Stage.FAILED):
            reason = "its supervisor was killed or failed; its processes are gone"
            self._report = LoadReport(stage=Stage.FAILED, reason=reason)
        self._ready.set()

    def _raise_if_failed(self) -> None:
        if self._report.stage is Stage.FAILED:
            raise UnavailableError(f"load simulation: {self._report.reason}")
