"""The price books that ship with Phoenix: one YAML file per vendor under `prices/`.

`phoenix prices` lists them, `phoenix trial` and the report price with all of them where no book is chosen.
"""

import difflib
from functools import cache
from importlib import resources
from typing import Final

from phoenix_platform.analysis.prices import PriceBook
from phoenix_platform.analysis.prices_parsing import parse_price_book
from phoenix_platform.core.errors import NotFoundError

_FOLDER: Final = resources.files("phoenix_platform.analysis").joinpath("prices")


@cache
def shipped_books() -> tuple[PriceBook, ...]:
    """All of them, by name."""
    files = (file for file in _FOLDER.iterdir() if file.name.endswith(".yaml"))
    books = [parse_price_book(file.read_text("utf-8"), name=file.name) for file in files]
    return tuple(sorted(books, key=lambda book: book.name))


def shipped_book(name: str) -> PriceBook:
    """The book of that name.

    Raises:
        NotFoundError: If there is none; the message suggests the nearest name.
    """
    found = next((book for book in shipped_books() if book.name == name), None)
    if found is None:
        names = [book.name for book in shipped_books()]
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
        raise NotFoundError(f"prices: no book is called {name!r}; {hint}", name=name)
    return found


def text_of(book: PriceBook) -> str:
    """The YAML text of a book that ships, comments included."""
    return _FOLDER.joinpath(f"{book.name}.yaml").read_text("utf-8")
