"""`phoenix collector`: which collector is used, what it can do, whether it runs a configuration."""

import asyncio
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
import typer

from phoenix_platform.agent.binaries import CollectorBinary, find_collector
from phoenix_platform.agent.installations import install_collector
from phoenix_platform.agent.settings import AgentSettings, process_environment
from phoenix_platform.agent.validation import validate_configuration
from phoenix_platform.cli.exit_codes import ExitCode
from phoenix_platform.cli.output import NO_DATA, Output, OutputOption, note, print_json, print_table
from phoenix_platform.core.errors import InvalidInputError, NotFoundError, UnavailableError
from phoenix_platform.pipelines.components import Kind

app = typer.Typer(
    no_args_is_help=True, help="The collector on this host, and whether it runs a configuration."
)

CollectorOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--collector", metavar="PATH", help="Collector binary; default: the one of this host."
    ),
]


class BinaryView(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    source: str
    """What led to it: --collector, PHOENIX_COLLECTOR, phoenix collector install, make collector, PATH."""
    distribution: str
    version: str
    upstream_version: str | None
    build_id: str | None
    sha256: str


class ComponentsView(BinaryView, frozen=True, kw_only=True):
    components: dict[str, list[str]]
    """Type names by kind."""


class FindingView(msgspec.Struct, frozen=True, kw_only=True):
    place: str
    component: str | None
    message: str


class ValidationView(msgspec.Struct, frozen=True, kw_only=True):
    file: str
    collector: BinaryView
    is_valid: bool
    findings: list[FindingView]


def binary_view_of(binary: CollectorBinary) -> BinaryView:
    return BinaryView(
        path=str(binary.path),
        source=binary.source,
        distribution=binary.distribution,
        version=binary.version,
        upstream_version=binary.upstream_version,
        build_id=binary.build_id,
        sha256=binary.sha256,
    )


@app.command("path")
def show_path(collector: CollectorOption = None, output: OutputOption = Output.TABLE) -> None:
    """Print the path of the collector that commands use, and why this one."""
    binary = find_collector(collector, AgentSettings())
    match output:
        case Output.JSON:
            print_json(binary_view_of(binary))
        case Output.TABLE:
            typer.echo(binary.path)
            note(f"{describe(binary)}, found by {binary.source}")


@app.command("components")
def show_components(collector: CollectorOption = None, output: OutputOption = Output.TABLE) -> None:
    """List the components that the collector has."""
    binary = find_collector(collector, AgentSettings())
    types = {kind: sorted(binary.components[kind]) for kind in Kind}
    match output:
        case Output.JSON:
            components = {kind.section: names for kind, names in types.items()}
            view = msgspec.structs.asdict(binary_view_of(binary))
            print_json(ComponentsView(components=components, **view))
        case Output.TABLE:
            print_table(
                ("kind", "types"), [(kind, ", ".join(names)) for kind, names in types.items()]
            )
            note(f"{describe(binary)}: {binary.path}")


@app.command("validate")
def validate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A collector configuration.")],
    collector: CollectorOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check a configuration with the collector itself: its `validate`, then a real start; exit 5 if it fails.

    The start is harmless: exporters are replaced, listeners get free ports, storage a folder of its own.
    """
    text = _text_of(file)
    binary = find_collector(collector, AgentSettings())
    found = asyncio.run(
        validate_configuration(binary, text, place=str(file), environment=process_environment())
    )
    findings = [
        FindingView(place=one.place, component=one.component, message=one.message) for one in found
    ]
    match output:
        case Output.JSON:
            view = binary_view_of(binary)
            print_json(
                ValidationView(
                    file=str(file), collector=view, is_valid=not found, findings=findings
                )
            )
        case Output.TABLE if findings:
            rows = [(one.place, one.component or NO_DATA, one.message) for one in findings]
            print_table(("place", "component", f"{binary.distribution} says"), rows)
        case Output.TABLE:
            pass
    if findings:
        raise typer.Exit(ExitCode.BAD_INPUT)
    note(f"{file}: {describe(binary)} accepts it and was seen running with it")


@app.command("install")
def install(
    source: Annotated[
        str,
        typer.Option(
            "--from", metavar="FILE|URL", help="The binary, or a release's .tar.gz; https only."
        ),
    ],
    sha256: Annotated[str, typer.Option("--sha256", metavar="HEX", help="SHA-256 of that file.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Install a ready collector for this user; for machines without Go."""
    note(f"fetching {source}")
    binary = install_collector(source, sha256=sha256, settings=AgentSettings())
    match output:
        case Output.JSON:
            print_json(binary_view_of(binary))
        case Output.TABLE:
            typer.echo(binary.path)
            note(f"installed {describe(binary)}")


def describe(binary: CollectorBinary) -> str:
    """`phoenix-otelcol 0.1.0+a2a14b1a4445 (OpenTelemetry Collector 0.161.0)`."""
    named = f"{binary.distribution} {binary.version}"
    upstream = binary.upstream_version
    return (
        named
        if upstream in (None, binary.version)
        else f"{named} (OpenTelemetry Collector {upstream})"
    )


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"no such file: {file}") from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8"
        ) from error
    except OSError as error:
        raise UnavailableError(f"{file}: cannot be read: {error.strerror}") from error
