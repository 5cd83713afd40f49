"""`phoenix pipeline`: look at the catalog, and check a configuration before it goes anywhere."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import msgspec
import typer

from phoenix_platform.cli.exit_codes import ExitCode
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table
from phoenix_platform.core.errors import NotFoundError, UnavailableError
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.configurations import Configuration, parse_configuration
from phoenix_platform.pipelines.findings import Finding, Severity, findings_in

app = typer.Typer(
    no_args_is_help=True, help="Look at the catalog and check collector configurations."
)

MAX_FILE_BYTES: Final = 4 * 2**20
"""The largest configurations we know have 200 kB; more is a wrong file."""

ReferenceArgument: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="FILE_OR_NAME", help="A configuration file, or a name of the catalog."),
]
CollectorOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--collector",
        metavar="PATH",
        help="Collector that checks it too (its own `validate`, then a real start); default: the one of this host.",
    ),
]


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


class ValidationView(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    hash: str
    collector: str | None
    """Path of the binary that checked it; null if none did."""
    findings: tuple[Finding, ...]


def read_pipeline(reference: str) -> Configuration:
    """The configuration that a user means: a file if there is one of that path, else a catalog entry.

    Raises:
        NotFoundError: If there is neither.
        InvalidInputError: If it is not a configuration; with line and column.
        UnavailableError: If the file cannot be read.
    """
    path = Path(reference)
    looks_like_a_file = path.suffix in (".yaml", ".yml") or "/" in reference
    if not path.is_file():
        if looks_like_a_file:
            raise NotFoundError(f"pipeline: no such file: {reference}", name=reference)
        return catalog.get(reference).configuration
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UnavailableError(
                f"{reference}: larger than {MAX_FILE_BYTES} bytes; is it a configuration?"
            )
        text = path.read_text("utf-8")
    except OSError as error:
        raise UnavailableError(f"{reference}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnavailableError(
            f"{reference}: not UTF-8 at byte {error.start}; save it as UTF-8"
        ) from error
    return parse_configuration(text, name=reference)


@app.command("list")
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


@app.command("show")
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


@app.command("validate")
def validate_pipeline(
    reference: ReferenceArgument,
    collector: CollectorOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check a configuration, with a collector too if there is one; exit 5 on an error."""
    configuration = read_pipeline(reference)
    asked, refusals = _of_collector(collector, configuration)
    findings = (*findings_in(configuration), *refusals)
    view = ValidationView(
        name=configuration.name,
        hash=configuration.hash,
        collector=None if asked is None else str(asked),
        findings=findings,
    )
    match output:
        case Output.JSON:
            print_json(view)
        case Output.TABLE:
            print_findings(view.findings)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise SystemExit(ExitCode.BAD_INPUT)
    by = "read by Phoenix only, no collector was found; name one with --collector PATH"
    note(f"{configuration.name}: no error ({by if asked is None else f'started with {asked}'})")


def print_findings(findings: Sequence[Finding]) -> None:
    if findings:
        print_table(
            ("severity", "place", "component", "message"),
            [(one.severity.value, one.place, one.component, one.message) for one in findings],
        )


def _of_collector(
    named: Path | None, configuration: Configuration
) -> tuple[Path | None, list[Finding]]:
    """What the collector says, and which one was asked; none if none is named and none is found."""
    # Starting collectors needs the agent's supervision, which looking at the catalog should not load.
    from phoenix_platform.agent.binaries import find_collector  # noqa: PLC0415
    from phoenix_platform.agent.settings import AgentSettings  # noqa: PLC0415
    from phoenix_platform.agent.validation import validate_configuration  # noqa: PLC0415

    settings = AgentSettings()
    try:
        binary = find_collector(named, settings)
    except NotFoundError:
        if named is not None or settings.collector is not None:
            raise
        return None, []
    text, place = configuration.document.text, configuration.name
    found = asyncio.run(validate_configuration(binary, text, place=place))
    findings = [
        Finding(
            severity=Severity.ERROR,
            place=one.place,
            component=one.component or "",
            message=one.message,
        )
        for one in found
    ]
    return binary.path, findings


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
