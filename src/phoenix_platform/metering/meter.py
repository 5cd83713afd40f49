"""Raw scrapes and the variants' outputs in, samples out. Called by the trial and by the agent."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.outputs import ScrapeOutput, VariantOutput
from phoenix_platform.metering.patterns import ProcessPattern
from phoenix_platform.metering.retention import CriticalIdentity, Visible, expected_in, seen_in
from phoenix_platform.metering.samples import ProcessInstance, Sample, Variant
from phoenix_platform.metering.scrapes import RawStream, Scrape
from phoenix_platform.metering.streams import Decoder
from phoenix_platform.metering.totals import compare_totals, no_totals

GRACE_INTERVALS: Final = 2
"""How many of a variant's own intervals its output may be late before a sample is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantTiming:
    """How often a variant lets something out, from its configuration."""

    relay_every: int = 1
    """It is given every n-th scrape."""
    emits_every: timedelta
    """Time between two of its outputs."""
    holds_for: timedelta = timedelta(0)
    """How long it may hold a point back, as a batch does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a collector said and used up to a scrape; totals since its start."""

    cpu_seconds: float | None
    rss_bytes: int | None
    refused_points: int | None
    dropped_points: int | None
    queue_full: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSettings:
    host: str
    interval: timedelta
    timings: Mapping[Variant, VariantTiming]
    critical: Sequence[ProcessPattern] = ()
    critical_identity: CriticalIdentity = CriticalIdentity.INSTANCE


@dataclass(frozen=True, slots=True)
class NameLoss:
    """Processes of one executable name: how many were there, how many stayed visible one by one."""

    name: str
    processes: int
    """Distinct process ids in the raw stream since the start."""
    visible: Mapping[Variant, int]


@dataclass(slots=True)
class _VariantState:
    output: VariantOutput
    timing: VariantTiming
    acknowledged: set[int] = field(default_factory=set[int])
    readings: dict[int, Reading] = field(default_factory=dict[int, Reading])
    series_by_metric: Mapping[str, int] = field(default_factory=dict[str, int])


class Meter:
    """Measures both variants of one host over the same scrapes.

    A span is as many scrapes as lie between two outputs of the slower variant; both variants have
    one sample per span.
    """

    def __init__(
        self,
        settings: MeterSettings,
        new_decoder: Callable[[], Decoder],
        *,
        began_unix_nano: int,
    ) -> None:
        self._settings = settings
        interval_nano = round(settings.interval.total_seconds() * 1e9)
        self._raw = RawStream(new_decoder(), settings.critical, interval_nano)
        self._variants = {
            variant: _VariantState(
                VariantOutput(
                    new_decoder(),
                    settings.critical,
                    interval_nano=interval_nano * timing.relay_every,
                    emits_every_nano=round(timing.emits_every.total_seconds() * 1e9),
                    began_unix_nano=began_unix_nano,
                ),
                timing,
            )
            for variant, timing in settings.timings.items()
        }
        self.scrapes_per_span = _scrapes_per_span(settings)
        self._grace_nano = _grace_nano(settings)
        self._open: deque[Scrape] = deque()
        self._before: Scrape | None = None

    @property
    def repeated_scrapes(self) -> int:
        return self._raw.repeated_scrapes

    @property
    def grace(self) -> timedelta:
        return timedelta(seconds=self._grace_nano / 1e9)

    def series_by_metric(self, variant: Variant) -> Mapping[str, int]:
        """Distinct series of the last closed span, by metric name."""
        return self._variants[variant].series_by_metric

    def stray_points(self, variant: Variant) -> int:
        """Points of the variant that arrived before it was given any scrape; in no sample."""
        return self._variants[variant].output.stray_points

    def losses(self) -> list[NameLoss]:
        """Every executable name of the raw stream, those that lost most processes first."""
        losses = [
            NameLoss(
                name,
                len(pids),
                {
                    variant: len(pids & state.output.pids_by_name.get(name, frozenset()))
                    for variant, state in self._variants.items()
                },
            )
            for name, pids in self._raw.pids_by_name.items()
        ]
        return sorted(
            losses, key=lambda loss: (min(loss.visible.values()) - loss.processes, loss.name)
        )

    def take_scrape(self, body: bytes, *, now: int) -> Scrape | None:
        """Measure a raw scrape; None if it is empty or a repetition, and then not to be relayed.

        Raises:
            InvalidInputError: If the body is malformed.
        """
        scrape = self._raw.take(body, now=now)
        if scrape is not None:
            self._open.append(scrape)
        return scrape

    def is_relayed(self, variant: Variant, scrape: Scrape) -> bool:
        """Whether this variant is given this scrape: the last of every `relay_every`."""
        return (scrape.window.number + 1) % self._variants[variant].timing.relay_every == 0

    def begin_relay(self, variant: Variant, scrape: Scrape) -> None:
        self._variants[variant].output.begin(scrape.window)

    def end_relay(self, variant: Variant, scrape: Scrape, *, acknowledged: bool) -> None:
        """The variant took the scrape whole (2xx, no partial success), or it did not."""
        state = self._variants[variant]
        if acknowledged:
            state.output.pairing.accept(scrape.window)
            state.acknowledged.add(scrape.window.number)
        else:
            state.output.pairing.refuse()

    def take_output(self, variant: Variant, body: bytes, *, now: int) -> None:
        """Measure one request of a variant.

        Raises:
            InvalidInputError: If the body is malformed.
        """
        self._variants[variant].output.take(body, now=now)

    def read(self, variant: Variant, scrape_number: int, reading: Reading) -> None:
        """What the variant's collector had used when it was about to be given this scrape."""
        self._variants[variant].readings[scrape_number] = reading

    def close_due(self, *, now: int) -> list[Sample]:
        """The samples of every span whose watermark has passed, baseline before candidate."""
        samples: list[Sample] = []
        # One scrape beyond the span must be there: it tells whether an instance lived on.
        while len(self._open) > self.scrapes_per_span:
            last = self._open[self.scrapes_per_span - 1]
            if now < last.window.ended_unix_nano + self._grace_nano:
                break
            samples += self._close_span(now=now)
        return samples

    def _close_span(self, *, now: int) -> list[Sample]:
        span = [self._open.popleft() for _ in range(self.scrapes_per_span)]
        after = self._open[0]
        chain: list[Scrape | None] = [self._before, *span, after]
        expected = [
            expected_in(scrape, before, next_)
            for (before, scrape), (_, next_) in zip(
                pairwise(chain[:-1]), pairwise(chain[1:]), strict=True
            )
            if scrape is not None
        ]
        samples = [
            self._sample(variant, span, expected, now=now) for variant in self._settings.timings
        ]
        self._before = span[-1]
        return samples

    def _sample(
        self,
        variant: Variant,
        span: Sequence[Scrape],
        expected: Sequence[frozenset[ProcessInstance]],
        *,
        now: int,
    ) -> Sample:
        state = self._variants[variant]
        outputs = state.output.close(scrape.window.number for scrape in span)
        rows = _joined([part for output in outputs for part in output.rows])
        seen = self._seen(state, span, expected, outputs)
        all_expected = frozenset[ProcessInstance]().union(*expected)
        raw_totals, output_totals = no_totals(), no_totals()
        for scrape, output in zip(span, outputs, strict=True):
            raw_totals = raw_totals.before(scrape.totals)
            output_totals = output_totals.before(output.totals)
        p50, p95 = _delays(outputs)
        series = len(state.output.distinct_series(rows))
        usage = _usage(state.readings, span[0].window.number, span[-1].window.number)
        state.series_by_metric = state.output.metric_counts(rows)
        state.output.forget_unseen(now)
        return Sample(
            host=self._settings.host,
            variant=variant,
            scrape=span[0].window.number,
            scrapes=len(span),
            started_unix_nano=span[0].window.started_unix_nano,
            ended_unix_nano=span[-1].window.ended_unix_nano,
            acknowledged=self._is_acknowledged(state, span),
            input_points=sum(scrape.points for scrape in span),
            output_points=sum(output.points for output in outputs),
            series=series,
            active_series=state.output.active_series(now),
            hour_series=state.output.hour_series(now),
            label_series=None,
            label_colliding_points=None,
            new_series=None,
            stored_bytes=sum(output.stored_bytes for output in outputs),
            otlp_bytes=sum(output.otlp_bytes for output in outputs),
            metric_names=len(state.series_by_metric),
            colliding_points=_colliding(outputs),
            late_points=state.output.take_late_points(),
            raw_processes=max(len(scrape.processes) for scrape in span),
            critical_seen=tuple(sorted(seen)),
            critical_missing=tuple(sorted(all_expected - seen)),
            totals=compare_totals(raw_totals, output_totals),
            visibility={},
            cpu_seconds=usage.cpu_seconds,
            rss_bytes=usage.rss_bytes,
            refused_points=usage.refused_points,
            dropped_points=usage.dropped_points,
            queue_full=usage.queue_full,
            delay_p50_seconds=p50,
            delay_p95_seconds=p95,
        )

    def _seen(
        self,
        state: _VariantState,
        span: Sequence[Scrape],
        expected: Sequence[frozenset[ProcessInstance]],
        outputs: Sequence[ScrapeOutput],
    ) -> frozenset[ProcessInstance]:
        # An instance is seen in a span if any scrape in which it was there shows it.
        seen = frozenset[ProcessInstance]()
        everything = frozenset[ProcessInstance]().union(*expected)
        if not everything:
            return seen
        for scrape, output in zip(span, outputs, strict=True):
            rows = _joined(output.rows)
            visible = Visible(state.output.pids(rows), state.output.groups(rows))
            present = everything & scrape.critical
            seen |= seen_in(scrape, present, visible, self._settings.critical_identity)
        return seen

    def _is_acknowledged(self, state: _VariantState, span: Sequence[Scrape]) -> bool:
        relayed = [
            scrape.window.number
            for scrape in span
            if (scrape.window.number + 1) % state.timing.relay_every == 0
        ]
        taken = all(number in state.acknowledged for number in relayed)
        state.acknowledged.difference_update(relayed)
        return taken


def _scrapes_per_span(settings: MeterSettings) -> int:
    """Scrapes between two outputs of the slower variant; the span of both."""
    counts = [
        max(timing.relay_every, round(timing.emits_every / settings.interval))
        for timing in settings.timings.values()
    ]
    longest = max(counts)
    if any(longest % count for count in counts):
        raise InvalidInputError(
            f"interval: outputs every {counts[0]} and every {counts[1]} scrapes have no common "
            "span; make one a multiple of the other"
        )
    return longest


def _grace_nano(settings: MeterSettings) -> int:
    longest = max(
        GRACE_INTERVALS * timing.emits_every + timing.holds_for
        for timing in settings.timings.values()
    )
    return round(longest.total_seconds() * 1e9)


def _joined(parts: Sequence[NDArray[np.uint32]]) -> NDArray[np.uint32]:
    return np.concatenate(parts) if parts else np.zeros(0, np.uint32)


def _colliding(outputs: Sequence[ScrapeOutput]) -> int:
    """Points beyond the first of a series within one scrape."""
    joined = [_joined(output.rows) for output in outputs]
    return sum(len(rows) - len(np.unique(rows)) for rows in joined)


def _delays(outputs: Sequence[ScrapeOutput]) -> tuple[float | None, float | None]:
    """Median and 95th percentile over points, seconds; None without a point."""
    delays = [delay for output in outputs for delay in output.delays]
    if not delays:
        return None, None
    seconds = np.repeat([delay for delay, _ in delays], [count for _, count in delays])
    p50, p95 = np.percentile(seconds, [50, 95], method="inverted_cdf")
    return float(p50), float(p95)


def _usage(readings: dict[int, Reading], first: int, last: int) -> Reading:
    """What was used between the relay of the span's first scrape and that of the next span."""
    before, after = readings.get(first), readings.get(last + 1)
    for number in [number for number in readings if number <= last]:
        del readings[number]
    if before is None or after is None:
        return Reading(
            cpu_seconds=None,
            rss_bytes=None,
            refused_points=None,
            dropped_points=None,
            queue_full=None,
        )
    return Reading(
        cpu_seconds=_difference(after.cpu_seconds, before.cpu_seconds),
        rss_bytes=after.rss_bytes,
        refused_points=_count(_difference(after.refused_points, before.refused_points)),
        dropped_points=_count(_difference(after.dropped_points, before.dropped_points)),
        queue_full=after.queue_full,
    )


def _difference(after: float | None, before: float | None) -> float | None:
    if after is None or before is None or after < before:
        return None
    return after - before


def _count(value: float | None) -> int | None:
    return None if value is None else int(value)
