from pathlib import Path

import pytest

from phoenix_platform.analysis.prices import BillingUnit, Confidence, PriceBook
from phoenix_platform.analysis.prices_catalog import shipped_books
from phoenix_platform.cli.prices_tables import price_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cost.md").read_text("utf-8")


@pytest.mark.parametrize("book", shipped_books(), ids=lambda book: book.name)
def test_every_tariff_of_every_book_is_in_the_docs_as_the_book_has_it(book: PriceBook) -> None:
    for tariff in book.tariffs:
        row = (
            f"| `{book.name}` | {tariff.title} | `{tariff.unit}` | {price_of(tariff, book.currency)} "
            f"| {tariff.confidence} |\n"
        )
        assert row in PAGE


@pytest.mark.parametrize("word", [*BillingUnit, *Confidence])
def test_every_unit_and_every_confidence_is_explained(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_the_page_is_reached_from_the_readme() -> None:
    assert "docs/cost.md" in (ROOT / "README.md").read_text("utf-8")
