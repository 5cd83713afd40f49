"""What a trial needs to know to start three collectors, and what it gets for it: values without behaviour.

`variants.plan_topology` makes them; the agent's supervision and `phoenix trial` read them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Target

SOURCE_PATH = "/source/v1/metrics"
"""Where the source exports to, below the meter's URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantPlaces:
    """What one variant's collector has for itself."""

    otlp_port: int
    """Loopback port on which it takes the relayed scrapes (OTLP/HTTP, path `/v1/metrics`)."""
    telemetry_port: int
    """Loopback port of its own Prometheus metrics."""
    folder: str
    """Absolute path; files of its extensions go below it. Nothing is created here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyRequest:
    interval: timedelta
    """How often the source scrapes; stands for the shorter `collection_interval` of the two variants."""
    meter_url: str
    """`http://127.0.0.1:PORT` of the meter."""
    source_telemetry_port: int
    baseline: VariantPlaces
    candidate: VariantPlaces
    exporter: str | None = None
    """Id of the exporter whose stream is judged; needed where a variant has several."""
    ignore: frozenset[str] = frozenset()
    """Receiver options whose difference is accepted: `timeout`, or with more of the path, `process.timeout`."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """The environment the collectors will see, before `Topology.environment` is added."""
    target: Target = field(default_factory=Target)
    """The collector binary that runs all three."""
    instance: str = "phoenix"
    """Start of `service.instance.id` of the three collectors."""

    def __post_init__(self) -> None:
        if self.interval <= timedelta(0):
            raise InvalidInputError(f"interval: must be above zero: {self.interval}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterStream:
    """What one exporter of a user's configuration would have sent, as it reaches the meter."""

    id: str
    """The exporter's id in the user's configuration."""
    component: str
    """Id of the exporter that replaces it in the trial."""
    path: str
    """Path below the meter's URL that it posts OTLP/HTTP metrics to."""
    is_judged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantTopology:
    config: dict[str, Any]
    """The collector's configuration, in plain dicts and lists."""
    exporters: tuple[ExporterStream, ...]
    """One per exporter of the user's configuration that takes part; exactly one is judged."""
    relay_every: int
    """n: the meter relays every n-th scrape to this variant."""
    emits_every: timedelta
    """Time between two outputs in the trial: n intervals, or an `interval` processor's if that is longer."""
    holds_for: timedelta
    """How long batching may hold points back; it delays them and does not change their times."""
    stand_ins: tuple[str, ...]
    """Ids of processors of ours that stand for the receiver's settings; their CPU is listed apart."""
    drops_with: tuple[str, ...]
    """Ids of processors that may drop or merge processes, in the order of the pipelines; the first that
    matches names the rule of a critical process that is missing."""
    folders: tuple[str, ...]
    """Folders to create before the start."""

    @property
    def judged(self) -> ExporterStream:
        return next(stream for stream in self.exporters if stream.is_judged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    source: dict[str, Any]
    """Configuration of the collector that scrapes.

    None of the three runs a health_check extension, which a target may lack: a collector is up once its
    telemetry port answers, and the source works once its first scrape reaches the meter.
    """
    source_path: str
    """Path below the meter's URL that the source posts to."""
    baseline: VariantTopology
    candidate: VariantTopology
    environment: Mapping[str, str]
    """Dummies for variables that the configurations name and the environment lacks; set them for the variants."""
    not_measured: tuple[str, ...]
    """What of the two configurations takes no part, one sentence each, with its place."""
    ignored: tuple[str, ...]
    """Differences that `--ignore` accepted, one sentence each."""
    notes: tuple[str, ...]
    """What else a reader of the verdict must know."""
