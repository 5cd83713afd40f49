"""`phoenix pipeline list` and `show`: what the catalog has."""

from typing import Annotated, Any, Final

import msgspec
import typer

from phoenix_platform.cli.contexts.choosing import ContextOption
from phoenix_platform.cli.output import Output, OutputOption, print_json, print_table
from phoenix_platform.cli.pipelines.effects import print_effects
from phoenix_platform.cli.pipelines.publishing import own_as_json, own_pipelines, print_own
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.catalog_effects import Conditions, Effect, effects
from phoenix_platform.pipelines.documents import thawed

_LONGEST: Final = 20
"""Characters of a default that a table still shows."""


class ParameterView(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    """Keys of the configuration, joined by `.`."""
    default: Any
    unit: str
    limits: str
    meaning: str


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    version: int
    purpose: str
    keeps: str
    loses: str
    totals_preserved: bool
    kept_names: tuple[str, ...]
    tested_collectors: tuple[str, ...]
    parameters: tuple[ParameterView, ...]
    hash: str
    origin: str = "catalog"
    """`own` of those at a control plane, which have other fields."""


class EntryDetail(EntryView, frozen=True, kw_only=True):
    configuration: str
    """The YAML text, comments included."""
    measured: tuple[Effect, ...]
    """One per load profile; empty if nothing was measured."""
    measured_under: Conditions


def list_pipelines(context: ContextOption = None, output: OutputOption = Output.TABLE) -> None:
    """List the pipelines of the catalog, and your own where there is a control plane."""
    views = [_view_of(entry) for entry in catalog.entries()]
    own = own_pipelines(context)
    match output:
        case Output.JSON:
            print_json([*views, *own_as_json(own)])
        case Output.TABLE:
            print_table(
                ("name", "purpose", "host totals"),
                [(view.name, view.purpose, _totals(view)) for view in views],
            )
            if own:
                print_own(own)


def show_pipeline(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of the catalog.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what a pipeline of the catalog is for, and its configuration."""
    entry = catalog.get(name)
    view = _view_of(entry)
    match output:
        case Output.JSON:
            print_json(
                EntryDetail(
                    configuration=entry.text,
                    measured=effects().entries.get(name, ()),
                    measured_under=effects().conditions,
                    **msgspec.structs.asdict(view),
                )
            )
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
            print_table(
                ("parameter", "default", "unit", "limits", "meaning"),
                [
                    (one.path, _shown(one.default), one.unit, one.limits, one.meaning)
                    for one in view.parameters
                ],
            )
            print_effects(name, effects(), totals_preserved=entry.totals_preserved)
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
        parameters=tuple(
            ParameterView(
                path=".".join(one.path),
                default=thawed(entry.default_of(one)),
                unit=one.unit,
                limits=one.limits,
                meaning=one.meaning,
            )
            for one in entry.parameters
        ),
        hash=entry.configuration.hash,
    )


def _shown(default: object) -> str:
    """A list or a text of many lines is in the configuration below."""
    text = str(default)
    return text if isinstance(default, (str, int)) and len(text) <= _LONGEST else "see below"


def _totals(view: EntryView) -> str:
    return "preserved" if view.totals_preserved else "of kept processes only"
