"""Keeps what runs on this host at its desired state; the daemon hands it each new document.

The document lies on the disk before anything is done about it, so that a restart, or a day without a
control plane, changes nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

import msgspec

from phoenix_platform.agent.data_folders import DataFolder
from phoenix_platform.agent.desired_states import effects_of
from phoenix_platform.agent.experiments import ExperimentPlace, ExperimentRun
from phoenix_platform.agent.loads import ENDED, FAILED, LoadRun
from phoenix_platform.agent.statuses import Fact
from phoenix_platform.agent.whole_files import put_json, read_json
from phoenix_platform.core.errors import InvalidInputError, PhoenixError
from phoenix_platform.opamp.desired_state import (
    DesiredPipeline,
    DesiredState,
    decode_desired_state,
    desired_state_hash,
    encode_desired_state,
)
from phoenix_platform.opamp.host_reports import LoadReport, RunReport

_LOG: Final = logging.getLogger(__name__)
_MOST_RUN_REPORTS: Final = 50


class Production(Protocol):
    """Who keeps the production collector; see `production`."""

    @property
    def is_settled(self) -> bool: ...
    @property
    def failure(self) -> str | None: ...
    @property
    def running(self) -> DesiredPipeline | None: ...
    def want(self, pipeline: DesiredPipeline | None) -> None: ...


class KeptState(msgspec.Struct, frozen=True, kw_only=True):
    """The newest document, as it came."""

    hash: str
    at: datetime
    body: bytes
    offered_hash: bytes = b""
    """As the control plane called it; empty for a file."""


@dataclass(slots=True)
class _Task:
    task: asyncio.Task[None]
    stop: asyncio.Event = field(default_factory=asyncio.Event)


class Reconciler:
    """Starts and stops experiments and loads; `run` until cancelled, and then nothing is left running."""

    def __init__(self, folder: DataFolder, place: ExperimentPlace, production: Production) -> None:
        self._folder = folder
        self._place = place
        self._production = production
        self._state: DesiredState | None = None
        self._kept: KeptState | None = None
        self.applied: Fact | None = None
        """The newest document that this host has made true."""
        self._look = asyncio.Event()
        self._experiments: dict[str, _Task] = {}
        self._loads: dict[str, _Task] = {}
        self._runs: dict[str, ExperimentRun] = {}
        self._load_runs: dict[str, LoadRun] = {}
        self._read_kept()

    @property
    def kept(self) -> KeptState | None:
        """The document that is being made true; None before the first."""
        return self._kept

    def effective(self) -> bytes | None:
        """The document with the production collector that really runs; None before the first."""
        if self._state is None:
            return None
        running = self._production.running
        return encode_desired_state(msgspec.structs.replace(self._state, production=running))

    def note_applied(self) -> None:
        """Something changed on this host: the document may be true by now."""
        kept, production = self._kept, self._production
        if kept is None or not production.is_settled or production.failure is not None:
            return
        if self.applied is None or self.applied.hash != kept.hash:
            self.applied = Fact(hash=kept.hash, at=self._place.clock.now())

    def want(self, body: bytes, *, offered_hash: bytes = b"") -> str:
        """Make this document true from now on; its hash.

        Raises:
            InvalidInputError: If it is none that this agent understands; the one before stays.
            UnavailableError: If it cannot be kept.
        """
        state, digest = decode_desired_state(body), desired_state_hash(body)
        if self._kept is None or (self._kept.hash, self._kept.offered_hash) != (
            digest,
            offered_hash,
        ):
            kept = KeptState(
                hash=digest, at=self._place.clock.now(), body=body, offered_hash=offered_hash
            )
            put_json(self._folder.desired_state, kept, durably=True)
            self._kept, self._state = kept, state
            self._look.set()
        return digest

    def run_reports(self) -> tuple[RunReport, ...]:
        """Of the experiments under way here and those that ended lately."""
        reports = {record.experiment_id: record.report() for record in self._place.records.all()}
        reports |= {id_: run.record.report() for id_, run in self._runs.items()}
        newest = sorted(reports.values(), key=_reported_last)
        return tuple(newest[-_MOST_RUN_REPORTS:])

    def load_reports(self) -> tuple[LoadReport, ...]:
        return tuple(run.report for run in self._load_runs.values())

    @property
    def is_measuring(self) -> bool:
        """Whether an experiment is under way here."""
        return bool(self._experiments)

    async def run(self) -> None:
        """Act on every new document until cancelled."""
        try:
            while True:
                await self._look.wait()
                self._look.clear()
                self._reap()
                if self._state is not None:
                    self._act(self._state)
        finally:
            tasks = [one.task for one in (*self._experiments.values(), *self._loads.values())]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _act(self, state: DesiredState) -> None:
        self._production.want(state.production)
        effects = effects_of(
            state,
            experiments=self._experiments,
            loads=self._loads,
            ended=self._ended(),
            now=self._place.clock.now(),
        )
        for id_ in effects.stop_experiments:
            self._experiments[id_].stop.set()
        for id_ in effects.stop_loads:
            self._loads[id_].stop.set()
        for experiment in effects.start_experiments:
            try:
                run = ExperimentRun(experiment, self._place)
            except InvalidInputError:
                _LOG.exception("experiment cannot be read")
                continue
            self._runs[experiment.id] = run
            self._experiments[experiment.id] = self._begin(experiment.id, run.run)
        for load in effects.start_loads:
            load_run = LoadRun(load, clock=self._place.clock, changed=self._place.changed)
            self._load_runs[load.id] = load_run
            self._loads[load.id] = self._begin(load.id, load_run.run)
        self._place.changed()

    def _begin(
        self, id_: str, run: Callable[[asyncio.Event], Coroutine[object, object, None]]
    ) -> _Task:
        stop = asyncio.Event()
        task = asyncio.create_task(run(stop), name=id_)
        # Whatever ends, the desired state is looked at again.
        task.add_done_callback(lambda _: self._look.set())
        return _Task(task, stop)

    def _reap(self) -> None:
        """Take leave of what has ended; a bug of ours ends what it is in, and not the agent."""
        for tasks in (self._experiments, self._loads):
            for id_ in [id_ for id_, one in tasks.items() if one.task.done()]:
                task = tasks.pop(id_).task
                if not task.cancelled() and (error := task.exception()) is not None:
                    _LOG.error("run ended by a bug", extra={"id": id_}, exc_info=error)
                    if id_ in self._runs:
                        self._runs[id_].give_up(error)
        self._place.records.forget_old(self._place.clock.now())

    def _ended(self) -> set[str]:
        experiments = {one.experiment_id for one in self._place.records.all() if one.is_ended}
        return experiments | {
            id_ for id_, run in self._load_runs.items() if run.report.state in (ENDED, FAILED)
        }

    def _read_kept(self) -> None:
        try:
            kept = read_json(self._folder.desired_state, KeptState)
            if kept is not None:
                self._kept, self._state = kept, decode_desired_state(kept.body)
                self._look.set()
        except PhoenixError:
            # Of another version of the agent: the control plane sends the newest one at once.
            _LOG.exception("kept desired state cannot be read")


def _reported_last(report: RunReport) -> datetime:
    return report.at
