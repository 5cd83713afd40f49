"""`phoenix report`: the HTML report of a trial, from its record."""

from pathlib import Path
from typing import Annotated

import typer

from phoenix_platform.cli.output import note
from phoenix_platform.cli.reports.files import default_path, write_report


def report(
    file: Annotated[Path, typer.Argument(help="A record or a certificate of phoenix trial.")],
    to: Annotated[
        Path | None,
        typer.Option(
            help="Where to write it. Default: beside the file, with the ending .html.",
            metavar="OUT.html",
        ),
    ] = None,
) -> None:
    """Make the report of a trial: one HTML file that loads nothing, for a browser or a printer."""
    target = to or default_path(file)
    write_report(file, target)
    note(f"report: {target}")
