"""A trial on this host: three collectors around one meter, from start to the last trace.

source → meter → the same bytes to baseline and candidate → meter. What comes out are samples; who
judges them is the caller (`phoenix trial`).
"""

import asyncio
import os
import resource
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx

from phoenix_platform.agent.background import BackgroundTasks
from phoenix_platform.agent.relay import Relay
from phoenix_platform.agent.silences import Silences
from phoenix_platform.agent.supervision import Collector
from phoenix_platform.agent.telemetry import CollectorCounters, read_counters
from phoenix_platform.agent.usage import STOPPED, Usage, state_of, usage_of
from phoenix_platform.core.clock import Clock
from phoenix_platform.metering.meter import Meter, MeterSettings, VariantTiming
from phoenix_platform.metering.patterns import ProcessPattern
from phoenix_platform.metering.readings import Reading
from phoenix_platform.metering.retention import CriticalIdentity
from phoenix_platform.metering.samples import Sample, Variant
from phoenix_platform.metering.scrapes import Scrape
from phoenix_platform.otlp.decoding import Decoder
from phoenix_platform.otlp.deliveries import Accepted, Answer, Delivery
from phoenix_platform.pipelines.components import Target
from phoenix_platform.pipelines.configurations import Configuration
from phoenix_platform.pipelines.topologies import Topology, VariantTopology

SOURCE: Final = "source"
_COUNTERS_EVERY_SECONDS: Final = 2.0
"""How often a collector is asked for its counters: asking costs it CPU time that is not its own."""
_CPU_WINDOW_SECONDS: Final = 30.0
_RELAY_TIMEOUT_INTERVALS: Final = 5
_SILENT_TIMEOUTS: Final = 3
_LEAST_SILENCE_SECONDS: Final = 30.0
"""A busy host holds up every process for seconds: so long a silence is not the host's alone."""


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
    production_interval: timedelta = timedelta(seconds=60)
    """At which the meter counts distinct series, for what they would cost."""
    idle_time: timedelta = timedelta(seconds=10)
    """How long both variants are watched without input before the first scrape: CPU ticks are
    10 ms, so ten seconds tell one thousandth of a core."""
    nice: int = 10
    """The trial steps back when the host has work to do."""

    @property
    def relay_timeout_seconds(self) -> float:
        """How long a variant may take to answer one scrape."""
        return max(1.0, _RELAY_TIMEOUT_INTERVALS * self.interval.total_seconds())


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
        self._began = (clock.unix_nano(), clock.monotonic())
        self._cpu_marks: deque[tuple[float, float]] = deque()
        self._longest_silence = max(
            _LEAST_SILENCE_SECONDS, _SILENT_TIMEOUTS * settings.relay_timeout_seconds
        )
        self._silences = Silences(dict.fromkeys((SOURCE, *Variant), self._longest_silence))
        self._began_anew: Collector | None = None

    async def intervals(self) -> AsyncGenerator[list[Sample]]:
        """New samples, baseline before candidate; an empty list is a tick without one.

        Raises:
            CollectorFailedError: If one of the three collectors ended, began anew or fell silent.
        """
        while True:
            self._tasks.check()
            self._check_collectors()
            yield self.meter.close_due(now=self._steady_nano())
            await asyncio.sleep(min(self.settings.interval.total_seconds(), 1.0) / 2)

    def _check_collectors(self) -> None:
        for collector in self.collectors.values():
            collector.check()
        if self._began_anew is not None:
            raise self._began_anew.failure("ended and was started again by what runs it")
        answers = {variant.value: relay.answers for variant, relay in self.relays.items()}
        owing = {variant.value for variant, relay in self.relays.items() if not relay.is_idle}
        self._silences.tick(
            self._clock.monotonic(),
            answers | {SOURCE: self.seen.scrapes},
            frozenset({*owing, SOURCE}),
        )
        if silent := self._silences.too_long():
            name = silent[0]
            # When the baseline is slow to answer too, the host holds them up, not the candidate itself.
            if self._silences.seconds(Variant.BASELINE) > self._longest_silence / 2:
                name = Variant.BASELINE.value
            seconds = self._silences.seconds(name)
            what = "sent no scrape" if name == SOURCE else "answered no scrape"
            how = " (its process is stopped, as by SIGSTOP)" if name in self.stopped() else ""
            raise self.collectors[name].failure(f"{what} for {seconds:.0f} s{how}")

    def stopped(self) -> frozenset[str]:
        """Collectors whose process a signal or a debugger holds at this moment."""
        return frozenset(
            name
            for name, collector in self.collectors.items()
            if collector.pid is not None and state_of(collector.pid) in STOPPED
        )

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
        now = self._steady_nano()
        scrape = self.meter.take_scrape(
            delivery.body, now=now, wall_offset=self._clock.unix_nano() - now
        )
        if scrape is not None:
            self._note(scrape)
            for variant, relay in self.relays.items():
                self.meter.read(variant, scrape.window.number, self._reading(variant))
                if self.meter.is_relayed(variant, scrape):
                    relay.offer(scrape, delivery.body)
        return Accepted()

    async def take_output(self, variant: Variant, delivery: Delivery) -> Answer:
        self.meter.take_output(variant, delivery.body, now=self._steady_nano())
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
                self._note_uptime(variant, counters)
                self._counters[variant] = counters
            await asyncio.sleep(every)

    def _note_uptime(self, variant: Variant, counters: CollectorCounters) -> None:
        before = self._counters.get(variant)
        if before is None or before.uptime_seconds is None or counters.uptime_seconds is None:
            return
        if counters.uptime_seconds < before.uptime_seconds:
            self._began_anew = self.collectors[variant]

    def _steady_nano(self) -> int:
        """The meter's time: the wall clock as it was at the start, gone on without its jumps."""
        began, monotonic = self._began
        return began + round((self._clock.monotonic() - monotonic) * 1e9)

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


def variant_of(topology: Topology, variant: Variant) -> VariantTopology:
    return topology.baseline if variant is Variant.BASELINE else topology.candidate


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
            production_interval=settings.production_interval,
        ),
        Decoder,
        began_unix_nano=clock.unix_nano(),
    )
