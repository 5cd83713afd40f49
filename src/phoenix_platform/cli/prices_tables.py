"""Costs and price books as tables: money with two digits, ranges as ranges, what is not known as "no data".

Called by `phoenix prices` and by the end of `phoenix trial`.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, TypeAlias

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from phoenix_platform.analysis.costs import CostEstimate, TariffCost, VariantCost
from phoenix_platform.analysis.costs_amounts import saving
from phoenix_platform.analysis.costs_units import Cases
from phoenix_platform.analysis.prices import BillingUnit, Price, PriceBook, Tariff
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.metering.samples import Variant

SAVES_NOTHING: Final = "saves 0 under this unit"
_CENT: Final = Decimal("0.01")
_TENTH: Final = Decimal("0.1")
_SHOWN_IN: Final = {
    BillingUnit.STORED_BYTES: (10**9, "GB"),
    BillingUnit.OTLP_BYTES: (10**9, "GB"),
    BillingUnit.POINTS: (10**6, "million points"),
    BillingUnit.HOURLY_SERIES: (1, "series an hour"),
    BillingUnit.ACTIVE_SERIES: (1, "active series"),
    BillingUnit.LABEL_SERIES: (1, "series"),
    BillingUnit.METRIC_NAMES: (1, "metric names"),
}
_Show: TypeAlias = Callable[[Decimal], str]


def print_costs(estimates: Sequence[CostEstimate]) -> None:
    """One book in full, several as the table of all vendors; on stdout."""
    console = Console()
    parts = _in_full(estimates[0]) if len(estimates) == 1 else _side_by_side(estimates)
    for part in parts:
        console.print(part)


def book_rows(book: PriceBook) -> Iterable[tuple[str, str]]:
    """Everything a book says, as pairs of what and value."""
    yield "vendor", book.vendor
    yield "dated", book.dated
    yield "summary", book.summary
    yield "decides in a trial", f"{book.objective} (the objective, where --objective names none)"
    yield "labels", f"{book.identity.note} ({book.identity.confidence}; {book.identity.source})"
    for tariff in book.tariffs:
        yield f"tariff {tariff.name}", "\n".join(_tariff_lines(tariff, book.currency))
    for text in book.notes:
        yield "note", text
    yield "hash", book.hash


def price_of(tariff: Tariff, currency: str) -> str:
    """`0.30 USD per metrics` of the first tier, with how many follow."""
    if not tariff.prices:
        return "no price"
    first = tariff.prices[0]
    more = f", {len(tariff.prices) - 1} lower tiers" if len(tariff.prices) > 1 else ""
    return f"{_amount(first, currency)} per {tariff.unit_name}{more}"


def _amount(price: Price, currency: str) -> str:
    return "unknown" if price.amount is None else f"{price.amount} {currency}"


def _tariff_lines(tariff: Tariff, currency: str) -> Iterable[str]:
    yield tariff.title
    yield f"unit: {tariff.unit} ({tariff.unit_confidence}; {tariff.unit_source})"
    for price in tariff.prices:
        above = f"above {_count(Decimal(price.above))}: " if price.above else ""
        yield (
            f"{above}{_amount(price, currency)} per {tariff.unit_name} "
            f"({price.confidence}, seen {price.seen}; {price.source})"
        )
    if tariff.free is not None:
        free = tariff.free
        yield (
            f"free: {_count(Decimal(free.units))} a month per {free.of} "
            f"({free.confidence}, seen {free.seen}; {free.source})"
        )
    if tariff.accuracy is not None:
        accuracy = tariff.accuracy
        yield f"bill / our figure: {accuracy.low} to {accuracy.high} ({accuracy.source})"
    for text in tariff.notes:
        yield f"note: {text}"


def _in_full(estimate: CostEstimate) -> Iterable[RenderableType]:
    book = estimate.book
    table = _table(
        f"Cost a month: {book.vendor} ({estimate.scaling.sentence})", "", *Variant, "saved"
    )
    for tariff in estimate.tariffs:
        baseline, candidate = (tariff.variants[variant] for variant in Variant)
        table.add_row(
            f"{tariff.title}: {_SHOWN_IN[tariff.unit][1]}",
            _units(baseline.units, tariff),
            _units(candidate.units, tariff),
            SAVES_NOTHING
            if tariff.saves_nothing
            else _units(saving(baseline.units, candidate.units), tariff),
        )
        if not baseline.list_price.known() and not candidate.list_price.known():
            table.add_row(f"{book.currency}", NO_DATA, NO_DATA, NO_DATA)
            continue
        table.add_row(
            f"list price, {book.currency} ({tariff.confidence})",
            _money(baseline.list_price),
            _money(candidate.list_price),
            _money(tariff.saving_list_price),
        )
        table.add_row(
            f"after the free allowance of {_hosts(estimate)} alone, {book.currency}",
            _money(baseline.after_allowance),
            _money(candidate.after_allowance),
            _money(tariff.saving_after_allowance),
        )
    yield table
    yield from _notes(estimate)


def _side_by_side(estimates: Sequence[CostEstimate]) -> Iterable[RenderableType]:
    if not estimates:
        return
    scaling = estimates[0].scaling
    table = _table(
        f"Cost a month by vendor, list prices ({scaling.sentence})",
        "price book",
        *Variant,
        "saved",
        f"saved after the allowance of {_hosts(estimates[0])} alone",
    )
    for estimate in estimates:
        for tariff in estimate.tariffs:
            table.add_row(*_row(estimate, tariff))
    yield table
    yield from _warnings(estimates)
    yield Text("Choose one with --prices NAME: it then says what it rests on.", style="dim")


def _row(estimate: CostEstimate, tariff: TariffCost) -> tuple[str, ...]:
    currency = estimate.book.currency
    name = f"{estimate.book.name}\n{tariff.name} ({tariff.confidence})"
    costs = [tariff.variants[variant] for variant in Variant]
    if not any(cost.list_price.known() for cost in costs):
        units = (_units(cost.units, tariff, _SHOWN_IN[tariff.unit][1]) for cost in costs)
        saved = SAVES_NOTHING if tariff.saves_nothing else f"amount: {NO_DATA}"
        return (name, *units, saved, f"amount: {NO_DATA}")
    amounts = (_money(cost.list_price, currency) for cost in costs)
    if tariff.saves_nothing:
        return (name, *amounts, SAVES_NOTHING, SAVES_NOTHING)
    return (
        name,
        *amounts,
        _money(tariff.saving_list_price, currency),
        _money(tariff.saving_after_allowance, currency),
    )


def _notes(estimate: CostEstimate) -> Iterable[Text]:
    """What the table of one book rests on."""
    book = estimate.book
    yield _note(f"prices: {book.name} of {book.dated}, {book.hash}")
    yield from _common_notes([estimate])
    independent = [one.title for one in estimate.tariffs if not one.depends_on_interval]
    if independent:
        yield _note(f"does not depend on the interval: {', '.join(independent)}")
    for text in estimate.notes:
        yield _note(text)
    for text in dict.fromkeys(text for tariff in estimate.tariffs for text in tariff.notes):
        yield _note(text)


def _warnings(estimates: Sequence[CostEstimate]) -> Iterable[Text]:
    """Of the table of all vendors: what no reader may miss."""
    yield from _common_notes(estimates)
    yield _note("vendors' own estimates differ from bills by 10 to 20 %")
    texts = (
        text
        for estimate in estimates
        for text in estimate.notes
        if text.startswith("warning: ") or text.endswith(NO_DATA)
    )
    for text in dict.fromkeys(texts):
        yield _note(f"where only point attributes become labels (Prometheus): {text}")


def _common_notes(estimates: Sequence[CostEstimate]) -> Iterable[Text]:
    scaling = estimates[0].scaling
    yield _note(
        "points and bytes a month = mean per scrape × "
        f"{_count(scaling.scrapes_per_month)} scrapes in 30 days"
    )
    if any(_is_open(cost.units) for cost in _costs(estimates)):
        yield _note(
            "series: those of the last scrape, and with what an hour adds. A likely figure needs a whole "
            "billing window (an hour; 20 minutes for active series): no data"
        )
    if scaling.hosts != scaling.measured_hosts:
        yield _note(
            f"extrapolated from {scaling.measured_hosts} measured to {scaling.hosts} hosts: "
            "the others were not seen"
        )


def _costs(estimates: Sequence[CostEstimate]) -> Iterable[VariantCost]:
    for estimate in estimates:
        for tariff in estimate.tariffs:
            yield from tariff.variants.values()


def _is_open(units: Cases) -> bool:
    return units.likely is None and bool(units.known())


def _note(text: str) -> Text:
    return Text(f"note: {text}", style="dim")


def _hosts(estimate: CostEstimate) -> str:
    hosts = estimate.scaling.hosts
    return "one host" if hosts == 1 else f"{hosts} hosts"


def _units(units: Cases, tariff: TariffCost, unit: str = "") -> str:
    size, _ = _SHOWN_IN[tariff.unit]

    def show(count: Decimal) -> str:
        return _count(count) if size == 1 else _grouped((count / size).quantize(_TENTH))

    return _cases(units, show, unit)


def _money(cases: Cases, currency: str = "") -> str:
    return _cases(cases, lambda amount: _grouped(amount.quantize(_CENT, ROUND_HALF_EVEN)), currency)


def _cases(cases: Cases, show: _Show, unit: str = "") -> str:
    """`66.0 (52.8 to 79.2)`; without a likely case `105 to 110`; else what the last scrape says."""
    known = cases.known()
    if not known:
        return NO_DATA
    unit = f" {unit}" if unit else ""
    least, most = show(min(known)), show(max(known))
    if cases.likely is not None:
        likely = show(cases.likely)
        return f"{likely}{unit}" if least == most else f"{likely}{unit} ({least} to {most})"
    if cases.high is None:
        return f"{least}{unit} (last scrape)"
    return f"{least}{unit}" if least == most else f"{least} to {most}{unit}"


def _count(value: Decimal) -> str:
    return _grouped(value.normalize() if value % 1 else value.quantize(Decimal(1)))


def _grouped(value: Decimal) -> str:
    """`1 234.50`, with narrow spaces between the groups and a true minus sign."""
    text = f"{value + 0:,f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return text.replace("-", "\N{MINUS SIGN}")


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in (first, *others):
        table.add_column(column, overflow="fold")
    return table
