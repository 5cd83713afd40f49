"""What the two variants of a run would cost in a month under a price book, and what the candidate saves.

Pure: samples, plan and book in, frozen values out, that msgspec writes (`Decimal` as text). The record,
the summary, the HTML report and `phoenix prices estimate` call `estimate`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from phoenix_platform.analysis.costs_amounts import (
    amount_after_allowance,
    in_each_case,
    list_amount,
    saving,
)
from phoenix_platform.analysis.costs_units import (
    Cases,
    HostUse,
    Scale,
    monthly_units,
    points_per_month,
    uses_of,
)
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.prices import (
    BillingUnit,
    Confidence,
    Labels,
    PriceBook,
    Tariff,
)
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.units import show_duration
from phoenix_platform.metering.samples import Sample, Variant

_LONGEST_IN_SECONDS: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookReference:
    """The edition of a book that was used."""

    name: str
    vendor: str
    dated: str
    currency: str
    summary: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How the run became a month."""

    window: timedelta
    """From the first to the last point compared; 0 without any."""
    interval: timedelta
    """Between two scrapes of the run."""
    production_interval: timedelta
    """Between two scrapes of the source in production."""
    scrapes_per_month: Decimal
    """30 days of scrapes at the production interval: the factor of points and bytes."""
    hosts: int
    measured_hosts: int
    sentence: str
    """`measured 7 min at 1 s, scaled to 60 s`; goes with every figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantCost:
    units: Cases
    """A month's units, as the tariff counts them: bytes, points, series, names."""
    list_price: Cases
    """Without any allowance, in the book's currency."""
    after_allowance: Cases
    """As if nothing else of the account used its allowance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffCost:
    name: str
    title: str
    unit: BillingUnit
    unit_name: str
    """What `per` units are called on the bill."""
    per: int
    confidence: Confidence
    depends_on_interval: bool
    """Whether scraping more or less often changes the units."""
    variants: Mapping[Variant, VariantCost]
    saving_list_price: Cases
    """Baseline less candidate in each case; below 0 the candidate costs more."""
    saving_after_allowance: Cases
    saves_nothing: bool
    """Whether the units do not fall, whatever the price. False without data."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEstimate:
    book: BookReference
    scaling: Scaling
    tariffs: tuple[TariffCost, ...]
    """Ways of billing of this vendor, one of which a customer has; the book's order."""
    colliding_points: Mapping[Variant, int | None]
    """Points of the run that others overwrite where only the points' attributes become labels; None if
    not counted, or if this vendor makes labels of all attributes."""
    notes: tuple[str, ...]


def estimate(
    samples: Iterable[Sample],
    plan: Plan,
    book: PriceBook,
    *,
    hosts: int | None = None,
    relay_every: int = 1,
) -> CostEstimate:
    """Price a run.

    Args:
        samples: Of both variants, in any order.
        plan: Of the run; names the interval, the production interval and the scrapes left out.
        book: The vendor's prices.
        hosts: Hosts to extrapolate to; default: those measured.
        relay_every: Scrapes of the source per scrape of the candidate: the plan's production interval is
            the candidate's, and its source scrapes that much more often.

    Raises:
        InvalidInputError: If `hosts` or `relay_every` is below 1.
    """
    for field, value in (("hosts", hosts), ("relay_every", relay_every)):
        if value is not None and value < 1:
            raise InvalidInputError(f"{field}: below 1: {value}; write 1 or more")
    uses = uses_of(samples, plan)
    measured = max(len(uses[Variant.BASELINE]), 1)
    scale = Scale(
        interval=plan.interval,
        production_interval=plan.production_interval / relay_every,
        hosts=Fraction(hosts or measured, measured),
    )
    colliding = {variant: _colliding(uses[variant], book) for variant in Variant}
    return CostEstimate(
        book=BookReference(
            name=book.name,
            vendor=book.vendor,
            dated=book.dated,
            currency=book.currency,
            summary=book.summary,
            hash=book.hash,
        ),
        scaling=_scaling(uses[Variant.BASELINE], scale, hosts=hosts or measured, measured=measured),
        tariffs=tuple(
            _tariff_cost(uses, tariff, scale, hosts=hosts or measured) for tariff in book.tariffs
        ),
        colliding_points=colliding,
        notes=(*_identity_notes(book, uses, colliding), *book.notes),
    )


def _tariff_cost(
    uses: Mapping[Variant, Sequence[HostUse]], tariff: Tariff, scale: Scale, *, hosts: int
) -> TariffCost:
    costs = {
        variant: _variant_cost(monthly_units(uses[variant], tariff, scale), tariff, hosts=hosts)
        for variant in Variant
    }
    baseline, candidate = costs[Variant.BASELINE], costs[Variant.CANDIDATE]
    fewer = saving(baseline.units, candidate.units).known()
    return TariffCost(
        name=tariff.name,
        title=tariff.title,
        unit=tariff.unit,
        unit_name=tariff.unit_name,
        per=tariff.per,
        confidence=tariff.confidence,
        depends_on_interval=_depends_on_interval(tariff, scale),
        variants=costs,
        saving_list_price=saving(baseline.list_price, candidate.list_price),
        saving_after_allowance=saving(baseline.after_allowance, candidate.after_allowance),
        saves_nothing=bool(fewer) and max(fewer) <= 0,
        notes=(*tariff.notes, *_name_notes(uses, tariff, scale)),
    )


def _variant_cost(units: Cases, tariff: Tariff, *, hosts: int) -> VariantCost:
    return VariantCost(
        units=units,
        list_price=in_each_case(units, lambda one: list_amount(one, tariff)),
        after_allowance=in_each_case(
            units, lambda one: amount_after_allowance(one, tariff, hosts=hosts)
        ),
    )


def _depends_on_interval(tariff: Tariff, scale: Scale) -> bool:
    match tariff.unit:
        case BillingUnit.STORED_BYTES | BillingUnit.OTLP_BYTES | BillingUnit.POINTS:
            return True
        case BillingUnit.ACTIVE_SERIES:
            included = tariff.included_points_per_minute or 1
            return scale.production_interval * included < timedelta(minutes=1)
        case _:
            return False


def _name_notes(
    uses: Mapping[Variant, Sequence[HostUse]], tariff: Tariff, scale: Scale
) -> Iterable[str]:
    """Where names are billed, whether the points they include suffice."""
    if tariff.included_points_per_name is None:
        return
    for variant in Variant:
        names = monthly_units(uses[variant], tariff, scale).likely
        if names is not None:
            above = points_per_month(uses[variant], scale) - names * tariff.included_points_per_name
            yield (
                f"{variant}: about {above:,} points a month above those that its names include"
                if above > 0
                else f"{variant}: its names include all its points, if these spread evenly"
            )


def _colliding(uses: Sequence[HostUse], book: PriceBook) -> int | None:
    counts = [sample.label_colliding_points for use in uses for sample in use.compared]
    known = [count for count in counts if count is not None]
    is_whole = bool(counts) and len(known) == len(counts)
    needs_it = book.identity.labels is Labels.POINT_ATTRIBUTES
    return sum(known) if needs_it and is_whole else None


def _identity_notes(
    book: PriceBook,
    uses: Mapping[Variant, Sequence[HostUse]],
    colliding: Mapping[Variant, int | None],
) -> Iterable[str]:
    yield f"labels: {book.identity.note} ({book.identity.confidence})"
    if book.identity.labels is Labels.ALL_ATTRIBUTES:
        return
    for variant in Variant:
        count = colliding[variant]
        points = sum(sample.output_points for use in uses[variant] for sample in use.compared)
        if count is None:
            yield f"{variant}: points that overwrite each other under these labels: no data"
        elif count:
            yield (
                f"warning: {variant}: {count:,} of {points:,} points of this run overwrite others, "
                "because their series have the same labels there; make labels of resource attributes"
            )


def _scaling(uses: Sequence[HostUse], scale: Scale, *, hosts: int, measured: int) -> Scaling:
    started = min((use.compared[0].started_unix_nano for use in uses), default=0)
    ended = max((use.last.ended_unix_nano for use in uses), default=0)
    window = timedelta(microseconds=(ended - started) // 1000)
    sentence = (
        f"measured {show_duration(window.total_seconds())} at {_show_interval(scale.interval)}, "
        f"scaled to {_show_interval(scale.production_interval)}"
        if uses
        else "nothing measured that can be compared"
    )
    if hosts != measured:
        sentence += f", multiplied from {_show_hosts(measured)} to {_show_hosts(hosts)}"
    return Scaling(
        window=window,
        interval=scale.interval,
        production_interval=scale.production_interval,
        scrapes_per_month=round(_decimal(scale.scrapes_per_month), 3),
        hosts=hosts,
        measured_hosts=measured,
        sentence=sentence,
    )


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _show_hosts(count: int) -> str:
    return "1 host" if count == 1 else f"{count} hosts"


def _show_interval(interval: timedelta) -> str:
    """In seconds where configurations write it so: `60 s`, but `5 min`."""
    seconds = interval.total_seconds()
    return f"{seconds:g} s" if interval <= _LONGEST_IN_SECONDS else show_duration(seconds)
