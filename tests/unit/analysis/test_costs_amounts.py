from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_platform.analysis.costs_amounts import (
    amount_after_allowance,
    free_units,
    in_each_case,
    list_amount,
    saving,
)
from phoenix_platform.analysis.costs_units import NO_CASES, Cases
from phoenix_platform.analysis.prices import (
    Allowance,
    AllowanceOf,
    BillingUnit,
    Confidence,
    Price,
    Tariff,
)
from phoenix_platform.analysis.prices_catalog import shipped_book

SHOP = "a price list"
MOST_UNITS = 10**18


def a_tariff(*prices: tuple[int, str | None], per: int = 1) -> Tariff:
    return Tariff(
        name="some",
        title="some tariff",
        unit=BillingUnit.POINTS,
        unit_name="points",
        unit_confidence=Confidence.SURE,
        unit_source=SHOP,
        per=per,
        prices=tuple(
            Price(
                above=above,
                amount=None if amount is None else Decimal(amount),
                source=SHOP,
                confidence=Confidence.UNKNOWN if amount is None else Confidence.SURE,
                seen="2026-11",
            )
            for above, amount in prices
        ),
    )


def free(units: int, of: AllowanceOf = AllowanceOf.ACCOUNT) -> Allowance:
    return Allowance(
        units=units, of=of, source=SHOP, confidence=Confidence.SECONDARY, seen="2026-11"
    )


units_ = st.integers(0, MOST_UNITS).map(Decimal)
amounts = st.decimals(0, 10**6, places=9).map(str)
powers = st.integers(0, 10)
tiers = st.lists(
    st.tuples(st.integers(1, MOST_UNITS), amounts), max_size=5, unique_by=lambda tier: tier[0]
)


def with_tiers(first: str, others: Sequence[tuple[int, str]], power: int) -> Tariff:
    return a_tariff((0, first), *sorted(others), per=10**power)


def with_one_price(amount: str, power: int) -> Tariff:
    return a_tariff((0, amount), per=10**power)


single = st.builds(with_one_price, amounts, powers)
tiered = st.builds(with_tiers, amounts, tiers, powers)


def exactly(amount: Decimal | None) -> Decimal:
    assert amount is not None
    return amount


@given(tiered, units_, units_)
def test_more_units_never_cost_less(tariff: Tariff, one: Decimal, other: Decimal) -> None:
    less, more = sorted((one, other))
    assert exactly(list_amount(less, tariff)) <= exactly(list_amount(more, tariff))


@given(tiered, units_)
def test_amounts_are_exact(tariff: Tariff, units: Decimal) -> None:
    boundaries = [price.above for price in tariff.prices] + [max(int(units), MOST_UNITS)]
    expected = sum(
        Fraction(max(0, min(int(units), end) - above))
        * Fraction(exactly(price.amount))
        / tariff.per
        for price, (above, end) in zip(tariff.prices, pairwise(boundaries), strict=True)
    )
    assert Fraction(exactly(list_amount(units, tariff))) == expected


@given(tiered)
def test_tiers_meet_at_their_boundaries(tariff: Tariff) -> None:
    for before, price in pairwise(tariff.prices):
        at = exactly(list_amount(Decimal(price.above), tariff))
        above = exactly(list_amount(Decimal(price.above + 1), tariff))
        below = exactly(list_amount(Decimal(price.above - 1), tariff))
        assert above - at == exactly(price.amount) / tariff.per
        assert at - below == exactly(before.amount) / tariff.per


@given(single, st.integers(0, 10**12), st.integers(1, 10_000))
def test_one_list_price_is_linear_in_hosts(tariff: Tariff, units: int, hosts: int) -> None:
    of_one = exactly(list_amount(Decimal(units), tariff))
    assert exactly(list_amount(Decimal(units * hosts), tariff)) == of_one * hosts


@given(
    tiered, units_, st.integers(0, MOST_UNITS), st.integers(1, 1_000), st.sampled_from(AllowanceOf)
)
def test_an_allowance_takes_off_no_more_than_there_is(
    tariff: Tariff, units: Decimal, allowed: int, hosts: int, of: AllowanceOf
) -> None:
    with_allowance = replace(tariff, free=free(allowed, of))
    after = exactly(amount_after_allowance(units, with_allowance, hosts=hosts))
    assert 0 <= after <= exactly(list_amount(units, tariff))
    assert after == 0 or units > free_units(with_allowance.free, hosts=hosts)


@pytest.mark.parametrize(
    ("units", "amount"),
    [
        pytest.param(0, "0", id="nothing"),
        pytest.param(10_000, "3000.00", id="first-tier-full"),
        pytest.param(10_001, "3000.10", id="one-into-the-second"),
        pytest.param(250_000, "27000.00", id="second-tier-full"),
        pytest.param(1_000_000, "64500.00", id="third-tier-full"),
        pytest.param(2_000_000, "84500.00", id="fourth-tier"),
    ],
)
def test_the_tiers_of_cloudwatch(units: int, amount: str) -> None:
    tariff = shipped_book("cloudwatch").tariffs[0]
    assert list_amount(Decimal(units), tariff) == Decimal(amount)


def test_an_unknown_price_leaves_the_amount_open_from_its_tier_on() -> None:
    tariff = a_tariff((0, "1"), (100, None))
    assert list_amount(Decimal(100), tariff) == Decimal(100)
    assert list_amount(Decimal(101), tariff) is None
    assert list_amount(Decimal(0), a_tariff((0, None))) is None


def test_without_prices_there_is_no_amount() -> None:
    assert list_amount(Decimal(5), a_tariff()) is None
    assert amount_after_allowance(Decimal(5), a_tariff(), hosts=1) is None


def test_what_is_not_known_in_a_case_stays_so() -> None:
    some = Cases(low=Decimal(1), likely=None, high=Decimal(3))
    assert in_each_case(some, lambda one: 2 * one) == Cases(
        low=Decimal(2), likely=None, high=Decimal(6)
    )
    assert saving(some, NO_CASES) == saving(NO_CASES, some) == NO_CASES
    assert saving(some, some) == Cases(low=Decimal(0), likely=None, high=Decimal(0))
