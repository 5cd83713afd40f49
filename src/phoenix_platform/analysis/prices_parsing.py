"""Price books from YAML text: what is wrong is said with its place, the field, the value and the fix.

Called by `prices_catalog` for the books that ship and by `phoenix prices` and `phoenix trial` for a user's own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from phoenix_platform.analysis.prices import (
    Accuracy,
    Allowance,
    AllowanceOf,
    BillingUnit,
    Confidence,
    Identity,
    Labels,
    Price,
    PriceBook,
    Tariff,
)
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.hashing import content_hash
from phoenix_platform.pipelines.documents import Document, Path, Value, read_document, thawed

FORMAT: Final = "phoenix.prices/1"

_AMOUNT: Final = re.compile(r"\d{1,12}(\.\d{1,9})?")
_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_SEEN: Final = re.compile(r"\d{4}-\d{2}(-\d{2})?")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_MOST_UNITS: Final = 10**18
_MOST_SHOWN: Final = 60
"""Characters of a wrong value in a message, which is one line."""
_Enum = TypeVar("_Enum", bound=StrEnum)


def parse_price_book(text: str, *, name: str) -> PriceBook:
    """The price book in a YAML text; `name` is what messages call the text.

    Raises:
        InvalidInputError: If it is no YAML, or a field is missing, unknown or wrong; with line and column.
    """
    document = read_document(text, name=name)
    top = _Fields.of(document, (), document.root)
    if top.text("format") != FORMAT:
        raise top.refusal("format", f"write {FORMAT}")
    book = PriceBook(
        name=top.matching("name", _NAME, "lower-case letters, digits and hyphens"),
        vendor=top.text("vendor"),
        dated=top.day("dated", _DAY, "a day like 2026-11-25"),
        currency=top.matching("currency", _CURRENCY, "a currency like USD"),
        summary=top.text("summary"),
        identity=_identity(top.mapping("identity")),
        tariffs=tuple(map(_tariff, top.mappings("tariffs"))),
        notes=top.texts("notes"),
        hash=content_hash(thawed(document.root)),
    )
    top.refuse_others()
    if not book.tariffs:
        raise top.refusal("tariffs", "give at least one; one without a price has `prices: []`")
    names = [tariff.name for tariff in book.tariffs]
    if len(set(names)) < len(names):
        raise top.refusal("tariffs", "two have the same name; give each its own")
    return book


def _identity(fields: "_Fields") -> Identity:
    identity = Identity(
        labels=fields.one_of("labels", Labels),
        note=fields.text("note"),
        source=fields.text("source"),
        confidence=fields.one_of("confidence", Confidence),
    )
    fields.refuse_others()
    return identity


def _tariff(fields: "_Fields") -> Tariff:
    free, accuracy = fields.optional_mapping("free"), fields.optional_mapping("accuracy")
    tariff = Tariff(
        name=fields.matching("name", _NAME, "lower-case letters, digits and hyphens"),
        title=fields.text("title"),
        unit=fields.one_of("unit", BillingUnit),
        unit_name=fields.text("unit_name"),
        unit_confidence=fields.one_of("unit_confidence", Confidence),
        unit_source=fields.text("unit_source"),
        per=fields.count("per"),
        prices=tuple(map(_price, fields.mappings("prices"))),
        free=None if free is None else _allowance(free),
        accuracy=None if accuracy is None else _accuracy(accuracy),
        included_points_per_minute=fields.optional_count("included_points_per_minute"),
        included_points_per_name=fields.optional_count("included_points_per_name"),
        notes=fields.texts("notes"),
    )
    fields.refuse_others()
    if tariff.per < 1 or str(tariff.per).strip("0") != "1":
        raise fields.refusal(
            "per", "write a power of ten, so that amounts are exact: 1, 100, 1000000"
        )
    boundaries = [price.above for price in tariff.prices]
    if boundaries and (boundaries[0] != 0 or boundaries != sorted(set(boundaries))):
        raise fields.refusal("prices", "the first must be above 0, each next above more units")
    for field, unit in (
        ("included_points_per_minute", BillingUnit.ACTIVE_SERIES),
        ("included_points_per_name", BillingUnit.METRIC_NAMES),
    ):
        included: int | None = getattr(tariff, field)
        if (included is not None) != (tariff.unit is unit):
            raise fields.refusal(field, f"belongs to the unit {unit} and to no other")
        if included == 0:
            raise fields.refusal(field, "write a number above 0")
    return tariff


def _price(fields: "_Fields") -> Price:
    price = Price(
        above=fields.count("above"),
        amount=fields.money("amount"),
        source=fields.text("source"),
        confidence=fields.one_of("confidence", Confidence),
        seen=fields.day("seen", _SEEN, "a month or a day like 2026-05"),
    )
    fields.refuse_others()
    if (price.amount is None) != (price.confidence is Confidence.UNKNOWN):
        raise fields.refusal("confidence", "unknown goes with `amount: unknown`, and only with it")
    return price


def _allowance(fields: "_Fields") -> Allowance:
    allowance = Allowance(
        units=fields.count("units"),
        of=fields.one_of("of", AllowanceOf),
        source=fields.text("source"),
        confidence=fields.one_of("confidence", Confidence),
        seen=fields.day("seen", _SEEN, "a month or a day like 2026-05"),
    )
    fields.refuse_others()
    return allowance


def _accuracy(fields: "_Fields") -> Accuracy:
    accuracy = Accuracy(
        low=fields.decimal("low"), high=fields.decimal("high"), source=fields.text("source")
    )
    fields.refuse_others()
    if not accuracy.low <= 1 <= accuracy.high:
        raise fields.refusal("low", "write factors around 1: low at most 1, high at least 1")
    return accuracy


@dataclass(frozen=True, slots=True)
class _Fields:
    """One mapping of the document; every read names its field, so that what nobody read is unknown."""

    document: Document
    path: Path
    values: Mapping[str, Value]
    read: set[str]

    @classmethod
    def of(cls, document: Document, path: Path, value: Value) -> "_Fields":
        if not isinstance(value, Mapping):
            shown = ".".join(map(str, path)) or "the document"
            raise InvalidInputError(
                f"{document.place(path)}: {shown}: not a mapping: {value!r}; write keys with values"
            )
        return cls(document, path, value, set())

    def refusal(self, field: str, fix: str) -> InvalidInputError:
        path = (*self.path, field)
        where = ".".join(map(str, path))
        found = f": {_shown(self.values[field])}" if field in self.values else " is missing"
        return InvalidInputError(f"{self.document.place(path)}: {where}{found}; {fix}")

    def refuse_others(self) -> None:
        for field in self.values:
            if field not in self.read:
                raise self.refusal(
                    field, f"unknown field; known are {', '.join(sorted(self.read))}"
                )

    def text(self, field: str) -> str:
        value = self._value(field)
        if not isinstance(value, str) or not value.strip():
            raise self.refusal(field, "write a text, in quotes if it looks like a number")
        return value

    def texts(self, field: str) -> tuple[str, ...]:
        """A list of texts; none if the field is not there."""
        value = self._value(field)
        texts = () if value is None else value
        if not isinstance(texts, tuple) or not all(isinstance(text, str) for text in texts):
            raise self.refusal(field, "write a list of texts")
        return tuple(map(str, texts))

    def matching(self, field: str, pattern: re.Pattern[str], what: str) -> str:
        value = self.text(field)
        if pattern.fullmatch(value) is None:
            raise self.refusal(field, f"write {what}")
        return value

    def day(self, field: str, pattern: re.Pattern[str], what: str) -> str:
        """A day of the calendar, or a month where the pattern lets one pass."""
        value = self.matching(field, pattern, what)
        try:
            date.fromisoformat(f"{value}-01"[:10])
        except ValueError as error:
            raise self.refusal(field, f"no such day; write {what}") from error
        return value

    def one_of(self, field: str, choices: type[_Enum]) -> _Enum:
        value = self._value(field)
        for choice in choices:
            if choice.value == value:
                return choice
        raise self.refusal(field, f"write one of {', '.join(choices)}")

    def count(self, field: str) -> int:
        value = self._value(field)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_UNITS:
            raise self.refusal(field, "write a whole number, 0 or more, like 10_000")
        return value

    def optional_count(self, field: str) -> int | None:
        return None if self._value(field) is None else self.count(field)

    def decimal(self, field: str) -> Decimal:
        """Exact, so it must be text: YAML's own numbers with a point are binary fractions."""
        value = self._value(field)
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        text = str(value) if is_whole or isinstance(value, str) else ""
        if _AMOUNT.fullmatch(text) is None:
            raise self.refusal(field, 'write it in quotes, with a point: "0.40"')
        return Decimal(text)

    def money(self, field: str) -> Decimal | None:
        return None if self._value(field) == "unknown" else self.decimal(field)

    def mapping(self, field: str) -> "_Fields":
        return self.of(self.document, (*self.path, field), self._value(field))

    def optional_mapping(self, field: str) -> "_Fields | None":
        return None if self._value(field) is None else self.mapping(field)

    def mappings(self, field: str) -> list["_Fields"]:
        value = self._value(field)
        if not isinstance(value, tuple):
            raise self.refusal(field, "write a list")
        return [
            self.of(self.document, (*self.path, field, index), entry)
            for index, entry in enumerate(value)
        ]

    def _value(self, field: str) -> Value:
        self.read.add(field)
        return self.values.get(field)


def _shown(value: Value) -> str:
    text = repr(thawed(value))
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
