"""How commands print: data on stdout as a table or as JSON, everything else on stderr."""

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TextIO, TypeAlias

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from phoenix_platform.core.errors import UnavailableError

NO_DATA: Final = "no data"
"""Shown wherever nothing was measured; never a number."""


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"


OutputOption: TypeAlias = Annotated[
    Output, typer.Option("--output", "-o", help="How to print the data.", show_default=True)
]


def print_json(value: object) -> None:
    """One JSON document on stdout; `value` is anything msgspec encodes."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_json_line(value: object) -> None:
    """One JSON document on one line of stdout, for commands that print several.

    Raises:
        UnavailableError: If nobody reads it any more: then there is nobody to run for.
    """
    try:
        typer.echo(msgspec.json.encode(value).decode())
    except OSError as error:
        discard(sys.stdout)
        raise UnavailableError(
            "output: nobody reads it any more; let the reader stay, or write to a file"
        ) from error


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None
) -> None:
    """A table on stdout, as wide as the terminal at the most; long cells wrap, none is cut off."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def note(message: str) -> None:
    """Say something that is not data: on stderr, so that pipes stay clean.

    A terminal that was closed is no reason to fail: what is said then reaches nobody.
    """
    try:
        typer.echo(message, err=True)
    except OSError:
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Let everything written to the stream vanish; what is in its buffer too, when the program ends."""
    with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
