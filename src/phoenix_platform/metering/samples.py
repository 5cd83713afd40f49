"""A sample: what one variant did on one host in one interval.

The live path, the recording path and the preview path all produce it, and every analysis starts
from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Variant(StrEnum):
    BASELINE = "baseline"
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True, order=True)
class ProcessInstance:
    """One life of one process on the host of the sample. No command line: it may carry secrets."""

    name: str
    """The kernel's name of the executable (`process.executable.name`)."""
    pid: int
    started_unix_nano: int


@dataclass(frozen=True, slots=True)
class HostTotal:
    """The sum over all processes of one additive metric in one interval."""

    raw: float
    """From the raw stream: increases of monotonic sums, current values of the others; the metric's unit."""
    output: float
    """The same from what the variant let out."""
    tolerance: float
    """What rounding of doubles may add: 1e-9 of the increase + 4 ulp of the largest running value."""

    @property
    def is_conserved(self) -> bool:
        return abs(self.output - self.raw) <= self.tolerance


@dataclass(frozen=True, slots=True)
class Visibility:
    """How much of one signal of the raw stream is in processes that kept their name."""

    raw: float
    """Sum over all processes in the span: increases of counters, current values of the others."""
    named: float
    """The part of it in processes whose name the output still shows for this signal."""
    top: int
    """Processes in the raw top 10 of the span; fewer where fewer used anything."""
    top_named: int
    """Those of the raw top 10 that kept their name."""
    effective_raw: float
    """exp(H) of the processes' shares of the signal: their effective number; 0 without any use."""
    effective_named: float
    """The same with every process that lost its name put into one."""


@dataclass(frozen=True, slots=True)
class KeptMetric:
    """What became of one metric of the critical processes that stayed visible."""

    had: int
    """Of these processes, how many had it in the raw scrapes of the span, with a value."""
    lost: int
    """Of these, how many do not have it in the output, by the rule that makes a process visible."""
    example: ProcessInstance | None
    """The first that lost it; None if none did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One row of an experiment. `None` means that it was not measured, never 0."""

    host: str
    variant: Variant
    scrape: int
    """Number of the first scrape in this sample, counted from 0 over all scrapes of the source."""
    scrapes: int
    """How many scrapes this sample spans: 1, or as many as lie between two outputs of the variant."""
    started_unix_nano: int
    """Time of the first raw point in the span (a of the first scrape)."""
    ended_unix_nano: int
    """Time of the last raw point in the span (b of the last scrape)."""
    acknowledged: bool
    """Whether the variant took every scrape of the span whole (2xx, no partial success), and no clock
    jump near it leaves in doubt what belongs to it."""
    input_points: int
    """Data points in the raw scrapes of the span."""
    output_points: int
    series: int
    """Distinct series with a value in the span."""
    active_series: int | None
    """Distinct series with a value in the last 20 min; None until the window is complete."""
    hour_series: int | None
    """Distinct series with a value in the clock hour so far; None for an hour that was not seen whole."""
    label_series: int | None
    """Distinct series in the span when only the points' attributes become labels (Prometheus without
    resource attributes)."""
    label_colliding_points: int | None
    """Points beyond the first of one such series within a scrape: they overwrite each other."""
    new_series: int | None
    """Series of the span that no earlier counted span had; None in a span that is not counted: one is
    every production interval."""
    stored_bytes: int
    """Estimated stored bytes of the points that left, the way New Relic-like vendors count."""
    otlp_bytes: int
    """Uncompressed OTLP that left; shown, never judged."""
    metric_names: int
    colliding_points: int
    """Points beyond the first of one series in the span: two values under one identity."""
    late_points: int
    """Points that belong to a span already closed; they are in no sample."""
    raw_processes: int
    """Processes in the raw scrape of the span that held most."""
    critical_seen: tuple[ProcessInstance, ...]
    """Critical processes of the raw stream that stayed visible one to one."""
    critical_missing: tuple[ProcessInstance, ...]
    """Critical processes of the raw stream without a point of their own in the output."""
    critical_metrics: Mapping[str, KeptMetric]
    """By name, every metric that the processes of `critical_seen` had in the raw scrapes."""
    totals: Mapping[str, HostTotal]
    """By metric name, additive metrics only."""
    visibility: Mapping[str, Visibility]
    """By signal: `cpu`, `rss`, `io`; without those that the raw scrapes do not hold."""
    cpu_seconds: float | None
    """CPU time (user + system) of the variant's collector in the span, from /proc."""
    rss_bytes: int | None
    """Resident memory of the variant's collector at the end of the span."""
    refused_points: int | None
    """Points the variant's receiver refused in the span (its own counters)."""
    dropped_points: int | None
    """Points the variant could not queue or failed to export for good in the span (its own counters)."""
    queue_full: bool | None
    """Whether its sending queue was full when its counters were read."""
    delay_p50_seconds: float | None
    """From the end of the scrape to the arrival of its points at the meter, median over points."""
    delay_p95_seconds: float | None
