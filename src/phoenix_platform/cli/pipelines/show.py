"""`phoenix pipeline list` and `show`: what the catalog has."""

from typing import Annotated

import msgspec
import typer

from phoenix_platform.cli.output import Output, OutputOption, print_json, print_table
from phoenix_platform.pipelines import catalog


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    version: int
    purpose: str
    keeps: str
    loses: str
    totals_preserved: bool
    kept_names: tuple[str, ...]
    tested_collectors: tuple[str, ...]
    hash: str


class EntryDetail(EntryView, frozen=True, kw_only=True):
    configuration: str
    """The YAML text, comments included."""


def list_pipelines(output: OutputOption = Output.TABLE) -> None:
    """List the pipelines of the catalog."""
    views = [_view_of(entry) for entry in catalog.entries()]
    match output:
        case Output.JSON:
            print_json(views)
        case Output.TABLE:
            print_table(
                ("name", "purpose", "host totals"),
                [(view.name, view.purpose, _totals(view)) for view in views],
            )


def show_pipeline(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of the catalog.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what a pipeline of the catalog is for, and its configuration."""
    entry = catalog.get(name)
    view = _view_of(entry)
    match output:
        case Output.JSON:
            print_json(EntryDetail(configuration=entry.text, **msgspec.structs.asdict(view)))
        case Output.TABLE:
            print_table(
                ("", view.name),
                [
                    ("purpose", view.purpose),
                    ("keeps", view.keeps),
                    ("loses", view.loses),
                    ("host totals", _totals(view)),
                    ("names kept", ", ".join(view.kept_names) or "does not choose by name"),
                    ("tested with collector", ", ".join(view.tested_collectors)),
                    ("hash", view.hash),
                ],
            )
            typer.echo(entry.text)


def _view_of(entry: catalog.Entry) -> EntryView:
    return EntryView(
        name=entry.name,
        version=entry.version,
        purpose=entry.purpose,
        keeps=entry.keeps,
        loses=entry.loses,
        totals_preserved=entry.totals_preserved,
        kept_names=entry.kept_names,
        tested_collectors=entry.tested_collectors,
        hash=entry.configuration.hash,
    )


def _totals(view: EntryView) -> str:
    return "preserved" if view.totals_preserved else "of kept processes only"
