"""`phoenix prices`: look at the price books, check one of your own, price a record again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import msgspec
import typer

from phoenix_platform.analysis.costs import CostEstimate, estimate
from phoenix_platform.analysis.plans import Objective, Plan
from phoenix_platform.analysis.prices import PriceBook
from phoenix_platform.analysis.prices_catalog import shipped_book, shipped_books, text_of
from phoenix_platform.analysis.prices_parsing import parse_price_book
from phoenix_platform.analysis.records import FORMAT
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table
from phoenix_platform.cli.prices_tables import book_rows, price_of, print_costs
from phoenix_platform.cli.records import RecordArgument, read_record
from phoenix_platform.core.errors import InvalidInputError, NotFoundError, UnavailableError
from phoenix_platform.metering.sample_columns import samples_of

app = typer.Typer(
    no_args_is_help=True, help="Price books of vendors, your own, and what a record would cost."
)

MAX_FILE_BYTES: Final = 2**20
"""The books that ship have 3 kB; more is a wrong file."""

PricesOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--prices",
        metavar="NAME_OR_FILE",
        help="Price book: a name of phoenix prices list, or a file of your own. Default: all vendors.",
    ),
]
HostsOption: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, help="Hosts to extrapolate the cost to. Default: those measured."),
]


def read_book(reference: str) -> PriceBook:
    """The book that a user means: a file if there is one of that path, else one that ships.

    Raises:
        NotFoundError: If there is neither.
        InvalidInputError: If it is not a price book; with line and column.
        UnavailableError: If the file cannot be read.
    """
    path = Path(reference)
    if not path.is_file():
        if path.suffix in (".yaml", ".yml") or "/" in reference:
            raise NotFoundError(f"prices: no such file: {reference}", name=reference)
        return shipped_book(reference)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UnavailableError(
                f"{reference}: larger than {MAX_FILE_BYTES} bytes; is it a price book?"
            )
        text = path.read_text("utf-8")
    except OSError as error:
        raise UnavailableError(f"{reference}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"{reference}: not UTF-8 at byte {error.start}; save it as UTF-8"
        ) from error
    return parse_price_book(text, name=reference)


def books_for(reference: str | None) -> tuple[PriceBook, ...]:
    """The one book that was chosen, else all that ship.

    Raises:
        PhoenixError: As `read_book`.
    """
    return shipped_books() if reference is None else (read_book(reference),)


def objective_for(asked: Objective | None, chosen: PriceBook | None) -> Objective:
    """What a candidate must save: as asked, else what the chosen book bills, else series."""
    if asked is not None:
        return asked
    return Objective.SERIES if chosen is None else chosen.objective


def estimates_of(
    record: Mapping[str, Any], books: tuple[PriceBook, ...], *, hosts: int | None = None
) -> tuple[CostEstimate, ...]:
    """What a record's variants would cost under each book.

    Raises:
        InvalidInputError: If it is no record of a trial, or a part of it is missing or wrong.
    """
    if record.get("format") != FORMAT:
        raise InvalidInputError(
            f"format: {record.get('format')!r} is not {FORMAT!r}; is this the record of a trial?"
        )
    try:
        plan = msgspec.convert(record["plan"], Plan)
        relay_every = msgspec.convert(record["variants"]["candidate"]["relay_every"], int)
        samples = samples_of(record["samples"])
    except KeyError as error:
        raise InvalidInputError(f"{error.args[0]}: missing from the record") from error
    except msgspec.ValidationError as error:
        raise InvalidInputError(f"plan or variants: {error}") from error
    try:
        return tuple(
            estimate(samples, plan, book, hosts=hosts, relay_every=relay_every) for book in books
        )
    except (ArithmeticError, TypeError) as error:
        raise InvalidInputError(
            f"samples: counts that cannot be priced: {error!r}; is the record as a trial wrote it?"
        ) from error


@app.command("list")
def list_books(output: OutputOption = Output.TABLE) -> None:
    """List the price books that ship, with what each vendor bills."""
    books = shipped_books()
    if output is Output.JSON:
        print_json(books)
        return
    print_table(
        ("name", "bills", "list price", "confidence", "dated"),
        [
            (
                book.name,
                book.summary,
                price_of(book.tariffs[0], book.currency),
                book.tariffs[0].confidence,
                book.dated,
            )
            for book in books
        ],
    )


@app.command()
def show(
    book: Annotated[
        str, typer.Argument(metavar="NAME_OR_FILE", help="A price book, or a file of your own.")
    ],
    *,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="Print the book's YAML, to begin one of your own with.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a price book: units, prices, allowances, each with its source and how sure it is."""
    read = read_book(book)
    if as_yaml:
        path = Path(book)
        typer.echo(path.read_text("utf-8") if path.is_file() else text_of(read), nl=False)
    elif output is Output.JSON:
        print_json(read)
    else:
        print_table(("", read.name), list(book_rows(read)))


@app.command()
def validate(
    file: Annotated[Path, typer.Argument(help="A price book of yours, YAML.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Check a price book of your own; exit 5 with line, field and fix if it is wrong."""
    if not file.is_file():
        raise NotFoundError(f"prices: no such file: {file}")
    book = read_book(str(file))
    if output is Output.JSON:
        print_json({"valid": True, "name": book.name, "hash": book.hash})
    else:
        tariffs = ", ".join(tariff.name for tariff in book.tariffs)
        note(f"{file}: no error; {book.vendor}, {book.currency}, tariffs: {tariffs}")


@app.command("estimate")
def estimate_record(
    file: RecordArgument,
    prices: PricesOption = None,
    hosts: HostsOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Price the record of a trial (again): with one book, or with those of all vendors."""
    found = estimates_of(read_record(file), books_for(prices), hosts=hosts)
    if output is Output.JSON:
        print_json(found)
    else:
        print_costs(found)
