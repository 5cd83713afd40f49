"""What units cost under a tariff: exact decimal arithmetic, tiers and allowances. Called by `costs`."""

from collections.abc import Callable
from decimal import Context, Decimal, Inexact
from itertools import pairwise
from typing import Final

from phoenix_platform.analysis.costs_units import Cases
from phoenix_platform.analysis.prices import Allowance, AllowanceOf, Tariff

_EXACT: Final = Context(prec=60, traps=[Inexact])
"""Units have at most 24 digits and amounts 21, so that 60 always suffice; rounding would raise."""


def list_amount(units: Decimal, tariff: Tariff) -> Decimal | None:
    """What so many units cost by the list, without any allowance; None if a price on the way is unknown.

    Each tier's price holds for the units in it, so that the amount is continuous and rises with the units.
    """
    if not tariff.prices:
        return None
    total = Decimal(0)
    boundaries = [Decimal(price.above) for price in tariff.prices] + [units]
    for price, (above, end) in zip(tariff.prices, pairwise(boundaries), strict=True):
        within = min(units, end) - above
        if within <= 0 and above > 0:
            break
        if price.amount is None:
            return None
        cost = _EXACT.multiply(within, price.amount)
        total = _EXACT.add(total, _EXACT.divide(cost, Decimal(tariff.per)))
    return total


def amount_after_allowance(units: Decimal, tariff: Tariff, *, hosts: int) -> Decimal | None:
    """The same for the units that these hosts' allowance leaves, as if nothing else used it."""
    return list_amount(max(Decimal(0), units - free_units(tariff.free, hosts=hosts)), tariff)


def free_units(free: Allowance | None, *, hosts: int) -> Decimal:
    if free is None:
        return Decimal(0)
    return Decimal(free.units * (hosts if free.of is AllowanceOf.HOST else 1))


def in_each_case(cases: Cases, compute: Callable[[Decimal], Decimal | None]) -> Cases:
    low, likely, high = (
        None if case is None else compute(case) for case in (cases.low, cases.likely, cases.high)
    )
    return Cases(low=low, likely=likely, high=high)


def saving(baseline: Cases, candidate: Cases) -> Cases:
    """Baseline less candidate, case by case: both variants saw the same processes come and go."""

    def less(one: Decimal | None, other: Decimal | None) -> Decimal | None:
        return None if one is None or other is None else _EXACT.subtract(one, other)

    return Cases(
        low=less(baseline.low, candidate.low),
        likely=less(baseline.likely, candidate.likely),
        high=less(baseline.high, candidate.high),
    )
