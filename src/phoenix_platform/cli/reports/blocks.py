"""What a section of the report is made of. `sections` builds these, the template writes them down."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Final, TypeAlias

from markupsafe import Markup, escape

from phoenix_platform.cli.reports.markup import element, visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    kind: ClassVar = "table"
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()
    """Columns whose cells are numbers: set to the right, in figures of one width."""
    folded: bool = False
    """Whether it opens on demand only."""
    is_half: bool = False
    is_wordy: bool = False
    """Whether the last column holds sentences."""
    statuses: tuple[str, ...] = ()
    """One for each row, where rows have a status: sets its mark. The words are in the cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    kind: ClassVar = "figure"
    title: str
    note: str
    """Unit, and what it is made from."""
    wide: Markup
    """Drawing for screens and paper."""
    narrow: Markup
    """The same for a phone: fewer points, the same size of letters."""
    table: Table
    """The figures of the drawing."""
    is_half: bool = False
    """Whether two of these stand side by side where there is room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    look: str
    """Class of the style sheet."""
    name: str
    share: float
    """Of the longest bar beside it."""
    words: str

    @property
    def drawing(self) -> Markup:
        """The bar itself, as SVG: the page has no inline styles."""
        return element(
            "svg",
            element("rect", width=max(1.0, 100 * self.share), height=8, class_=f"fill {self.look}"),
            viewBox="0 0 100 8",
            preserveAspectRatio="none",
            aria_hidden="true",
            class_="bar",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One figure for a reader who reads nothing else."""

    label: str
    value: str
    detail: str
    made_from: str
    bars: tuple[Bar, ...] = ()
    is_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    kind: ClassVar = "cards"
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prose:
    kind: ClassVar = "prose"
    paragraphs: tuple[str, ...]
    is_warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentences:
    kind: ClassVar = "sentences"
    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    kind: ClassVar = "listing"
    title: str
    text: str
    is_difference: bool = False
    """Whether lines begin with `+` and `-`."""
    is_open: bool = False

    @property
    def lines(self) -> Iterator["ListedLine"]:
        for text in self.text.rstrip("\n").split("\n"):
            sign = text[:1] if self.is_difference and not text.startswith(("+++", "---")) else ""
            yield ListedLine(text, _LOOK_OF.get(sign, "same"))


@dataclass(frozen=True, slots=True)
class ListedLine:
    text: str
    look: str

    @property
    def shown(self) -> Markup:
        """To be copied: nothing of it is set otherwise than it was written."""
        return escape(visible(self.text))


_LOOK_OF: Final = {"+": "added", "-": "removed", "@": "place"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    kind: ClassVar = "legend"
    entries: tuple[tuple[str, str], ...]
    """Class of the style sheet and words."""


Block: TypeAlias = Table | Figure | Cards | Prose | Sentences | Listing | Legend


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    anchor: str
    title: str
    lead: str
    blocks: tuple[Block, ...] = field(default=())
