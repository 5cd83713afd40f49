"""One experiment of the desired state on this host: from its start to its end, its samples into the spool.

It needs no control plane: it ends at its deadline by itself, and a broken limit aborts it here. After a
restart of the agent the run goes on under another run id, with scrape numbers that go on too.
"""

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.desired_pipelines import configuration_of
from phoenix_platform.agent.load.simulation import LONGEST, LoadSimulation
from phoenix_platform.agent.run_facts import facts_of
from phoenix_platform.agent.run_records import RunRecord, RunRecords
from phoenix_platform.agent.sample_batches import (
    SampleBatch,
    batch_of,
    from_payload,
    to_payload,
)
from phoenix_platform.agent.spool import Spool
from phoenix_platform.agent.supervision import CollectorFailedError
from phoenix_platform.agent.trial_starts import running_trial
from phoenix_platform.agent.trials import Trial, TrialSettings
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import InvalidInputError, PhoenixError, UnavailableError
from phoenix_platform.core.ids import new_id
from phoenix_platform.metering.limits import DISCARDED_SCRAPES, BrokenLimit, LimitName, LimitWatch
from phoenix_platform.metering.patterns import parse_pattern
from phoenix_platform.metering.retention import CriticalIdentity
from phoenix_platform.metering.samples import Sample, Variant
from phoenix_platform.opamp.desired_state import DesiredExperiment
from phoenix_platform.opamp.host_reports import RunState

_LOG: Final = logging.getLogger(__name__)
_FACTS_EVERY_SECONDS: Final = 15.0
_LOST_IN_A_POWER_CUT: Final = timedelta(seconds=60)
"""The kernel writes small files back within half a minute: after another boot, scrape numbers skip so much."""
_AT_DEADLINE: Final = "its deadline came"
_HOST_LEAVES: Final = frozenset({LimitName.HOST_CPU})
"""Limits whose breach says nothing against the candidate: the host leaves the experiment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentPlace:
    """What every experiment on this host shares."""

    host_name: str
    boot_id: str
    environment: Mapping[str, str]
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
        self._first_scrape = self._record.next_scrape
        self._watch = LimitWatch(
            max_host_cpu_share=desired.limits.max_host_cpu_share,
            aborts_on_critical_miss=desired.limits.abort_on_critical_miss,
            first_scrape=self._first_scrape,
        )
        self._facts_at = -math.inf
        self._is_let_out: set[Variant] = set()

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
                reason = "it is no longer desired" if stop.is_set() else _AT_DEADLINE
                self._end(RunState.ENDED, reason)
        finally:
            stopped.cancel()
            await _cancelled(walk)

    async def _walk(self) -> None:
        try:
            async with self._started() as trial:
                await self._measure(trial)
        except CollectorFailedError as error:
            is_finding = (
                error.collector == Variant.CANDIDATE and self._record.state is RunState.FLOWING
            )
            state = RunState.ABORTED if is_finding else RunState.FAILED
            self._end(state, str(error), log_tail=error.log_lines)
        except PhoenixError as error:
            self._end(RunState.FAILED, str(error))

    @asynccontextmanager
    async def _started(self) -> AsyncGenerator[Trial]:
        desired, place = self._desired, self._place
        binary = await asyncio.to_thread(place.find_collector)
        baseline, candidate = (
            configuration_of(desired.baseline),
            configuration_of(desired.candidate),
        )
        self._record.hashes = {
            Variant.BASELINE.value: baseline.hash,
            Variant.CANDIDATE.value: candidate.hash,
        }
        settings = TrialSettings(
            host=place.host_name,
            binary=binary.path,
            target=binary.target,
            baseline=baseline,
            candidate=candidate,
            interval=timedelta(seconds=desired.interval_seconds),
            exporter=desired.exporter,
            ignore=frozenset(desired.ignore),
            critical=tuple(parse_pattern(text) for text in desired.critical),
            critical_identity=_identity(desired.critical_identity),
            environment=place.environment,
            production_interval=timedelta(seconds=desired.production_interval_seconds),
            idle_time=place.idle_time,
        )
        async with AsyncExitStack() as stack:
            if desired.load is not None:
                left = desired.load.deadline - place.clock.now()
                if left > timedelta(0):
                    await stack.enter_async_context(
                        LoadSimulation(
                            desired.load.profile,
                            seed=desired.load.seed,
                            duration=min(left, LONGEST),
                        )
                    )
            yield await stack.enter_async_context(
                running_trial(
                    settings, run_id=self._record.run_id, clock=place.clock, progress=_say_nothing
                )
            )

    async def _measure(self, trial: Trial) -> None:
        record = self._record
        record.interval_seconds = self._desired.interval_seconds
        record.idle_cores = trial.seen.idle_cpu_per_second.get(Variant.CANDIDATE)
        async for samples in trial.intervals():
            broken = self._take(samples) if samples else None
            self._note_facts(trial)
            if broken is None:
                broken = self._watch.take_host_cpu(trial.host_cpu_share())
            if broken is not None:
                self._break(trial, broken)
                return
            if self._place.clock.now() >= self._desired.deadline:
                # The timer of `run` stands still while a host is suspended.
                self._end(RunState.ENDED, _AT_DEADLINE)
                return

    def _take(self, samples: Sequence[Sample]) -> BrokenLimit | None:
        """Number them, keep them, and look at the limits."""
        numbered = [self._numbered(sample) for sample in samples]
        place, record = self._place, self._record
        batch = batch_of(
            numbered,
            experiment_id=record.experiment_id,
            run_id=record.run_id,
            first_sequence=record.through_sequence + 1,
        )
        # First the samples, then their numbers: after a crash in between, the spool tells the numbers.
        place.spool.append(to_payload(batch), samples=len(numbered))
        record.through_sequence += len(numbered)
        record.next_scrape = max(sample.scrape + sample.scrapes for sample in numbered)
        self._is_let_out |= {sample.variant for sample in numbered if sample.output_points}
        if record.state is RunState.STARTING and len(self._is_let_out) == len(Variant):
            record.first_point_at = record.first_point_at or place.clock.now()
            self._change(RunState.FLOWING)
        else:
            self._keep()
        place.spooled()
        return self._watch.take(numbered)

    def _numbered(self, sample: Sample) -> Sample:
        """The sample with its number in the whole experiment on this host.

        The first ones after a restart count as not acknowledged: the collectors began anew, and what they
        remembered of the processes is gone.
        """
        if not self._first_scrape:
            return sample
        is_after_restart = sample.scrape < DISCARDED_SCRAPES
        return replace(
            sample,
            scrape=sample.scrape + self._first_scrape,
            acknowledged=sample.acknowledged and not is_after_restart,
        )

    def _note_facts(self, trial: Trial) -> None:
        now = self._place.clock.monotonic()
        if now - self._facts_at >= _FACTS_EVERY_SECONDS:
            self._facts_at = now
            self._record.facts = dict(facts_of(trial))

    def _break(self, trial: Trial, broken: BrokenLimit) -> None:
        self._record.facts = {**facts_of(trial), "limit": broken.name.value}
        state = RunState.FAILED if broken.name in _HOST_LEAVES else RunState.ABORTED
        self._end(state, broken.reason)

    def _end(self, state: RunState, reason: str, *, log_tail: Sequence[str] = ()) -> None:
        self._record.reason = reason
        self._record.log_tail = tuple(log_tail)
        self._change(state)

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


def _identity(text: str) -> CriticalIdentity:
    try:
        return CriticalIdentity(text)
    except ValueError as error:
        known = ", ".join(CriticalIdentity)
        raise InvalidInputError(f"critical_identity: {text!r} is none of {known}") from error


async def _cancelled(task: asyncio.Task[None]) -> None:
    """Return when the task is over; what it held is let go."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _say_nothing(message: str) -> None:
    """Nobody watches an agent's progress sentence by sentence; its state is in the report."""
