"""`phoenix pipeline diff`: what changes between two configurations, first by meaning, then by text."""

import textwrap
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from phoenix_platform.cli.output import Output, OutputOption, note, print_json
from phoenix_platform.cli.pipelines.references import read_pipeline
from phoenix_platform.pipelines.diffs import Change, semantic_diff
from phoenix_platform.pipelines.diffs_text import text_diff


class DiffView(msgspec.Struct, frozen=True, kw_only=True):
    before: str
    after: str
    before_hash: str
    after_hash: str
    changes: tuple[Change, ...]
    text: str | None
    """The unified diff of both texts, secrets masked; null unless asked for."""


def diff_pipelines(
    before: Annotated[str, typer.Argument(metavar="A", help="A file, or a name of the catalog.")],
    after: Annotated[str, typer.Argument(metavar="B", help="What A becomes: a file or a name.")],
    *,
    text: Annotated[
        bool, typer.Option("--text", help="Show the difference of both texts too.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say which processes, metrics and attributes change from A to B, and what else; secrets are masked."""
    earlier, later = read_pipeline(before), read_pipeline(after)
    view = DiffView(
        before=earlier.name,
        after=later.name,
        before_hash=earlier.hash,
        after_hash=later.hash,
        changes=semantic_diff(earlier, later),
        text=text_diff(earlier, later) if text else None,
    )
    match output:
        case Output.JSON:
            print_json(view)
        case Output.TABLE:
            _print(view)


def _print(view: DiffView) -> None:
    """One paragraph per change, below its area; six columns would be too narrow to read."""
    width = Console().width
    area = None
    for change in view.changes:
        if change.area is not area:
            area = change.area
            typer.echo(f"{area.value}")
        typer.echo(_wrapped(f"{change.component}: {change.what}", width, indent="  "))
        for sign, value in (("-", change.before), ("+", change.after)):
            if value is not None:
                typer.echo(_wrapped(f"{sign} {value}", width, indent="    "))
        typer.echo(_wrapped(change.effect, width, indent="    "))
    if not view.changes:
        note(f"{view.before} and {view.after} mean the same")
    if view.text is not None:
        typer.echo(view.text, nl=False)


def _wrapped(text: str, width: int, *, indent: str) -> str:
    return textwrap.fill(
        text,
        max(width, 40),
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_on_hyphens=False,
    )
