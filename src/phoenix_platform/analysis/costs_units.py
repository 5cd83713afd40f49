"""The units a vendor would bill in a month, extrapolated from the samples of a run.

Called by `costs`, per variant. Sums (points, bytes) are the mean per scrape times the scrapes of a month
at the production interval. Counts of series need a whole billing window: before that there is a low
figure (the last scrape) and a high one (plus what an hour adds), and no likely one.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Final

from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.prices import BillingUnit, Tariff
from phoenix_platform.metering.samples import Sample, Variant
from phoenix_platform.metering.windows import ACTIVE_WINDOW_NANO, HOUR_NANO

MONTH: Final = timedelta(days=30)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """One figure in three cases; None is "no data", never 0."""

    low: Decimal | None
    likely: Decimal | None
    high: Decimal | None

    def known(self) -> tuple[Decimal, ...]:
        return tuple(case for case in (self.low, self.likely, self.high) if case is not None)


NO_CASES: Final = Cases(low=None, likely=None, high=None)


@dataclass(frozen=True, slots=True)
class HostUse:
    """What one variant let out on one host."""

    compared: tuple[Sample, ...]
    """Behind the first scrapes, and taken whole by both variants; by scrape, at least one."""
    counted: tuple[Sample, ...]
    """All that counted new series: one every production interval, by scrape."""
    first_counted: int
    """The first of `counted` that is behind the first scrapes; where churn is counted from."""

    @property
    def last(self) -> Sample:
        return self.compared[-1]

    def per_scrape(self, count_of: "CountOf") -> Fraction:
        """Mean per scrape of the source."""
        total = sum(count_of(sample) for sample in self.compared)
        return Fraction(total, sum(sample.scrapes for sample in self.compared))

    def new_series_per_hour(self) -> Fraction | None:
        """Series that an hour adds, as seen at the production interval; None before its second scrape."""
        counted = self.counted[self.first_counted :]
        if not counted[1:]:
            return None
        elapsed = counted[-1].ended_unix_nano - counted[0].ended_unix_nano
        new = sum(sample.new_series or 0 for sample in counted[1:])
        return Fraction(new * HOUR_NANO, elapsed)

    def distinct_series(self, window_nano: int, step: timedelta) -> int | None:
        """Distinct series of the first `window_nano`, as seen at the production interval `step`.

        None if the run was shorter.
        """
        if not self.counted:
            return None
        begin = self.counted[0].ended_unix_nano
        # A scrape of the next window shows that this one was seen to its end; half a step for jitter.
        jitter = step / timedelta(microseconds=2) * 1000
        if self.counted[-1].ended_unix_nano < begin + window_nano - jitter:
            return None
        within = (s for s in self.counted if s.ended_unix_nano < begin + window_nano - jitter)
        return sum(sample.new_series or 0 for sample in within)


class CountOf:
    """A count of a sample that adds up over scrapes, by unit."""

    def __init__(self, unit: BillingUnit) -> None:
        self._unit = unit

    def __call__(self, sample: Sample) -> int:
        match self._unit:
            case BillingUnit.STORED_BYTES:
                return sample.stored_bytes
            case BillingUnit.OTLP_BYTES:
                return sample.otlp_bytes
            case _:
                return sample.output_points


def uses_of(samples: Iterable[Sample], plan: Plan) -> Mapping[Variant, tuple[HostUse, ...]]:
    """What each variant let out, by host; empty where no scrape can be compared."""
    by_key: dict[tuple[str, int], dict[Variant, Sample]] = {}
    ordered = sorted(samples, key=lambda sample: (sample.host, sample.scrape))
    for sample in ordered:
        by_key.setdefault((sample.host, sample.scrape), {})[sample.variant] = sample
    compared = {
        key
        for key, pair in by_key.items()
        if key[1] >= plan.discarded_scrapes
        and len(pair) == len(Variant)
        and all(sample.acknowledged for sample in pair.values())
        and len({sample.scrapes for sample in pair.values()}) == 1
    }
    return {
        variant: tuple(
            use
            for _, of_host in groupby(
                (sample for sample in ordered if sample.variant is variant),
                key=lambda sample: sample.host,
            )
            if (use := _use_of(list(of_host), compared, plan)) is not None
        )
        for variant in Variant
    }


def _use_of(
    samples: Sequence[Sample], compared: set[tuple[str, int]], plan: Plan
) -> HostUse | None:
    chosen = tuple(sample for sample in samples if (sample.host, sample.scrape) in compared)
    counted = tuple(sample for sample in samples if sample.new_series is not None)
    first = sum(sample.scrape < plan.discarded_scrapes for sample in counted)
    return HostUse(chosen, counted, first) if chosen else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From the run to a month and to a number of hosts."""

    interval: timedelta
    """Between two scrapes of the run."""
    production_interval: timedelta
    """Between two scrapes of the source in production."""
    hosts: Fraction
    """How many times the hosts measured."""

    @property
    def scrapes_per_month(self) -> Fraction:
        return _ratio(MONTH, self.production_interval)

    @property
    def is_thinned(self) -> bool:
        """Whether production scrapes less often, and so sees fewer of the short-lived series."""
        return self.production_interval > self.interval


def monthly_units(uses: Sequence[HostUse], tariff: Tariff, scale: Scale) -> Cases:
    """Units a month in whole units; over all hosts of the scale, names excepted."""
    if not uses:
        return NO_CASES
    match tariff.unit:
        case BillingUnit.STORED_BYTES | BillingUnit.OTLP_BYTES | BillingUnit.POINTS:
            return _summed(uses, tariff, scale)
        case BillingUnit.METRIC_NAMES:
            names = Decimal(max(sample.metric_names for use in uses for sample in use.compared))
            return Cases(low=names, likely=names, high=names)
        case BillingUnit.HOURLY_SERIES:
            likely = [_hourly_series(use, scale) for use in uses]
            return _series([use.last.series for use in uses], likely, uses, scale)
        case BillingUnit.ACTIVE_SERIES:
            likely = [_active_series(use, scale) for use in uses]
            series = _series([use.last.series for use in uses], likely, uses, scale)
            return _at_least_the_points(series, uses, tariff, scale)
        case BillingUnit.LABEL_SERIES:  # pragma: no branch - the last there is
            return _label_series(uses, scale)


def points_per_month(uses: Sequence[HostUse], scale: Scale) -> int:
    """Of all hosts of the scale."""
    per_scrape = sum((use.per_scrape(CountOf(BillingUnit.POINTS)) for use in uses), Fraction(0))
    return round(per_scrape * scale.scrapes_per_month * scale.hosts)


def _summed(uses: Sequence[HostUse], tariff: Tariff, scale: Scale) -> Cases:
    count_of = CountOf(tariff.unit)
    per_scrape = sum((use.per_scrape(count_of) for use in uses), Fraction(0))
    likely = per_scrape * scale.scrapes_per_month * scale.hosts
    low = high = likely
    if tariff.accuracy is not None:
        low, high = likely * Fraction(tariff.accuracy.low), likely * Fraction(tariff.accuracy.high)
    return Cases(low=_whole(low), likely=_whole(likely), high=_whole(high))


def _series(
    last: Sequence[int | None],
    likely_by_host: Sequence[Fraction | None],
    uses: Sequence[HostUse],
    scale: Scale,
) -> Cases:
    """Low: the last scrape. High: that and what an hour adds. Likely: a whole window, if there was one."""
    low = _sum([None if one is None else Fraction(one) for one in last])
    churn = _sum([use.new_series_per_hour() for use in uses])
    high = None if low is None or churn is None else low + math.ceil(churn)
    likely = _sum(likely_by_host)
    # A population that shrank or grew during the run must not turn the cases around.
    if likely is not None:
        low = None if low is None else min(low, likely)
        high = None if high is None else max(high, likely)
    return Cases(low=_scaled(low, scale), likely=_scaled(likely, scale), high=_scaled(high, scale))


def _label_series(uses: Sequence[HostUse], scale: Scale) -> Cases:
    """Churn is counted of series. It says something of labels only where these tell all series apart."""
    are_told_apart = all(
        sample.label_series == sample.series for use in uses for sample in use.compared
    )
    cases = _series([use.last.label_series for use in uses], [None], uses, scale)
    return cases if are_told_apart else replace(cases, high=None)


def _hourly_series(use: HostUse, scale: Scale) -> Fraction | None:
    """Mean over whole clock hours; of a thinned run, its first hour."""
    if scale.is_thinned:
        distinct = use.distinct_series(HOUR_NANO, scale.production_interval)
        return None if distinct is None else Fraction(distinct)
    counts_of: dict[int, list[int | None]] = {}
    for sample in use.compared:
        counts_of.setdefault(sample.ended_unix_nano // HOUR_NANO, []).append(sample.hour_series)
    del counts_of[max(counts_of)]  # it may go on
    # The count of an hour grows until it ends; a sample may be made when the next one has begun.
    whole = [
        max(count for count in counts if count is not None)
        for counts in counts_of.values()
        if None not in counts
    ]
    return Fraction(sum(whole), len(whole)) if whole else None


def _active_series(use: HostUse, scale: Scale) -> Fraction | None:
    """95th percentile (nearest rank) over the run; of a thinned run, its first 20 minutes."""
    if scale.is_thinned:
        distinct = use.distinct_series(ACTIVE_WINDOW_NANO, scale.production_interval)
        return None if distinct is None else Fraction(distinct)
    counts = sorted(s.active_series for s in use.compared if s.active_series is not None)
    return Fraction(counts[math.ceil(0.95 * len(counts)) - 1]) if counts else None


def _at_least_the_points(
    series: Cases, uses: Sequence[HostUse], tariff: Tariff, scale: Scale
) -> Cases:
    assert tariff.included_points_per_minute is not None
    per_scrape = sum((use.per_scrape(CountOf(BillingUnit.POINTS)) for use in uses), Fraction(0))
    per_minute = per_scrape * _ratio(_MINUTE, scale.production_interval) * scale.hosts
    least = _whole(per_minute / tariff.included_points_per_minute)

    def either(case: Decimal | None) -> Decimal | None:
        return None if case is None else max(case, least)

    return Cases(low=either(series.low), likely=either(series.likely), high=either(series.high))


def _sum(values: Sequence[Fraction | None]) -> Fraction | None:
    known = [value for value in values if value is not None]
    return sum(known, Fraction(0)) if len(known) == len(values) else None


def _scaled(value: Fraction | None, scale: Scale) -> Decimal | None:
    return None if value is None else _whole(value * scale.hosts)


def _whole(value: Fraction) -> Decimal:
    return Decimal(round(value))


def _ratio(dividend: timedelta, divisor: timedelta) -> Fraction:
    microsecond = timedelta(microseconds=1)
    return Fraction(dividend // microsecond, divisor // microsecond)
