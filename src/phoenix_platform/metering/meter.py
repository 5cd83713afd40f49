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
from phoenix_platform.metering.instances import NameLoss, NameLosses
from phoenix_platform.metering.kept_metrics import KeptMetrics
from phoenix_platform.metering.outputs import ScrapeOutput, VariantOutput
from phoenix_platform.metering.patterns import ProcessPattern
from phoenix_platform.metering.readings import Reading, take_usage
from phoenix_platform.metering.retention import CriticalIdentity, Visible, expected_in, seen_in
from phoenix_platform.metering.samples import KeptMetric, ProcessInstance, Sample, Variant
from phoenix_platform.metering.scrapes import RawStream, Scrape
from phoenix_platform.metering.streams import Decoder
from phoenix_platform.metering.totals import compare_totals, no_totals
from phoenix_platform.metering.visibility import SignalUse, signal_uses
from phoenix_platform.metering.windows import CountedSeries

GRACE_INTERVALS: Final = 2
"""How many of a variant's own intervals its output may be late before a sample is closed."""
_KEEP_SERIES_NANO: Final = 60_000_000_000
"""A series is dropped when it was not seen for so long, or for `_KEEP_SCRAPES` intervals or two
watermarks, if that is longer: increases look back a few scrapes, losses to the last output."""
_KEEP_SCRAPES: Final = 12


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
class MeterSettings:
    host: str
    interval: timedelta
    timings: Mapping[Variant, VariantTiming]
    critical: Sequence[ProcessPattern] = ()
    critical_identity: CriticalIdentity = CriticalIdentity.INSTANCE
    production_interval: timedelta | None = None
    """At which distinct series are counted; None leaves new series uncounted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Irregularities:
    """What happened to the scrapes of the source beside being measured."""

    repeated_scrapes: int
    """Sent twice: counted once, not relayed again."""
    empty_scrapes: int
    """Requests of the source without a point: nothing to relay, in no sample."""
    missed_scrapes: int
    """Intervals without a scrape, as when the source hung or lost some: in no sample."""
    clock_jumps: int
    """How often the wall clock jumped. The samples around a jump count as not acknowledged."""


@dataclass(slots=True)
class _VariantState:
    output: VariantOutput
    timing: VariantTiming
    acknowledged: set[int] = field(default_factory=set[int])
    readings: dict[int, Reading] = field(default_factory=dict[int, Reading])
    series_by_metric: Mapping[str, int] = field(default_factory=dict[str, int])
    counted: CountedSeries | None = None


@dataclass(frozen=True, slots=True)
class _Span:
    """What both variants' samples of one span are measured against."""

    scrapes: Sequence[Scrape]
    expected: Sequence[frozenset[ProcessInstance]]
    """Critical processes that must be visible, by scrape."""
    uses: Mapping[str, SignalUse]


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
        self.scrapes_per_span = _scrapes_per_span(settings)
        self._grace_nano = _grace_nano(settings)
        keep_nano = max(
            _KEEP_SERIES_NANO,
            _KEEP_SCRAPES * interval_nano * self.scrapes_per_span,
            2 * self._grace_nano,
        )
        self._raw = RawStream(
            new_decoder(), settings.critical, interval_nano=interval_nano, keep_nano=keep_nano
        )
        self._variants = {
            variant: _VariantState(
                VariantOutput(
                    new_decoder(),
                    settings.critical,
                    interval_nano=interval_nano * timing.relay_every,
                    keep_nano=keep_nano,
                    began_unix_nano=began_unix_nano,
                ),
                timing,
                counted=_counted_series(settings),
            )
            for variant, timing in settings.timings.items()
        }
        self._losses = NameLosses(
            self._raw.instances,
            {variant: state.output.instances for variant, state in self._variants.items()},
        )
        self._open: deque[Scrape] = deque()
        self._before: Scrape | None = None
        self._wall_offset = 0
        self._disturbed: set[int] = set()
        """Open scrapes near a clock jump."""
        self._disturbed_until = began_unix_nano

    @property
    def repeated_scrapes(self) -> int:
        return self._raw.repeated_scrapes

    @property
    def irregularities(self) -> Irregularities:
        """Since the start."""
        return Irregularities(
            repeated_scrapes=self._raw.repeated_scrapes,
            empty_scrapes=self._raw.empty_scrapes,
            missed_scrapes=self._raw.missed_scrapes,
            clock_jumps=self._raw.clock_jumps,
        )

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
        return self._losses.losses()

    def take_scrape(self, body: bytes, *, now: int, wall_offset: int = 0) -> Scrape | None:
        """Measure a raw scrape; None if it is empty or a repetition, and then not to be relayed.

        Args:
            body: Uncompressed OTLP.
            now: Steady time, nanoseconds since 1970: as the wall clock when the meter began, but without
                its jumps. All other `now` are of this time too.
            wall_offset: What the wall clock, which stamps the points, says more than `now`.

        Raises:
            InvalidInputError: If the body is malformed.
        """
        scrape = self._raw.take(body, now=now, wall_offset=wall_offset)
        self._losses.raw_lost(self._raw.take_gone())
        if scrape is None:
            return None
        self._wall_offset = wall_offset
        self._open.append(scrape)
        if scrape.after_clock_jump:
            # Times no longer tell which scrape an output that is still on its way belongs to.
            self._disturbed_until = now + self._grace_nano
            self._disturbed.update(each.window.number for each in self._open)
        elif now < self._disturbed_until:
            self._disturbed.add(scrape.window.number)
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
        self._variants[variant].output.take(body, now=now, wall_offset=self._wall_offset)

    def read(self, variant: Variant, scrape_number: int, reading: Reading) -> None:
        """What the variant's collector had used when it was about to be given this scrape."""
        self._variants[variant].readings[scrape_number] = reading

    def close_due(self, *, now: int) -> list[Sample]:
        """The samples of every span whose watermark has passed, baseline before candidate."""
        samples: list[Sample] = []
        # One scrape beyond the span must be there: it tells whether an instance lived on.
        while len(self._open) > self.scrapes_per_span and self._is_due(now):
            samples += self._close_span(now=now)
        return samples

    def close_last(self, *, now: int) -> list[Sample]:
        """As `close_due`, when no scrape will come any more: a whole last span is closed too.

        Whether its processes lived on is not known: of critical ones only those are checked that were
        in the scrape before. What the collectors used in it is not known either.
        """
        samples = self.close_due(now=now)
        if len(self._open) == self.scrapes_per_span and self._is_due(now):
            samples += self._close_span(now=now)
        return samples

    def _is_due(self, now: int) -> bool:
        return now >= self._open[self.scrapes_per_span - 1].arrived + self._grace_nano

    def _close_span(self, *, now: int) -> list[Sample]:
        scrapes = [self._open.popleft() for _ in range(self.scrapes_per_span)]
        after = self._open[0] if self._open else None
        chain: list[Scrape | None] = [self._before, *scrapes, after]
        expected = [
            expected_in(scrape, before, next_)
            for (before, scrape), (_, next_) in zip(
                pairwise(chain[:-1]), pairwise(chain[1:]), strict=True
            )
            if scrape is not None
        ]
        span = _Span(scrapes, expected, signal_uses([scrape.uses for scrape in scrapes]))
        samples = [self._sample(variant, span, now=now) for variant in self._settings.timings]
        self._disturbed.difference_update(scrape.window.number for scrape in scrapes)
        self._before = scrapes[-1]
        return samples

    def _sample(self, variant: Variant, of: _Span, *, now: int) -> Sample:
        span = of.scrapes
        state = self._variants[variant]
        outputs = state.output.close(scrape.window.number for scrape in span)
        rows = _joined([part for output in outputs for part in output.rows])
        is_checked = any(of.expected)
        all_visible = [self._visible(state, output) for output in outputs if is_checked]
        seen = self._seen(span, of.expected, all_visible)
        all_expected = frozenset[ProcessInstance]().union(*of.expected)
        raw_totals, output_totals = no_totals(), no_totals()
        for scrape, output in zip(span, outputs, strict=True):
            raw_totals = raw_totals.before(scrape.totals)
            output_totals = output_totals.before(output.totals)
        p50, p95 = _delays(outputs)
        ids, named = state.output.distinct_series(rows), state.output.named(rows)
        usage = take_usage(state.readings, span[0].window.number, span[-1].window.number)
        state.series_by_metric = state.output.metric_counts(rows)
        labels = [state.output.distinct_labels(_joined(output.rows)) for output in outputs]
        label_series = state.output.distinct_labels(rows)
        state.output.forget_unseen(now)
        self._losses.output_lost(variant, state.output.take_gone())
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
            series=len(ids),
            active_series=state.output.active_series(now),
            hour_series=state.output.hour_series(now),
            label_series=label_series,
            label_colliding_points=len(rows) - sum(labels),
            new_series=(
                state.counted.new_in(ids, ended=span[-1].arrived) if state.counted else None
            ),
            stored_bytes=sum(output.stored_bytes for output in outputs),
            otlp_bytes=sum(output.otlp_bytes for output in outputs),
            metric_names=len(state.series_by_metric),
            colliding_points=sum(state.output.repeated(_joined(output.rows)) for output in outputs),
            late_points=state.output.take_late_points(),
            raw_processes=max(len(scrape.processes) for scrape in span),
            critical_seen=tuple(sorted(seen)),
            critical_missing=tuple(sorted(all_expected - seen)),
            critical_metrics=self._kept_metrics(span, seen, all_visible),
            totals=compare_totals(raw_totals, output_totals),
            visibility={signal: use.visibility(named[signal]) for signal, use in of.uses.items()},
            cpu_seconds=usage.cpu_seconds,
            rss_bytes=usage.rss_bytes,
            refused_points=usage.refused_points,
            dropped_points=usage.dropped_points,
            queue_full=usage.queue_full,
            delay_p50_seconds=p50,
            delay_p95_seconds=p95,
        )

    def _visible(self, state: _VariantState, output: ScrapeOutput) -> Visible:
        rows = _joined(output.rows)
        numbers = {name: number for number, name in enumerate(self._raw.metric_names)}
        return Visible(
            state.output.pids(rows), state.output.metrics(rows, numbers), state.output.groups(rows)
        )

    def _kept_metrics(
        self,
        span: Sequence[Scrape],
        seen: frozenset[ProcessInstance],
        all_visible: Sequence[Visible],
    ) -> Mapping[str, KeptMetric]:
        if not seen:
            return {}
        kept = KeptMetrics(sorted(seen), self._raw.metric_names, self._settings.critical_identity)
        for scrape, visible in zip(span, all_visible, strict=True):
            kept.take(scrape, visible)
        return kept.by_metric()

    def _seen(
        self,
        span: Sequence[Scrape],
        expected: Sequence[frozenset[ProcessInstance]],
        all_visible: Sequence[Visible],
    ) -> frozenset[ProcessInstance]:
        # An instance is seen in a span if any scrape in which it was there shows it.
        seen = frozenset[ProcessInstance]()
        everything = frozenset[ProcessInstance]().union(*expected)
        if not everything:
            return seen
        for scrape, visible in zip(span, all_visible, strict=True):
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
        is_disturbed = any(scrape.window.number in self._disturbed for scrape in span)
        # Also drops what a variant far behind acknowledged after its span was closed.
        state.acknowledged = {n for n in state.acknowledged if n > span[-1].window.number}
        return taken and not is_disturbed


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


def _counted_series(settings: MeterSettings) -> CountedSeries | None:
    every = settings.production_interval
    return CountedSeries(every, settings.interval) if every is not None else None


def _grace_nano(settings: MeterSettings) -> int:
    longest = max(
        GRACE_INTERVALS * timing.emits_every + timing.holds_for
        for timing in settings.timings.values()
    )
    return round(longest.total_seconds() * 1e9)


def _joined(parts: Sequence[NDArray[np.uint32]]) -> NDArray[np.uint32]:
    return np.concatenate(parts) if parts else np.zeros(0, np.uint32)


def _delays(outputs: Sequence[ScrapeOutput]) -> tuple[float | None, float | None]:
    """Median and 95th percentile over points, seconds; None without a point."""
    delays = [delay for output in outputs for delay in output.delays]
    if not delays:
        return None, None
    seconds = np.repeat([delay for delay, _ in delays], [count for _, count in delays])
    p50, p95 = np.percentile(seconds, [50, 95], method="inverted_cdf")
    return float(p50), float(p95)
