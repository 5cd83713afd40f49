"""Keeps the production collector of this host at the desired configuration, without a missed interval.

Blue/green: what is new is validated and started beside the old one, seen to run and to send, and only then
the old one is stopped. Whatever fails leaves the old one as it was, and its hash is not tried again. What
cannot be there twice (a port that others send to) is rehearsed first, and then handed over. The reconciler
says what is wanted; the collector runs on when the agent ends, and the next agent takes it over.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import httpx
import msgspec

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.desired_pipelines import configuration_of
from phoenix_platform.agent.flows import read_flow
from phoenix_platform.agent.ports import endless_ports
from phoenix_platform.agent.production_processes import (
    Generation,
    ProductionProcess,
    marked_pids,
)
from phoenix_platform.agent.quarantines import Quarantine
from phoenix_platform.agent.validation import validate_configuration
from phoenix_platform.agent.whole_files import put_json, put_whole, read_json
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import InvalidInputError, PhoenixError, UnavailableError
from phoenix_platform.opamp.desired_state import DesiredPipeline
from phoenix_platform.pipelines.configurations import Configuration
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.production import ProductionPlan, plan_production
from phoenix_platform.pipelines.rehearsals import plan_rehearsal

_LOG: Final = logging.getLogger(__name__)
_POLL_SECONDS: Final = 0.1
_READY_SECONDS: Final = 30.0
_FLOW_SECONDS: Final = 60.0
"""For the first points to leave: a scrape comes after a second, but a batch may wait."""
_LOOK_SECONDS: Final = 5.0
_FLOW_LOOK_SECONDS: Final = 15.0
_SETTLED_SECONDS: Final = 60.0
"""A collector that ends sooner after a change ended of the change: the one before comes back."""
_TAIL: Final = 20
_PORT_TRIES: Final = 3
_PORT_TAKEN: Final = "address already in use"


class ProductionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the state file."""

    pipeline: DesiredPipeline
    generation: Generation
    before: DesiredPipeline | None = None
    """What ran before this, and ran well."""


class _FailedError(Exception):
    """The new configuration does not run; with the collector's own words."""

    def __init__(self, reason: str, log_tail: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.log_tail = tuple(log_tail)


class ProductionKeeper:
    """One production collector; `run` until cancelled."""

    def __init__(
        self,
        folder: Path,
        *,
        find_collector: Callable[[], CollectorBinary],
        environment: Mapping[str, str],
        quarantine: Quarantine,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self._folder = folder
        self._find_collector = find_collector
        self._environment = environment
        self._quarantine = quarantine
        self._clock = clock
        self._changed = changed
        self._wanted: DesiredPipeline | None = None
        self._is_asked = False
        """Whether a desired state has said anything yet; before that, what runs runs on."""
        self._look = asyncio.Event()
        self._facts: ProductionFacts | None = None
        self._process: ProductionProcess | None = None
        self._sent = 0.0
        self._flow_looked_at = float("-inf")
        self.flowing: tuple[str, datetime] | None = None
        """Hash of the configuration with which points leave, and since when."""
        self._unavailable: str | None = None

    @property
    def active(self) -> ProductionFacts | None:
        """What runs now; None if nothing does."""
        return self._facts

    @property
    def running(self) -> DesiredPipeline | None:
        """The configuration that runs now."""
        return self._facts.pipeline if self._facts else None

    @property
    def failure(self) -> str | None:
        """Why what is wanted does not run; None while it runs, or is still being tried."""
        if self._wanted is None:
            return self._unavailable
        failed = self._quarantine.get(self._wanted.hash)
        if failed is None:
            return self._unavailable
        return "\n".join((failed.reason, *failed.log_tail))

    @property
    def is_settled(self) -> bool:
        """Whether what runs is what is wanted."""
        active = self._facts.pipeline.hash if self._facts else None
        return active == (self._wanted.hash if self._wanted else None)

    def flowing_hash(self) -> str | None:
        """Of the configuration with which points leave; None if none was seen to leave."""
        return self.flowing[0] if self.flowing else None

    def want(self, pipeline: DesiredPipeline | None) -> None:
        """Run this from now on; None: no production collector is managed here."""
        self._is_asked = True
        if pipeline != self._wanted or not self.is_settled:
            self._wanted = pipeline
            self._look.set()

    async def run(self) -> None:
        """Make it so, and keep it so."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take_over()
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                self._look.clear()
                try:
                    await self._keep(client)
                    self._unavailable = None
                except PhoenixError as error:
                    # Nothing against the configuration: no binary, no space. Tried again at the next look.
                    self._say_unavailable(str(error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._look.wait()

    async def _keep(self, client: httpx.AsyncClient) -> None:
        wanted = self._wanted
        if not self._is_asked:
            pass
        elif wanted is None:
            await self._stop_all()
            return
        elif not self.is_settled and self._quarantine.get(wanted.hash) is None:
            await self._change(wanted, client)
        if self._process is not None and self._facts is not None:
            if not self._process.runs():
                await self._revive(self._facts, self._process, client)
            else:
                self._process.bound_log()
                await self._look_at_flow(self._facts, client)

    def _take_over(self) -> None:
        """What an earlier agent left running; what it left half-done is ended."""
        try:
            facts = read_json(self._state_path, ProductionFacts)
        except InvalidInputError:
            _LOG.exception("state of the production collector cannot be read")
            facts = None
        if facts is not None:
            log = self._config_path(facts.generation.number).with_suffix(".log")
            self._facts, self._process = facts, ProductionProcess(facts.generation, log)
        known = facts.generation.pid if facts else None
        for pid in marked_pids(self._folder):
            if pid != known:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    async def _change(self, wanted: DesiredPipeline, client: httpx.AsyncClient) -> None:
        """From what runs to what is wanted."""
        self._changed()
        binary = await asyncio.to_thread(self._find_collector)
        try:
            configuration = configuration_of(wanted)
            await self._validate(binary, configuration, wanted)
            plan = self._plan(configuration, binary)
            if plan.singles and self._process is not None and self._process.runs():
                await self._hand_over(wanted, configuration, binary, client)
            else:
                await self._overlap(wanted, configuration, binary, client)
        except (_FailedError, InvalidInputError) as error:
            tail = error.log_tail if isinstance(error, _FailedError) else ()
            self._quarantine.add(wanted.hash, str(error), tail)
            _LOG.warning("production configuration failed", extra={"reason": str(error)})
        else:
            _LOG.info("production configuration changed", extra={"hash": wanted.hash})
        finally:
            self._changed()

    async def _validate(
        self, binary: CollectorBinary, configuration: Configuration, wanted: DesiredPipeline
    ) -> None:
        findings = await validate_configuration(
            binary, wanted.text, place=configuration.name, environment=self._environment
        )
        if findings:
            raise _FailedError(
                f"{findings[0].place}: {findings[0].message}",
                [f"{one.place}: {one.message}" for one in findings[1:]],
            )

    async def _overlap(
        self,
        wanted: DesiredPipeline,
        configuration: Configuration,
        binary: CollectorBinary,
        client: httpx.AsyncClient,
    ) -> None:
        """Start the new one beside the old one; stop the old one once the new one sends."""
        old = self._process
        must_flow = old is not None and old.runs() and await self._sends(old, client)
        green, plan = await self._start(wanted.hash, configuration, binary, client)
        try:
            if must_flow and plan.produces:
                await self._wait_until_it_sends(green, client)
        except BaseException:
            await green.stop()
            raise
        self._switch(wanted, green)
        if old is not None:
            await old.stop()
        self._remove_old_files()

    async def _hand_over(
        self,
        wanted: DesiredPipeline,
        configuration: Configuration,
        binary: CollectorBinary,
        client: httpx.AsyncClient,
    ) -> None:
        """Rehearse the new one, stop the old one, start the new one; the old one again if that fails."""
        await self._rehearse(configuration, binary, client)
        old, facts = self._process, self._facts
        assert old is not None
        assert facts is not None
        await old.stop()
        try:
            green, _ = await self._start(wanted.hash, configuration, binary, client)
        except BaseException:
            before = configuration_of(facts.pipeline)
            back, _ = await self._start(facts.pipeline.hash, before, binary, client)
            self._switch(facts.pipeline, back, before=facts.before)
            raise
        self._switch(wanted, green)
        self._remove_old_files()

    async def _start(
        self,
        digest: str,
        configuration: Configuration,
        binary: CollectorBinary,
        client: httpx.AsyncClient,
    ) -> tuple[ProductionProcess, ProductionPlan]:
        """Start it and see its pipelines run; on other ports if somebody took one meanwhile."""
        for left in reversed(range(_PORT_TRIES)):
            plan = self._plan(configuration, binary)
            number = self._next_number()
            config = self._config_path(number)
            put_whole(config, write_document(plan.config).encode())
            process = ProductionProcess.start(
                binary.path,
                config,
                number=number,
                digest=digest,
                telemetry_port=plan.telemetry_port,
                environment=self._environment,
                now=self._clock.now(),
            )
            try:
                await _wait_until_ready(process, client)
            except _FailedError as error:
                await process.stop()
                if left and _PORT_TAKEN in str(error) and not plan.singles:
                    continue
                raise
            except BaseException:
                await process.stop()
                raise
            return process, plan
        raise AssertionError  # the last try returned or raised

    async def _rehearse(
        self, configuration: Configuration, binary: CollectorBinary, client: httpx.AsyncClient
    ) -> None:
        """See that data come in, with exporters replaced and all ports moved."""
        folder = self._folder / "rehearsal"
        rehearsal = plan_rehearsal(
            configuration,
            next_port=endless_ports().__next__,
            folder=str(folder),
            target=binary.target,
        )
        for own in (str(folder), *rehearsal.folders):
            os.makedirs(own, mode=0o700, exist_ok=True)  # noqa: PTH103 - of an async function; microseconds
        config = folder / "rehearsal.yaml"
        put_whole(config, write_document(rehearsal.config).encode())
        process = ProductionProcess.start(
            binary.path,
            config,
            number=0,
            digest="",
            telemetry_port=rehearsal.telemetry_port,
            environment=self._environment,
            now=self._clock.now(),
        )
        try:
            await _wait_until_ready(process, client)
            if self._plan(configuration, binary).produces:
                await _wait_until_it_takes(process, client)
        finally:
            await process.stop()

    def _switch(
        self,
        pipeline: DesiredPipeline,
        process: ProductionProcess,
        *,
        before: DesiredPipeline | None = None,
    ) -> None:
        if before is None and self._facts is not None and self._facts.pipeline != pipeline:
            before = self._facts.pipeline
        self._facts = ProductionFacts(
            pipeline=pipeline, generation=process.generation, before=before
        )
        self._process = process
        self._sent, self._flow_looked_at = 0.0, float("-inf")
        put_json(self._state_path, self._facts, durably=True)

    async def _revive(
        self, facts: ProductionFacts, dead: ProductionProcess, client: httpx.AsyncClient
    ) -> None:
        """It ended by itself: start it again, or, shortly after a change, what ran before."""
        tail = dead.log_tail(_TAIL)
        lived = (self._clock.now() - facts.generation.started_at).total_seconds()
        binary = await asyncio.to_thread(self._find_collector)
        pipeline = facts.pipeline
        if lived < _SETTLED_SECONDS and facts.before is not None:
            reason = f"it ended {lived:.0f} s after its start: {dead.last_words()}"
            self._quarantine.add(pipeline.hash, reason, tail)
            pipeline = facts.before
        _LOG.warning(
            "production collector ended",
            extra={"last_words": dead.last_words(), "next_hash": pipeline.hash},
        )
        try:
            process, _ = await self._start(
                pipeline.hash, configuration_of(pipeline), binary, client
            )
        except _FailedError as error:
            raise UnavailableError(f"production collector does not start: {error}") from error
        self._switch(pipeline, process)
        self._changed()

    async def _look_at_flow(self, facts: ProductionFacts, client: httpx.AsyncClient) -> None:
        now = self._clock.monotonic()
        if now - self._flow_looked_at < _FLOW_LOOK_SECONDS:
            return
        self._flow_looked_at = now
        flow = await read_flow(client, facts.generation.telemetry_port)
        if flow is None:
            return
        is_flowing, self._sent = flow.sent > self._sent, flow.sent
        digest = facts.pipeline.hash
        if is_flowing and (self.flowing is None or self.flowing[0] != digest):
            self.flowing = (digest, self._clock.now())
            self._changed()

    async def _sends(self, process: ProductionProcess, client: httpx.AsyncClient) -> bool:
        flow = await read_flow(client, process.generation.telemetry_port)
        return flow is not None and flow.sent > 0

    async def _wait_until_it_sends(
        self, process: ProductionProcess, client: httpx.AsyncClient
    ) -> None:
        for _ in range(round(_FLOW_SECONDS / _POLL_SECONDS)):
            _check(process)
            if await self._sends(process, client):
                return
            await asyncio.sleep(_POLL_SECONDS)
        raise _FailedError(
            f"it runs, but sent nothing within {_FLOW_SECONDS:.0f} s, and the one before it sends",
            process.log_tail(_TAIL),
        )

    async def _stop_all(self) -> None:
        if self._process is None:
            return
        await self._process.stop()
        self._process, self._facts, self.flowing = None, None, None
        self._state_path.unlink(missing_ok=True)
        self._remove_old_files()
        _LOG.info("production collector is not managed any more: stopped")
        self._changed()

    def _plan(self, configuration: Configuration, binary: CollectorBinary) -> ProductionPlan:
        return plan_production(
            configuration,
            next_port=endless_ports().__next__,
            target=binary.target,
            instance="phoenix-production",
        )

    def _say_unavailable(self, reason: str) -> None:
        if reason != self._unavailable:
            _LOG.warning("production collector cannot be kept", extra={"reason": reason})
            self._unavailable = reason
            self._changed()

    @property
    def _state_path(self) -> Path:
        return self._folder / "state.json"

    def _config_path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.yaml"

    def _next_number(self) -> int:
        return max((int(path.stem) for path in self._folder.glob("[0-9]*.yaml")), default=0) + 1

    def _remove_old_files(self) -> None:
        """Configurations hold secrets, and logs grow: only those of the collector that runs stay."""
        kept = self._facts.generation.number if self._facts else -1
        for path in self._folder.glob("[0-9]*.*"):
            if int(path.stem) != kept:
                path.unlink(missing_ok=True)


def _check(process: ProductionProcess) -> None:
    if not process.runs():
        raise _FailedError(f"it ended: {process.last_words()}", process.log_tail(_TAIL))


async def _wait_until_ready(process: ProductionProcess, client: httpx.AsyncClient) -> None:
    for _ in range(round(_READY_SECONDS / _POLL_SECONDS)):
        _check(process)
        if process.is_ready and await read_flow(client, process.generation.telemetry_port):
            return
        await asyncio.sleep(_POLL_SECONDS)
    raise _FailedError(f"not ready after {_READY_SECONDS:.0f} s", process.log_tail(_TAIL))


async def _wait_until_it_takes(process: ProductionProcess, client: httpx.AsyncClient) -> None:
    for _ in range(round(_READY_SECONDS / _POLL_SECONDS)):
        _check(process)
        flow = await read_flow(client, process.generation.telemetry_port)
        if flow is not None and flow.accepted > 0:
            return
        await asyncio.sleep(_POLL_SECONDS)
    raise _FailedError(
        f"in a rehearsal no data came in within {_READY_SECONDS:.0f} s", process.log_tail(_TAIL)
    )
