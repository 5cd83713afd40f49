"""`phoenix pipeline publish` and `versions`: one's own pipelines at a control plane, whose versions never change."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer

from phoenix_platform.cli.contexts.choosing import ContextOption, control_plane, is_there_one
from phoenix_platform.cli.fleet_words import short_hash, show_time, the_one
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table
from phoenix_platform.cli.pipelines.references import ReferenceArgument, read_text
from phoenix_platform.client.settings import ClientSettings
from phoenix_platform.core.errors import PhoenixError
from phoenix_platform.wire.v1.pipelines import NewPipelineRequest, PipelineView


def publish(
    file: ReferenceArgument,
    name: Annotated[
        str, typer.Option(help="What the pipeline is called there.", show_default=False)
    ],
    description: Annotated[str, typer.Option(help="Of a new pipeline: what it is for.")] = "",
    message: Annotated[
        str, typer.Option("--message", "-m", help="What this version changes.")
    ] = "",
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Publish a configuration as the next version of a pipeline; the first makes the pipeline.

    A version never changes: experiments name it as NAME@NUMBER. The newest text again is the newest version.
    """
    text = read_text(file)
    with control_plane(context) as plane:
        known = next((one for one in plane.pipelines.all() if one.name == name), None)
        if known is None:
            new = NewPipelineRequest(name=name, text=text, description=description, message=message)
            made = plane.pipelines.create(new)
            version = plane.pipelines.version(made.id, made.latest)
        else:
            version = plane.pipelines.publish(known, text, message)
    if output is Output.JSON:
        print_json(version)
        return
    typer.echo(f"{name}@{version.number}")
    if known is not None and known.latest == version.number:
        note("that is the newest version already; nothing was published")


def versions(
    pipeline: Annotated[
        str, typer.Argument(metavar="NAME", help="One of your own, by name or id.")
    ],
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the versions of one of your pipelines, newest first."""
    with control_plane(context) as plane:
        found = plane.pipelines.versions(
            the_one(pipeline, plane.pipelines.all(), noun="pipeline").id
        )
    newest_first = found[::-1]
    if output is Output.JSON:
        print_json(newest_first)
        return
    print_table(
        ("version", "hash", "published", "by", "what it changes"),
        [
            (
                str(one.number),
                short_hash(one.hash),
                show_time(one.created_at),
                one.created_by,
                one.message,
            )
            for one in newest_first
        ],
    )


def own_pipelines(context: str | None) -> list[PipelineView]:
    """Those at the control plane; none, with a word about it, where it does not answer or there is none."""
    if context is None and not is_there_one(ClientSettings()):
        return []
    try:
        with control_plane(context) as plane:
            return list(plane.pipelines.all())
    except PhoenixError as error:
        if context is not None:
            raise
        note(f"your own pipelines are not shown: {error}")
        return []


def print_own(found: list[PipelineView]) -> None:
    print_table(
        ("your own", "newest", "what it is for"),
        [(one.name, f"{one.name}@{one.latest}", one.description) for one in found],
    )


def own_as_json(found: list[PipelineView]) -> Iterator[dict[str, Any]]:
    for one in found:
        yield {"origin": "own", **msgspec.structs.asdict(one)}
