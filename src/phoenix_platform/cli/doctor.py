"""`phoenix doctor`: what keeps a trial from running on this host, each with its fix."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from phoenix_platform.agent.diagnoses import Outcome, diagnose
from phoenix_platform.agent.settings import AgentSettings
from phoenix_platform.cli.exit_codes import ExitCode
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table
from phoenix_platform.core.clock import SystemClock


class DiagnosisView(msgspec.Struct, frozen=True, kw_only=True):
    check: str
    outcome: Outcome
    finding: str
    fix: str | None


def doctor(
    collector: Annotated[
        Path | None, typer.Option("--collector", metavar="PATH", help="Collector to look at.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check whether this host is ready for a trial; exit 6 if something must be mended first."""
    diagnoses = diagnose(collector, AgentSettings(), SystemClock())
    views = [
        DiagnosisView(check=one.check, outcome=one.outcome, finding=one.finding, fix=one.fix)
        for one in diagnoses
    ]
    match output:
        case Output.JSON:
            print_json(views)
        case Output.TABLE:
            rows = [(view.check, view.outcome.value, _cell_of(view)) for view in views]
            print_table(("check", "", "finding"), rows)
    failed = [view.check for view in views if view.outcome is Outcome.FAIL]
    if failed:
        note(f"not ready for a trial: {', '.join(failed)}")
        raise typer.Exit(ExitCode.UNAVAILABLE)


def _cell_of(view: DiagnosisView) -> str:
    return view.finding if view.fix is None else f"{view.finding}\nfix: {view.fix}"
