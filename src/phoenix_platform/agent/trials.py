"""A trial on this host: three collectors around one meter, from start to the last trace.

source → meter → the same bytes to baseline and candidate → meter. What comes out are samples; who
judges them is the caller (`phoenix trial`).
"""

import asyncio
import os
import resource
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
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
from phoenix_platform.agent.usage import Usage, usage_of
from phoenix_platform.agent.watchdog import Watchdog
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.metering.meter import Meter, MeterSettings, Reading, VariantTiming
from phoenix_platform.metering.patterns import ProcessPattern
from phoenix_platform.metering.retention import CriticalIdentity
from phoenix_platform.metering.samples import Sample, Variant
from phoenix_platform.metering.scrapes import Scrape
from phoenix_platform.otlp.decoding import Decoder
from phoenix_platform.otlp.deliveries import Accepted, Answer, Delivery, Sink
from phoenix_platform.otlp.receiver import OtlpReceiver, ReceiverLimits
from phoenix_platform.pipelines.components import Target
from phoenix_platform.pipelines.configurations import Configuration
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.topologies import (
    Topology,
    TopologyRequest,
    VariantPlaces,
    VariantTopology,
)
from phoenix_platform.pipelines.variants import plan_topology

SOURCE: Final = "source"
_START_TRIES: Final = 3
_RELAY_TIMEOUT_INTERVALS: Final = 5
_COUNTERS_EVERY_SECONDS: Final = 2.0
"""How often a collector is asked for its counters: asking costs it CPU time that is not its own."""
_CPU_WINDOW_SECONDS: Final = 30.0
_LIMITS: Final = ReceiverLimits(max_wire_bytes=64 * 2**20)
"""The source sends uncompressed, so that the same bytes can be relayed: 10,000 processes with every
opt-in metric are about 30 MB."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSettings:
    """What to try, on what, and how carefully."""

    host: str
    binary: Path
    target: Target
    """What that binary has."""
    baseline: Configuration
    candidate: Configuration
    interval: timedelta
    exporter: str | None = None
    """Id of the exporter whose stream is judged; needed where a variant has several."""
    ignore: frozenset[str] = frozenset()
    critical: tuple[ProcessPattern, ...] = ()
    critical_identity: CriticalIdentity = CriticalIdentity.INSTANCE
    environment: Mapping[str, str]
    """What the collectors find in their environment; the user's own, for `${env:…}`."""
    idle_time: timedelta = timedelta(seconds=10)
    """How long both variants are watched without input before the first scrape: CPU ticks are
    10 ms, so ten seconds tell one thousandth of a core."""
    nice: int = 10
    """The trial steps back when the host has work to do."""


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
    first_own_cpu_seconds: float = 0.0
    """Of the meter, at that moment."""
    source_started: float | None = None
    """Monotonic seconds."""


class Trial:
    """A trial under way."""

    def __init__(
        self,
        settings: TrialSettings,
        topology: Topology,
        collectors: Mapping[str, Collector],
        tasks: BackgroundTasks,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.topology = topology
        self.meter = _meter(settings, topology, clock)
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

    def usage(self) -> Mapping[str, Usage]:
        """What each collector has used since its start."""
        return {
            name: usage
            for name, collector in self.collectors.items()
            if (usage := collector.usage()) is not None
        }

    def host_cpu_share(self) -> float | None:
        """Share of the whole host that the trial used in the last half minute; None before that."""
        now = self._clock.monotonic()
        used = own_cpu_seconds() + sum(usage.cpu_seconds for usage in self.usage().values())
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


def own_rss_bytes() -> int | None:
    """Resident memory of this process, the meter."""
    usage = usage_of(os.getpid())
    return usage.rss_bytes if usage else None


@asynccontextmanager
async def running_trial(
    settings: TrialSettings, *, run_id: str, clock: Clock, progress: Progress
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
            settings, f"http://{LOOPBACK}:{port}", folder, watchdog.environment, client, progress
        )
        collectors = await starter.start_variants(stack)
        topology = starter.topology
        trial = Trial(settings, topology, collectors, tasks, clock)
        door.receiver = OtlpReceiver(_sinks(trial), _LIMITS)
        trial.relays = {
            variant: _relay(trial, variant, otlp_port, client)
            for variant, otlp_port in starter.otlp_ports.items()
        }
        for variant, relay in trial.relays.items():
            tasks.start(relay.run(), name=f"relay to {variant}")
            tasks.start(trial.poll_counters(variant, client), name=f"counters of {variant}")
        progress(
            f"measuring both variants without input ({settings.idle_time.total_seconds():.0f} s)"
        )
        await _measure_idle(trial, clock)
        progress("starting the source")
        trial.seen.source_started = clock.monotonic()
        trial.collectors[SOURCE] = await starter.start_source(stack)
        trial.seen.first_usage = trial.usage()
        trial.seen.first_own_cpu_seconds = own_cpu_seconds()
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
    meter_url: str
    folder: Path
    mark: Mapping[str, str]
    client: httpx.AsyncClient
    progress: Progress
    topology: Topology = field(init=False)
    otlp_ports: Mapping[Variant, int] = field(init=False)
    _source_port: int = field(init=False)

    async def start_variants(self, stack: AsyncExitStack) -> Mapping[str, Collector]:
        for left in reversed(range(_START_TRIES)):
            collectors = self._plan()
            async with AsyncExitStack() as attempt:
                try:
                    for name, collector in collectors.items():
                        self.progress(f"starting the {name} collector")
                        attempt.push_async_callback(collector.stop)
                        await collector.start(self.client)
                except PortTakenError:
                    if not left:
                        raise
                    continue
                stack.push_async_callback(attempt.pop_all().aclose)
                return collectors
        raise AssertionError  # the last try returned or raised

    async def start_source(self, stack: AsyncExitStack) -> Collector:
        source = self._collector(SOURCE, self.topology.source, self._source_port)
        stack.push_async_callback(source.stop)
        await source.start(self.client)
        return source

    def _plan(self) -> Mapping[str, Collector]:
        variants = list(Variant)
        self._source_port, *ports = free_ports(1 + 2 * len(variants))
        self.otlp_ports = dict(zip(variants, ports, strict=False))
        telemetry_ports = dict(zip(variants, ports[len(variants) :], strict=True))
        places = {
            variant: VariantPlaces(
                otlp_port=self.otlp_ports[variant],
                telemetry_port=telemetry_ports[variant],
                folder=str(self.folder / variant.value),
            )
            for variant in variants
        }
        settings = self.settings
        self.topology = plan_topology(
            settings.baseline,
            settings.candidate,
            TopologyRequest(
                interval=settings.interval,
                meter_url=self.meter_url,
                source_telemetry_port=self._source_port,
                baseline=places[Variant.BASELINE],
                candidate=places[Variant.CANDIDATE],
                exporter=settings.exporter,
                ignore=settings.ignore,
                environment=settings.environment,
                target=settings.target,
                instance=f"phoenix-trial-{settings.host}",
            ),
        )
        return {
            variant.value: self._collector(
                variant.value, variant_of(self.topology, variant).config, telemetry_ports[variant]
            )
            for variant in variants
        }

    def _collector(self, name: str, config: Mapping[str, Any], telemetry_port: int) -> Collector:
        path = self.folder / f"{name}.yaml"
        try:
            path.touch(mode=0o600)
            path.write_text(write_document(config), encoding="utf-8")
            for folder in (
                () if name == SOURCE else variant_of(self.topology, Variant(name)).folders
            ):
                Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnavailableError(
                f"cannot write {path}: {error.strerror}; free some space, or set TMPDIR"
            ) from error
        return Collector(
            CollectorSpec(
                name=name,
                binary=self.settings.binary,
                config=path,
                telemetry_url=f"http://{LOOPBACK}:{telemetry_port}/metrics",
                nice=self.settings.nice,
                environment={
                    **self.settings.environment, **self.topology.environment, **self.mark,
                },
                working_folder=self.folder,
            )
        )  # fmt: skip


def variant_of(topology: Topology, variant: Variant) -> VariantTopology:
    return topology.baseline if variant is Variant.BASELINE else topology.candidate


def _new_folder() -> Path:
    try:
        return Path(mkdtemp(prefix="phoenix-trial-"))
    except OSError as error:
        raise UnavailableError(
            f"cannot make a temporary folder: {error.strerror}; set TMPDIR to one with space"
        ) from error


def _meter(settings: TrialSettings, topology: Topology, clock: Clock) -> Meter:
    return Meter(
        MeterSettings(
            host=settings.host,
            interval=settings.interval,
            timings={
                variant: VariantTiming(
                    relay_every=variant_of(topology, variant).relay_every,
                    emits_every=variant_of(topology, variant).emits_every,
                    holds_for=variant_of(topology, variant).holds_for,
                )
                for variant in Variant
            },
            critical=settings.critical,
            critical_identity=settings.critical_identity,
        ),
        Decoder,
        began_unix_nano=clock.unix_nano(),
    )


def _sinks(trial: Trial) -> Mapping[str, Sink]:
    sinks: dict[str, Sink] = {trial.topology.source_path: trial.take_scrape}
    for variant in Variant:
        for stream in variant_of(trial.topology, variant).exporters:
            sinks[stream.path] = (
                partial(trial.take_output, variant) if stream.is_judged else trial.put_aside
            )
    return sinks


def _relay(trial: Trial, variant: Variant, port: int, client: httpx.AsyncClient) -> Relay:
    timeout = max(1.0, _RELAY_TIMEOUT_INTERVALS * trial.settings.interval.total_seconds())
    url = f"http://{LOOPBACK}:{port}/v1/metrics"
    return Relay(variant, url, trial.meter, client, timeout=timeout)


async def _measure_idle(trial: Trial, clock: Clock) -> None:
    """CPU seconds per second of both variants while nothing comes in."""
    before, began = trial.usage(), clock.monotonic()
    await asyncio.sleep(trial.settings.idle_time.total_seconds())
    after, elapsed = trial.usage(), clock.monotonic() - began
    for collector in trial.collectors.values():
        collector.check()
    trial.seen.idle_cpu_per_second = {
        variant: (after[variant].cpu_seconds - before[variant].cpu_seconds) / elapsed
        for variant in Variant
        if variant in before and variant in after
    }
