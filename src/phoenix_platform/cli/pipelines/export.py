"""`phoenix pipeline export`: a pipeline put into the user's own configuration, to take home."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from phoenix_platform.cli.output import Output, OutputOption, note, print_json
from phoenix_platform.cli.pipelines.files import replace_file
from phoenix_platform.cli.pipelines.references import ReferenceArgument, read_pipeline
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.diffs import Change, semantic_diff
from phoenix_platform.pipelines.exports.builds import SOURCE
from phoenix_platform.pipelines.exports.exporting import export_pipeline
from phoenix_platform.pipelines.exports.targets import ExportTarget, read_target
from phoenix_platform.pipelines.lint.distributions import show_version


class BuildView(msgspec.Struct, frozen=True, kw_only=True):
    manifest_lines: tuple[str, ...]
    """For the builder manifest of the target; `path` leads to a copy of the module."""
    commands: tuple[str, ...]


class ExportView(msgspec.Struct, frozen=True, kw_only=True):
    pipeline: str
    pipeline_hash: str
    into: str
    target: str
    configuration: str
    """The YAML text, comments included."""
    hash: str
    """Of the whole configuration."""
    written_to: str | None
    """The file that --write named; null if none was."""
    changes: tuple[Change, ...]
    """What changes in the user's configuration, secrets masked."""
    notes: tuple[str, ...]
    build: BuildView | None
    """How to get a collector that can run it; null if the target is one."""


def export_to(
    pipeline: ReferenceArgument,
    into: Annotated[
        Path,
        typer.Option(
            "--into", metavar="FILE", help="Your configuration; its receivers and exporters stay."
        ),
    ],
    target: Annotated[
        str,
        typer.Option(
            "--target",
            metavar="DISTRIBUTION@VERSION",
            help="The collector that will run it, such as otelcol-contrib@0.140.0: decides component names.",
        ),
    ],
    exporter: Annotated[
        str | None,
        typer.Option(
            "--exporter",
            metavar="ID",
            help="Where processes go, if FILE scrapes none yet and has several exporters.",
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FILE", help="Write it there instead of to stdout."),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Put a pipeline's host_metrics settings and processors into your configuration, comments kept."""
    chosen = read_pipeline(pipeline)
    earlier = read_pipeline(str(into))
    asked = read_target(target)
    others = [entry.configuration for entry in catalog.entries() if entry.name != chosen.name]
    made = export_pipeline(chosen, earlier, target=asked, exporter=exporter, others=others)
    text = made.configuration.document.text
    if write is not None:
        replace_file(write, text, like=into)
    view = ExportView(
        pipeline=chosen.name,
        pipeline_hash=chosen.hash,
        into=earlier.name,
        target=str(asked),
        configuration=text,
        hash=made.configuration.hash,
        written_to=None if write is None else str(write),
        changes=semantic_diff(earlier, made.configuration),
        notes=(*made.notes, *_not_tested(chosen.name, asked)),
        build=None
        if made.build is None
        else BuildView(manifest_lines=made.build.manifest_lines, commands=made.build.commands),
    )
    for line in view.notes:
        note(f"note: {line}")
    if view.build is not None:
        note(f"{asked} has no reduce processor. Add these lines to its builder manifest; the folder is {SOURCE} of Phoenix:")  # fmt: skip
        for line in view.build.manifest_lines:
            note(f"  {line}")
        note("and build it:")
        for line in view.build.commands:
            note(f"  {line}")
    match output:
        case Output.JSON:
            print_json(view)
        case Output.TABLE if write is None:
            typer.echo(text, nl=False)
        case Output.TABLE:
            note(f"{write}: written for {asked}; check it there: phoenix pipeline validate {write}")


def _not_tested(name: str, target: ExportTarget) -> tuple[str, ...]:
    """Settings of a component change between releases too, of which no table tells."""
    tested = {
        version
        for entry in catalog.entries()
        if entry.name == name
        for version in entry.tested_collectors
    }
    if not tested or show_version(target.version) in tested:
        return ()
    versions = ", ".join(sorted(tested))
    return (
        f"{name} is tested with collector {versions}, not with {target}; its own validate tells",
    )
