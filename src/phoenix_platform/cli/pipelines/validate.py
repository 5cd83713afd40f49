"""`phoenix pipeline validate`: whether a collector would start on a configuration."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
import typer

from phoenix_platform.cli.exit_codes import ExitCode
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table
from phoenix_platform.cli.pipelines.references import ReferenceArgument, read_pipeline
from phoenix_platform.core.errors import NotFoundError
from phoenix_platform.pipelines.configurations import Configuration
from phoenix_platform.pipelines.findings import Finding, Severity, findings_in

CollectorOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--collector",
        metavar="PATH",
        help="Collector that checks it too (its own `validate`, then a real start); default: the one of this host.",
    ),
]


class ValidationView(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    hash: str
    collector: str | None
    """Path of the binary that checked it; null if none did."""
    findings: tuple[Finding, ...]


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
