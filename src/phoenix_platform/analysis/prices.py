"""What a vendor bills, in which unit, at which price, and how sure we are: the price book.

`prices_parsing` reads books from YAML, `prices_catalog` holds those that ship, `costs` prices samples
with them. Money is `Decimal`, quantities are whole counts of the unit itself (bytes, points, series).
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from phoenix_platform.analysis.plans import Objective


class BillingUnit(StrEnum):
    """What is counted in a month."""

    STORED_BYTES = "stored_bytes"
    """Estimated bytes after the vendor's transformation, summed over the month."""
    OTLP_BYTES = "otlp_bytes"
    """Uncompressed OTLP bytes, summed over the month."""
    POINTS = "points"
    """Data points (samples), summed over the month."""
    HOURLY_SERIES = "hourly_series"
    """Distinct series of a clock hour, averaged over the month."""
    ACTIVE_SERIES = "active_series"
    """Series with a value in 20 minutes, or points a minute over those included, whichever is more."""
    LABEL_SERIES = "label_series"
    """Series after only the points' attributes became labels."""
    METRIC_NAMES = "metric_names"
    """Distinct metric names, however many series and hosts they have."""

    @property
    def objective(self) -> Objective:
        """What a candidate must save where this unit is billed."""
        match self:
            case BillingUnit.STORED_BYTES | BillingUnit.OTLP_BYTES:
                return Objective.BYTES
            case BillingUnit.POINTS:
                return Objective.POINTS
            case _:
                return Objective.SERIES


class Confidence(StrEnum):
    """How well a statement about a vendor is founded."""

    SURE = "sure"
    """Read in the vendor's own documents."""
    SECONDARY = "secondary"
    """Quoted by others; the vendor's own page was not read."""
    UNVERIFIED = "unverified"
    """Seen once, not checked."""
    UNKNOWN = "unknown"
    """Not known: a contract matter, or never found."""


class Labels(StrEnum):
    """Which attributes tell one series from another at the vendor."""

    ALL_ATTRIBUTES = "all_attributes"
    """Resource, scope and point attributes."""
    POINT_ATTRIBUTES = "point_attributes"
    """Those of the point only: Prometheus without resource attributes as labels."""


class AllowanceOf(StrEnum):
    """Whose allowance it is."""

    ACCOUNT = "account"
    HOST = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of the part of a month's units that lies above a boundary."""

    above: int
    """Units, exclusive; 0 for the first."""
    amount: Decimal | None
    """For `Tariff.per` units, in the book's currency; None if it is not known."""
    source: str
    confidence: Confidence
    seen: str
    """When, as `2026-05` or `2026-05-17`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Units of a month that cost nothing."""

    units: int
    of: AllowanceOf
    source: str
    confidence: Confidence
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How far the bill's units may lie from ours, as factors of ours."""

    low: Decimal
    high: Decimal
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """One way in which the vendor bills; a book may know several, of which a customer has one."""

    name: str
    title: str
    unit: BillingUnit
    unit_name: str
    """What `per` units are called on a bill: `GB`, `100 custom metrics`."""
    unit_confidence: Confidence
    unit_source: str
    per: int
    """Units that one price buys; a power of ten, so that amounts are exact."""
    prices: tuple[Price, ...]
    """By rising boundary; empty where nothing is billed or no price is known."""
    free: Allowance | None = None
    accuracy: Accuracy | None = None
    """None where we count exactly what the vendor counts."""
    included_points_per_minute: int | None = None
    """Of `active_series`: points a minute that a series includes."""
    included_points_per_name: int | None = None
    """Of `metric_names`: points a month that a name includes."""
    notes: tuple[str, ...] = ()

    @property
    def has_known_prices(self) -> bool:
        return bool(self.prices) and all(price.amount is not None for price in self.prices)

    @property
    def confidence(self) -> Confidence:
        """The weakest of what an amount rests on; unknown without a price."""
        if not self.has_known_prices:
            return Confidence.UNKNOWN
        order = list(Confidence)
        found = [self.unit_confidence, *(price.confidence for price in self.prices)]
        if self.free is not None:
            found.append(self.free.confidence)
        return max(found, key=order.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What becomes of attributes at the vendor."""

    labels: Labels
    note: str
    source: str
    confidence: Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBook:
    name: str
    vendor: str
    dated: str
    """The day of this edition, ISO 8601."""
    currency: str
    """ISO 4217."""
    summary: str
    identity: Identity
    tariffs: tuple[Tariff, ...]
    """The first is the one that decides the objective of a trial."""
    notes: tuple[str, ...]
    hash: str
    """Of its content, whatever its spelling."""

    @property
    def objective(self) -> Objective:
        return self.tariffs[0].unit.objective
