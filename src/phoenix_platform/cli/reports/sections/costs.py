"""What it costs in a month, by vendor: ranges, because a run of minutes knows no exact month."""

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from phoenix_platform.analysis.costs import CostEstimate, TariffCost
from phoenix_platform.analysis.costs_units import Cases
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.prices_tables import SAVES_NOTHING
from phoenix_platform.cli.reports.blocks import Block, Prose, Section, Table
from phoenix_platform.cli.reports.markup import visible
from phoenix_platform.cli.reports.subjects import Subject
from phoenix_platform.cli.reports.words import amount
from phoenix_platform.metering.samples import Variant

_CENT = Decimal("0.01")


def costs(subject: Subject) -> Section:
    estimates = subject.trial.costs
    blocks: tuple[Block, ...] = (
        Prose(paragraphs=(f"Cost: {NO_DATA}. The record holds no estimate.",)),
    )
    if estimates:
        blocks = (_table(estimates), _notes(estimates))
    return Section(
        anchor="costs",
        title="What it costs in a month",
        lead="List prices from dated price books, as ranges from low to high. Discounts, other use of the "
        "account and the vendor's own way to count are not in them.",
        blocks=blocks,
    )


def _table(estimates: Sequence[CostEstimate]) -> Table:
    rows = [_row(estimate, tariff) for estimate in estimates for tariff in estimate.tariffs]
    return Table(
        caption=f"A month at list prices ({estimates[0].scaling.sentence})",
        columns=(
            "vendor and unit",
            *Variant,
            "saved",
            "saved after the free allowance",
            "confidence",
        ),
        rows=tuple(rows),
        numeric=(1, 2, 3, 4),
    )


def _row(estimate: CostEstimate, tariff: TariffCost) -> tuple[str, ...]:
    currency = estimate.book.currency
    name = f"{estimate.book.vendor}: {tariff.title}"
    variants = [tariff.variants[variant] for variant in Variant]
    if not any(cost.list_price.known() for cost in variants):
        units = (
            f"{_cases(cost.units, lambda units: amount(float(units)))} {tariff.unit.replace('_', ' ').replace('otlp', 'OTLP')}"
            if cost.units.known()
            else NO_DATA
            for cost in variants
        )
        saved = SAVES_NOTHING if tariff.saves_nothing else f"amount: {NO_DATA}"
        return (name, *units, saved, NO_DATA, tariff.confidence)
    amounts = (f"{_cases(cost.list_price, _money)} {currency}" for cost in variants)
    if tariff.saves_nothing:
        return (name, *amounts, SAVES_NOTHING, "0", tariff.confidence)
    savings = (tariff.saving_list_price, tariff.saving_after_allowance)
    return (
        name,
        *amounts,
        *(f"{_cases(each, _money)} {currency}" for each in savings),
        tariff.confidence,
    )


def _notes(estimates: Sequence[CostEstimate]) -> Table:
    rows = [
        (
            visible(each.book.vendor),
            visible(each.book.name),
            each.book.dated,
            each.book.hash[:19],
            "; ".join((*each.notes, *dict.fromkeys(n for t in each.tariffs for n in t.notes))),
        )
        for each in estimates
    ]
    return Table(
        caption="The price books, and what they cannot know",
        columns=("vendor", "price book", "dated", "hash", "notes"),
        rows=tuple(rows),
        folded=True,
        is_wordy=True,
    )


def _cases(cases: Cases, show: Callable[[Decimal], str]) -> str:
    known = cases.known()
    if not known:
        return NO_DATA
    least, most = show(min(known)), show(max(known))
    return least if least == most else f"{least} to {most}"


def _money(value: Decimal) -> str:
    rounded = value.quantize(_CENT, ROUND_HALF_EVEN)
    return f"{rounded + 0:,f}".replace(",", "\N{NARROW NO-BREAK SPACE}").replace(
        "-", "\N{MINUS SIGN}"
    )
