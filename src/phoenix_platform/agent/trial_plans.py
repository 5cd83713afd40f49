"""What a trial on this host is made of, as values: settings, plan, endpoints."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

from phoenix_platform.metering.meter import VariantTiming
from phoenix_platform.metering.patterns import ProcessPattern
from phoenix_platform.metering.retention import CriticalIdentity
from phoenix_platform.metering.samples import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """What a plan is made for: where the meter listens, which ports are free, where files may lie."""

    meter_url: str
    source_telemetry_port: int
    otlp_ports: Mapping[Variant, int]
    telemetry_ports: Mapping[Variant, int]
    spare_ports: tuple[int, ...]
    """For extensions that listen."""
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantPlan:
    """One variant as it is to run."""

    config: Mapping[str, Any]
    timing: VariantTiming
    judged_path: str
    """Path at the meter to which the judged exporter sends."""
    other_paths: tuple[str, ...] = ()
    """Paths of exporters that are not judged: received and put aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPlan:
    """The three collectors of a trial; made anew when a port was taken."""

    source_config: Mapping[str, Any]
    source_path: str
    """Path at the meter to which the source sends its scrapes."""
    variants: Mapping[Variant, VariantPlan]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSettings:
    host: str
    binary: Path
    interval: timedelta
    critical: tuple[ProcessPattern, ...] = ()
    critical_identity: CriticalIdentity = CriticalIdentity.INSTANCE
    environment: Mapping[str, str]
    """What the collectors find in their environment; the user's own, for `${env:…}`."""
    idle_time: timedelta = timedelta(seconds=10)
    """How long both variants are watched without input before the first scrape: CPU ticks are
    10 ms, so ten seconds tell one thousandth of a core."""
    nice: int = 10
    """The trial steps back when the host has work to do."""


Planner: TypeAlias = Callable[[Endpoints], TrialPlan]
"""Makes the plan for these endpoints; called again with others when a port was taken."""
