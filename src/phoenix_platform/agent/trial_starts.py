"""Starts the parts of a trial in their order, and gives the running trial; `phoenix trial` calls it.

Watchdog first, so that no moment is without a guard; then the meter's door, both variants, the idle
measurement, and the source last, so that no scrape is missed.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
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
from phoenix_platform.agent.trials import SOURCE, Trial, TrialSettings, own_cpu_seconds, variant_of
from phoenix_platform.agent.watchdog import Watchdog
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.metering.samples import Variant
from phoenix_platform.otlp.deliveries import Sink
from phoenix_platform.otlp.receiver import OtlpReceiver, ReceiverLimits
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.topologies import Topology, TopologyRequest, VariantPlaces
from phoenix_platform.pipelines.variants import plan_topology

_START_TRIES: Final = 3
_LIMITS: Final = ReceiverLimits(max_wire_bytes=64 * 2**20)
"""The source sends uncompressed, so that the same bytes can be relayed: 10,000 processes with every
opt-in metric are about 30 MB."""

Progress = Callable[[str], None]


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


def _new_folder() -> Path:
    try:
        return Path(mkdtemp(prefix="phoenix-trial-"))
    except OSError as error:
        raise UnavailableError(
            f"cannot make a temporary folder: {error.strerror}; set TMPDIR to one with space"
        ) from error


def _sinks(trial: Trial) -> Mapping[str, Sink]:
    sinks: dict[str, Sink] = {trial.topology.source_path: trial.take_scrape}
    for variant in Variant:
        for stream in variant_of(trial.topology, variant).exporters:
            sinks[stream.path] = (
                partial(trial.take_output, variant) if stream.is_judged else trial.put_aside
            )
    return sinks


def _relay(trial: Trial, variant: Variant, port: int, client: httpx.AsyncClient) -> Relay:
    url = f"http://{LOOPBACK}:{port}/v1/metrics"
    return Relay(variant, url, trial.meter, client, timeout=trial.settings.relay_timeout_seconds)


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
