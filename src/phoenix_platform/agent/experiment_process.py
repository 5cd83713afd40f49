"""The process that measures one experiment; `experiments` starts it, nobody imports it.

It is a process of its own, so that the agent stays small when the experiment is over, and stays alive when
its process does not. It ends when its input does, on a signal, and at the deadline; its own watchdog
ends the collectors should it be killed.
"""

import asyncio
import math
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec

from phoenix_platform.agent.binaries import inspect
from phoenix_platform.agent.desired_pipelines import configuration_of
from phoenix_platform.agent.experiment_messages import (
    Begun,
    ExperimentSpec,
    Measured,
    Message,
    Noted,
    Over,
)
from phoenix_platform.agent.journal import log_to_stderr
from phoenix_platform.agent.load.simulation import LONGEST, LoadSimulation
from phoenix_platform.agent.run_facts import facts_of
from phoenix_platform.agent.sample_batches import batch_of, to_payload
from phoenix_platform.agent.settings import process_environment
from phoenix_platform.agent.supervision import CollectorFailedError
from phoenix_platform.agent.trial_starts import running_trial
from phoenix_platform.agent.trials import Trial, TrialSettings
from phoenix_platform.core.clock import Clock, SystemClock
from phoenix_platform.core.errors import InvalidInputError, PhoenixError
from phoenix_platform.metering.limits import DISCARDED_SCRAPES, BrokenLimit, LimitName, LimitWatch
from phoenix_platform.metering.patterns import parse_pattern
from phoenix_platform.metering.retention import CriticalIdentity
from phoenix_platform.metering.samples import Sample, Variant
from phoenix_platform.opamp.host_reports import RunState
from phoenix_platform.pipelines.configurations import Configuration

AT_DEADLINE: Final = "its deadline came"
_FACTS_EVERY_SECONDS: Final = 15.0
_HOST_LEAVES: Final = frozenset({LimitName.HOST_CPU})
"""Limits whose breach says nothing against the candidate: the host leaves the experiment."""


class _Measurement:
    def __init__(self, spec: ExperimentSpec, environment: Mapping[str, str], clock: Clock) -> None:
        self._spec = spec
        self._desired = spec.desired
        self._environment = environment
        self._clock = clock
        self._sequence = spec.first_sequence
        self._noted_at = -math.inf
        self._is_flowing = False
        self._watch = LimitWatch(
            max_host_cpu_share=self._desired.limits.max_host_cpu_share,
            aborts_on_critical_miss=self._desired.limits.abort_on_critical_miss,
            first_scrape=spec.first_scrape,
        )

    async def run(self) -> None:
        """Measure until something ends it; the last line says what."""
        try:
            baseline = configuration_of(self._desired.baseline)
            candidate = configuration_of(self._desired.candidate)
            async with self._started(baseline, candidate) as trial:
                _say(await self._measure(trial))
        except CollectorFailedError as error:
            # A candidate that ran and then ends by itself is a finding; one that never ran is none.
            is_finding = error.collector == Variant.CANDIDATE and self._is_flowing
            state = RunState.ABORTED if is_finding else RunState.FAILED
            _say(Over(state=state, reason=str(error), log_tail=error.log_lines))
        except PhoenixError as error:
            _say(Over(state=RunState.FAILED, reason=str(error)))

    @asynccontextmanager
    async def _started(
        self, baseline: Configuration, candidate: Configuration
    ) -> AsyncGenerator[Trial]:
        desired, spec = self._desired, self._spec
        binary = inspect(Path(spec.collector))
        settings = TrialSettings(
            host=spec.host_name,
            binary=binary.path,
            target=binary.target,
            baseline=baseline,
            candidate=candidate,
            interval=timedelta(seconds=desired.interval_seconds),
            exporter=desired.exporter,
            ignore=frozenset(desired.ignore),
            critical=tuple(parse_pattern(text) for text in desired.critical),
            critical_identity=_identity(desired.critical_identity),
            environment=self._environment,
            production_interval=timedelta(seconds=desired.production_interval_seconds),
            idle_time=timedelta(seconds=spec.idle_seconds),
        )
        hashes = {Variant.BASELINE.value: baseline.hash, Variant.CANDIDATE.value: candidate.hash}
        _say(Begun(hashes=hashes))
        async with AsyncExitStack() as stack:
            load = desired.load
            if load is not None and load.deadline > self._clock.now():
                left = min(load.deadline - self._clock.now(), LONGEST)
                await stack.enter_async_context(
                    LoadSimulation(load.profile, seed=load.seed, duration=left)
                )
            yield await stack.enter_async_context(
                running_trial(
                    settings, run_id=spec.run_id, clock=self._clock, progress=_say_nothing
                )
            )

    async def _measure(self, trial: Trial) -> Over:
        async for samples in trial.intervals():
            broken = self._take(samples) if samples else None
            self._note(trial)
            broken = broken or self._watch.take_host_cpu(trial.host_cpu_share())
            if broken is not None:
                return _broken(trial, broken)
            if self._clock.now() >= self._desired.deadline:
                # Whoever started us has a timer too, which stands still while a host is suspended.
                return Over(state=RunState.ENDED, reason=AT_DEADLINE, facts=dict(facts_of(trial)))
        raise AssertionError  # the intervals do not end by themselves

    def _take(self, samples: Sequence[Sample]) -> BrokenLimit | None:
        """Number them, hand them on, and look at the limits."""
        numbered = [self._numbered(sample) for sample in samples]
        batch = batch_of(
            numbered,
            experiment_id=self._desired.id,
            run_id=self._spec.run_id,
            first_sequence=self._sequence,
        )
        self._sequence += len(numbered)
        let_out = {sample.variant.value for sample in numbered if sample.output_points}
        self._is_flowing |= Variant.CANDIDATE in let_out
        _say(
            Measured(
                payload=to_payload(batch),
                samples=len(numbered),
                next_scrape=max(sample.scrape + sample.scrapes for sample in numbered),
                through_sequence=batch.through_sequence,
                let_out=tuple(sorted(let_out)),
            )
        )
        return self._watch.take(numbered)

    def _numbered(self, sample: Sample) -> Sample:
        """The sample with its number in the whole experiment on this host.

        The first ones after a restart count as not acknowledged: the collectors began anew, and what they
        remembered of the processes is gone.
        """
        first = self._spec.first_scrape
        if not first:
            return sample
        is_judged = sample.acknowledged and sample.scrape >= DISCARDED_SCRAPES
        return replace(sample, scrape=sample.scrape + first, acknowledged=is_judged)

    def _note(self, trial: Trial) -> None:
        now = self._clock.monotonic()
        if now - self._noted_at >= _FACTS_EVERY_SECONDS:
            self._noted_at = now
            idle = trial.seen.idle_cpu_per_second.get(Variant.CANDIDATE)
            _say(Noted(idle_cores=idle, facts=dict(facts_of(trial))))


def _broken(trial: Trial, broken: BrokenLimit) -> Over:
    state = RunState.FAILED if broken.name in _HOST_LEAVES else RunState.ABORTED
    facts = {**facts_of(trial), "limit": broken.name.value}
    return Over(state=state, reason=broken.reason, facts=facts)


def _identity(text: str) -> CriticalIdentity:
    try:
        return CriticalIdentity(text)
    except ValueError as error:
        known = ", ".join(CriticalIdentity)
        raise InvalidInputError(f"critical_identity: {text!r} is none of {known}") from error


def _say(message: Message) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def _say_nothing(message: str) -> None:
    """Nobody watches an agent's progress sentence by sentence; its state is in the report."""


async def _until_input_ends() -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        if not os.read(0, 4096):
            ended.set()

    loop.add_reader(0, read)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
    loop.remove_reader(0)


async def _run(spec: ExperimentSpec) -> None:
    measurement = _Measurement(spec, process_environment(), SystemClock())
    measuring = asyncio.create_task(measurement.run())
    ending = asyncio.create_task(_until_input_ends())
    await asyncio.wait((measuring, ending), return_when=asyncio.FIRST_COMPLETED)
    for task in (measuring, ending):
        if not task.done():
            task.cancel()
    results = await asyncio.gather(measuring, ending, return_exceptions=True)
    if isinstance(error := results[0], Exception):
        raise error


def main() -> None:
    """Measure what the first line of the input says."""
    log_to_stderr()
    # Byte by byte: what is behind the first line is not to be swallowed by a buffer.
    line = bytearray()
    while not line.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            return
        line += piece
    asyncio.run(_run(msgspec.json.decode(bytes(line), type=ExperimentSpec)))
