"""A trial on this host: three collectors around one meter, from start to the last trace.

source → meter → the same bytes to baseline and candidate → meter. What comes out are samples; who
judges them is the caller (`phoenix trial`).
"""

import asyncio
import json
import os
import resource
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import httpx

from phoenix_platform.agent.background import BackgroundTasks
from phoenix_platform.agent.http_server import serving
from phoenix_platform.agent.ports import LOOPBACK, free_ports
from phoenix_platform.agent.relay import Relay
from phoenix_platform.agent.supervision import Collector, CollectorSpec, PortTakenError
from phoenix_platform.agent.telemetry import CollectorCounters, read_counters
from phoenix_platform.agent.trial_plans import Endpoints, Planner, TrialPlan, TrialSettings
from phoenix_platform.agent.usage import Usage
from phoenix_platform.agent.watchdog import Watchdog
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.metering.meter import Meter, MeterSettings, Reading
from phoenix_platform.metering.samples import Sample, Variant
from phoenix_platform.metering.scrapes import Scrape
from phoenix_platform.otlp.decoding import Decoder
from phoenix_platform.otlp.receiver import Accepted, Answer, Delivery, OtlpReceiver

SOURCE: Final = "source"
_START_TRIES: Final = 3
_SPARE_PORTS: Final = 16
_RELAY_TIMEOUT_INTERVALS: Final = 5
_COUNTERS_EVERY_SECONDS: Final = 2.0
"""How often a collector is asked for its counters: asking costs it CPU time that is not its own."""
_CPU_WINDOW_SECONDS: Final = 30.0

Progress = Callable[[str], None]


@dataclass(slots=True)
class Observations:
    """What is known beside the samples; read by the live view and by the record."""

    scrapes: int = 0
    points_of_last_scrape: int = 0
    processes_of_last_scrape: int = 0
    malformed_bodies: int = 0
    put_aside_bytes: int = 0
    """What exporters that are not judged sent."""
    idle_cpu_per_second: Mapping[Variant, float] = field(default_factory=dict[Variant, float])
    first_usage: Mapping[str, Usage] = field(default_factory=dict[str, Usage])
    """By collector, when the source was started."""
    source_started: float | None = None
    """Monotonic seconds."""


class Trial:
    """A trial under way."""

    def __init__(
        self,
        settings: TrialSettings,
        meter: Meter,
        collectors: Mapping[str, Collector],
        tasks: BackgroundTasks,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.meter = meter
        self.collectors = dict(collectors)
        self.seen = Observations()
        self.relays: Mapping[Variant, Relay] = {}
        self._counters: dict[Variant, CollectorCounters] = {}
        self._tasks = tasks
        self._clock = clock
        self._cpu_marks: deque[tuple[float, float]] = deque()

    async def intervals(self) -> AsyncGenerator[list[Sample]]:
        """New samples, baseline before candidate; an empty list is a tick without one.

        Raises:
            CollectorFailedError: If one of the three collectors ended by itself.
        """
        while True:
            self._tasks.check()
            for collector in self.collectors.values():
                collector.check()
            yield self.meter.close_due(now=self._clock.unix_nano())
            await asyncio.sleep(min(self.settings.interval.total_seconds(), 1.0) / 2)

    def host_cpu_share(self) -> float | None:
        """Share of the whole host that the trial used in the last half minute; None before that."""
        now = self._clock.monotonic()
        used = own_cpu_seconds()
        for collector in self.collectors.values():
            usage = collector.usage()
            used += usage.cpu_seconds if usage else 0.0
        self._cpu_marks.append((now, used))
        while len(self._cpu_marks) > 1 and now - self._cpu_marks[1][0] >= _CPU_WINDOW_SECONDS:
            self._cpu_marks.popleft()
        then, before = self._cpu_marks[0]
        if now - then < _CPU_WINDOW_SECONDS:
            return None
        return (used - before) / (now - then) / (os.cpu_count() or 1)

    async def take_scrape(self, delivery: Delivery) -> Answer:
        scrape = self.meter.take_scrape(delivery.body, now=self._clock.unix_nano())
        if scrape is not None:
            self._note(scrape)
            for variant, relay in self.relays.items():
                self.meter.read(variant, scrape.window.number, self._reading(variant))
                if self.meter.is_relayed(variant, scrape):
                    relay.offer(scrape, delivery.body)
        return Accepted()

    async def take_output(self, variant: Variant, delivery: Delivery) -> Answer:
        self.meter.take_output(variant, delivery.body, now=self._clock.unix_nano())
        return Accepted()

    async def put_aside(self, delivery: Delivery) -> Answer:
        self.seen.put_aside_bytes += len(delivery.body)
        return Accepted()

    async def poll_counters(self, variant: Variant, client: httpx.AsyncClient) -> None:
        """Keep the collector's own counters fresh; until cancelled."""
        every = max(_COUNTERS_EVERY_SECONDS, self.settings.interval.total_seconds())
        while True:
            counters = await read_counters(client, self.collectors[variant].spec.telemetry_url)
            if counters is not None:
                self._counters[variant] = counters
            await asyncio.sleep(every)

    def _note(self, scrape: Scrape) -> None:
        self.seen.scrapes += 1
        self.seen.points_of_last_scrape = scrape.points
        self.seen.processes_of_last_scrape = len(scrape.processes)

    def _reading(self, variant: Variant) -> Reading:
        usage = self.collectors[variant].usage()
        counters = self._counters.get(variant)
        return Reading(
            cpu_seconds=usage.cpu_seconds if usage else None,
            rss_bytes=usage.rss_bytes if usage else None,
            refused_points=counters.refused_points if counters else None,
            dropped_points=counters.dropped_points if counters else None,
            queue_full=counters.queue_full if counters else None,
        )


def own_cpu_seconds() -> float:
    """User + system time of this process, the meter."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


@asynccontextmanager
async def running_trial(
    settings: TrialSettings, planner: Planner, *, run_id: str, clock: Clock, progress: Progress
) -> AsyncGenerator[Trial]:
    """Start everything, give the running trial, and leave nothing behind.

    Raises:
        CollectorFailedError: If a collector does not start; with its own words.
        InvalidInputError: If the configurations cannot be tried.
        UnavailableError: If loopback gives no port, or the temporary folder no space.
    """
    async with AsyncExitStack() as stack:
        folder = _new_folder()
        watchdog = stack.enter_context(Watchdog(run_id, folder))
        tasks = await stack.enter_async_context(BackgroundTasks())
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        door = _Door()
        port = await stack.enter_async_context(serving(door))
        starter = _Starter(
            settings, planner, f"http://{LOOPBACK}:{port}", folder,
            {**settings.environment, **watchdog.environment}, client, progress,
        )  # fmt: skip
        collectors, plan = await starter.start_variants(stack)
        trial = Trial(settings, _meter(settings, plan, clock), collectors, tasks, clock)
        door.receiver = OtlpReceiver(_sinks(trial, plan))
        trial.relays = _relays(trial, starter.endpoints, client)
        for variant, relay in trial.relays.items():
            tasks.start(relay.run(), name=f"relay to {variant}")
            tasks.start(trial.poll_counters(variant, client), name=f"counters of {variant}")
        progress(
            f"measuring both variants without input ({settings.idle_time.total_seconds():.0f} s)"
        )
        await _measure_idle(trial, clock)
        progress("starting the source")
        trial.seen.source_started = clock.monotonic()
        trial.collectors[SOURCE] = await starter.start_source(stack, plan)
        trial.seen.first_usage = {
            name: usage
            for name, collector in trial.collectors.items()
            if (usage := collector.usage()) is not None
        }
        yield trial


class _Door:
    """The meter's ASGI application; its routes are known only once the plan is made."""

    receiver: OtlpReceiver | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert self.receiver is not None
        await self.receiver(scope, receive, send)


@dataclass(slots=True)
class _Starter:
    """Starts the collectors of a trial, with other ports when one was taken."""

    settings: TrialSettings
    planner: Planner
    meter_url: str
    folder: Path
    environment: Mapping[str, str]
    client: httpx.AsyncClient
    progress: Progress
    endpoints: Endpoints = field(init=False)

    async def start_variants(
        self, stack: AsyncExitStack
    ) -> tuple[Mapping[str, Collector], TrialPlan]:
        for left in reversed(range(_START_TRIES)):
            self.endpoints = self._new_endpoints()
            plan = self.planner(self.endpoints)
            collectors = {
                variant.value: self._collector(
                    variant.value, variant_plan.config, self.endpoints.telemetry_ports[variant]
                )
                for variant, variant_plan in plan.variants.items()
            }
            async with AsyncExitStack() as attempt:
                for name, collector in collectors.items():
                    self.progress(f"starting the {name} collector")
                    attempt.push_async_callback(collector.stop)
                    try:
                        await collector.start(self.client)
                    except PortTakenError:
                        if not left:
                            raise
                        break
                else:
                    stack.push_async_callback(attempt.pop_all().aclose)
                    return collectors, plan
        raise AssertionError  # the last try returned or raised

    async def start_source(self, stack: AsyncExitStack, plan: TrialPlan) -> Collector:
        source = self._collector(SOURCE, plan.source_config, self.endpoints.source_telemetry_port)
        stack.push_async_callback(source.stop)
        await source.start(self.client)
        return source

    def _new_endpoints(self) -> Endpoints:
        source, *ports = free_ports(1 + 2 * len(Variant) + _SPARE_PORTS)
        variants = list(Variant)
        return Endpoints(
            meter_url=self.meter_url,
            source_telemetry_port=source,
            otlp_ports=dict(zip(variants, ports, strict=False)),
            telemetry_ports=dict(zip(variants, ports[len(variants) :], strict=False)),
            spare_ports=tuple(ports[2 * len(variants) :]),
            folder=self.folder,
        )

    def _collector(self, name: str, config: Mapping[str, Any], telemetry_port: int) -> Collector:
        path = self.folder / f"{name}.yaml"
        try:
            path.touch(mode=0o600)
            # JSON is YAML, and a writer that cannot misquote.
            path.write_text(json.dumps(config, indent=1, default=str), encoding="utf-8")
        except OSError as error:
            raise UnavailableError(
                f"cannot write {path}: {error.strerror}; free some space"
            ) from error
        return Collector(
            CollectorSpec(
                name=name,
                binary=self.settings.binary,
                config=path,
                telemetry_url=f"http://{LOOPBACK}:{telemetry_port}/metrics",
                nice=self.settings.nice,
                environment=self.environment,
                working_folder=self.folder,
            )
        )


def _new_folder() -> Path:
    try:
        return Path(mkdtemp(prefix="phoenix-trial-"))
    except OSError as error:
        raise UnavailableError(
            f"cannot make a temporary folder: {error.strerror}; set TMPDIR to one with space"
        ) from error


def _meter(settings: TrialSettings, plan: TrialPlan, clock: Clock) -> Meter:
    return Meter(
        MeterSettings(
            host=settings.host,
            interval=settings.interval,
            timings={variant: of.timing for variant, of in plan.variants.items()},
            critical=settings.critical,
            critical_identity=settings.critical_identity,
        ),
        Decoder,
        began_unix_nano=clock.unix_nano(),
    )


def _sinks(trial: Trial, plan: TrialPlan) -> dict[str, Callable[[Delivery], Any]]:
    sinks: dict[str, Callable[[Delivery], Any]] = {plan.source_path: trial.take_scrape}
    for variant, variant_plan in plan.variants.items():
        sinks |= dict.fromkeys(variant_plan.other_paths, trial.put_aside)
        sinks[variant_plan.judged_path] = _output_sink(trial, variant)
    return sinks


def _output_sink(trial: Trial, variant: Variant) -> Callable[[Delivery], Any]:
    async def take(delivery: Delivery) -> Answer:
        return await trial.take_output(variant, delivery)

    return take


def _relays(
    trial: Trial, endpoints: Endpoints, client: httpx.AsyncClient
) -> Mapping[Variant, Relay]:
    timeout = max(1.0, _RELAY_TIMEOUT_INTERVALS * trial.settings.interval.total_seconds())
    return {
        variant: Relay(
            variant, f"http://{LOOPBACK}:{port}/v1/metrics", trial.meter, client, timeout=timeout
        )
        for variant, port in endpoints.otlp_ports.items()
    }


async def _measure_idle(trial: Trial, clock: Clock) -> None:
    """CPU seconds per second of both variants while nothing comes in."""
    before = {variant: trial.collectors[variant].usage() for variant in trial.relays}
    began = clock.monotonic()
    await asyncio.sleep(trial.settings.idle_time.total_seconds())
    elapsed = clock.monotonic() - began
    idle: dict[Variant, float] = {}
    for variant, first in before.items():
        trial.collectors[variant].check()
        last = trial.collectors[variant].usage()
        if first is not None and last is not None:
            idle[variant] = (last.cpu_seconds - first.cpu_seconds) / elapsed
    trial.seen.idle_cpu_per_second = idle
