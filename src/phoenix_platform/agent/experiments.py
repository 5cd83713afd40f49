"""One experiment of the desired state on this host: from its start to its end, its samples into the spool.

It needs no control plane: it ends at its deadline by itself, and a broken limit aborts it here. After a
restart of the agent the run goes on under another run id, with scrape numbers that go on too. What measures
is a process of its own (`experiment_process`).
"""

import asyncio
import logging
import math
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec

import phoenix_platform
from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.experiment_messages import (
    Begun,
    ExperimentSpec,
    Measured,
    Message,
    Noted,
    Over,
)
from phoenix_platform.agent.run_records import RunRecord, RunRecords
from phoenix_platform.agent.sample_batches import SampleBatch, from_payload
from phoenix_platform.agent.spool import Spool
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import InvalidInputError, PhoenixError, UnavailableError
from phoenix_platform.core.ids import new_id
from phoenix_platform.opamp.desired_state import DesiredExperiment
from phoenix_platform.opamp.host_reports import RunState

_LOG: Final = logging.getLogger(__name__)
_LOST_IN_A_POWER_CUT: Final = timedelta(seconds=60)
"""The kernel writes small files back within half a minute: after another boot, scrape numbers skip so much."""
_AT_DEADLINE: Final = "its deadline came"
_NOT_DESIRED: Final = "it is no longer desired"
_VARIANTS: Final = 2
_STOP_SECONDS: Final = 45.0
"""Three collectors, ten seconds each, and what the process itself needs."""
_LONGEST_LINE: Final = 64 * 2**20
_ROOT: Final = str(Path(phoenix_platform.__file__).parents[1])
# Our own folder by name: the child finds the package installed, editable and from a source tree alike.
_PROGRAM: Final = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from phoenix_platform.agent.experiment_process import main; main()"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentPlace:
    """What every experiment on this host shares."""

    host_name: str
    boot_id: str
    find_collector: Callable[[], CollectorBinary]
    spool: Spool
    records: RunRecords
    clock: Clock
    changed: Callable[[], None]
    """Called when there is something to report."""
    spooled: Callable[[], None]
    """Called when there is something to post."""
    idle_time: timedelta = timedelta(seconds=10)


class ExperimentRun:
    """One experiment; `run` returns when it has ended here."""

    def __init__(self, desired: DesiredExperiment, place: ExperimentPlace) -> None:
        self._desired = desired
        self._place = place
        self._record = _next_record(desired, place)
        self._let_out: set[str] = set()

    @property
    def record(self) -> RunRecord:
        return self._record

    def give_up(self, error: BaseException) -> None:
        """A bug of ours ended it."""
        self._end(RunState.FAILED, f"a bug of the agent: {error!r}; its log has the traceback")

    async def run(self, stop: asyncio.Event) -> None:
        """Run it until it ends, `stop` is set (it is not desired any more), or the task is cancelled.

        When cancelled, it counts as under way: the next start of the agent goes on with it.
        """
        if self._record.is_ended:
            return
        self._save()
        left = (self._desired.deadline - self._place.clock.now()).total_seconds()
        walk = asyncio.create_task(self._walk(), name=f"experiment {self._desired.id}")
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait(
                (walk, stopped), timeout=max(left, 0), return_when=asyncio.FIRST_COMPLETED
            )
            if walk.done():
                walk.result()
            else:
                await _cancelled(walk)
                if not self._record.is_ended:
                    self._end(RunState.ENDED, _NOT_DESIRED if stop.is_set() else _AT_DEADLINE)
        finally:
            stopped.cancel()
            await _cancelled(walk)

    async def _walk(self) -> None:
        try:
            binary = await asyncio.to_thread(self._place.find_collector)
        except PhoenixError as error:
            self._end(RunState.FAILED, str(error))
            return
        record = self._record
        spec = ExperimentSpec(
            desired=self._desired,
            run_id=record.run_id,
            host_name=self._place.host_name,
            collector=str(binary.path),
            first_scrape=record.next_scrape,
            first_sequence=record.through_sequence + 1,
            idle_seconds=self._place.idle_time.total_seconds(),
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-c", _PROGRAM, _ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=_LONGEST_LINE,
        )  # fmt: skip
        try:
            await self._listen(process, spec)
        finally:
            await _end_process(process)
        if not self._record.is_ended:
            code = process.returncode
            self._end(RunState.FAILED, f"the process that measures it ended with exit code {code}")

    async def _listen(self, process: asyncio.subprocess.Process, spec: ExperimentSpec) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(spec) + b"\n")
        with suppress(ConnectionError):  # it may have ended at once: its exit code says more
            await process.stdin.drain()
        async for line in process.stdout:
            if line.endswith(b"\n"):  # else it was killed in the middle of it
                self._take(msgspec.json.decode(line, type=Message))

    def _take(self, message: Message) -> None:
        record = self._record
        match message:
            case Begun(hashes=hashes):
                record.hashes = hashes
                record.interval_seconds = self._desired.interval_seconds
                self._save()
            case Measured():
                self._keep_samples(message)
            case Noted(idle_cores=idle_cores, facts=facts):
                record.idle_cores, record.facts = idle_cores, facts
                self._keep()
            case Over(state=state, reason=reason, log_tail=log_tail, facts=facts):
                record.facts = record.facts if facts is None else facts
                self._end(state, reason, log_tail=log_tail)

    def _keep_samples(self, measured: Measured) -> None:
        place, record = self._place, self._record
        # First the samples, then their numbers: after a crash in between, the spool tells the numbers.
        place.spool.append(measured.payload, samples=measured.samples)
        record.next_scrape = measured.next_scrape
        record.through_sequence = measured.through_sequence
        self._let_out.update(measured.let_out)
        if record.state is RunState.STARTING and len(self._let_out) == _VARIANTS:
            record.first_point_at = record.first_point_at or place.clock.now()
            self._change(RunState.FLOWING)
        else:
            self._keep()
        place.spooled()

    def _end(self, state: RunState, reason: str, *, log_tail: Sequence[str] = ()) -> None:
        self._record.reason = reason
        self._record.log_tail = tuple(log_tail)
        self._change(state)
        _LOG.info(
            "experiment ended",
            extra={"experiment_id": self._desired.id, "state": state.value, "reason": reason},
        )

    def _change(self, state: RunState) -> None:
        self._record.state = state
        self._record.at = self._place.clock.now()
        self._save()

    def _save(self) -> None:
        self._keep()
        self._place.changed()

    def _keep(self) -> None:
        # A full disk must not end an experiment; only a crash meanwhile would then repeat numbers.
        try:
            self._place.records.put(self._record)
        except UnavailableError:
            _LOG.exception("record of a run cannot be written")


def _next_record(desired: DesiredExperiment, place: ExperimentPlace) -> RunRecord:
    """The record of another run of the experiment; the old one if it has ended here for good."""
    before = place.records.get(desired.id)
    if before is not None and before.is_ended:
        return before
    record = RunRecord(
        experiment_id=desired.id,
        run_id=str(new_id(place.clock)),
        state=RunState.STARTING,
        at=place.clock.now(),
        boot_id=place.boot_id,
        deadline=desired.deadline,
    )
    if before is None:
        return record
    record.first_point_at = before.first_point_at
    record.next_scrape, record.through_sequence = before.next_scrape, before.through_sequence
    if (batch := _last_batch(place.spool)) is not None and batch.experiment_id == desired.id:
        scrapes = zip(batch.columns["scrape"], batch.columns["scrapes"], strict=True)
        record.next_scrape = max(record.next_scrape, *(first + count for first, count in scrapes))
        record.through_sequence = max(record.through_sequence, batch.through_sequence)
    if before.boot_id != place.boot_id:
        record.next_scrape += math.ceil(
            _LOST_IN_A_POWER_CUT.total_seconds() / desired.interval_seconds
        )
    return record


def _last_batch(spool: Spool) -> SampleBatch | None:
    """What the process before this one spooled last: its number may not have reached the record."""
    try:
        return None if spool.last_found is None else from_payload(spool.last_found)
    except InvalidInputError:
        return None


async def _end_process(process: asyncio.subprocess.Process) -> None:
    """Let it clean up: its input ends. If it does not go, its watchdog does the rest."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _cancelled(task: asyncio.Task[None]) -> None:
    """Return when the task is over; what it held is let go."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
