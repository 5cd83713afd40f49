"""`phoenix experiment create`: from options or a file to a draft, a forecast, a start, a verdict."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from phoenix_platform.analysis.plans import Objective
from phoenix_platform.cli.contexts.choosing import ContextOption, control_plane
from phoenix_platform.cli.experiments.files import experiment_of, read_experiment
from phoenix_platform.cli.experiments.tables import (
    print_experiment,
    print_forecast,
)
from phoenix_platform.cli.experiments.watching import conclude, view_for, wait_for_end
from phoenix_platform.cli.output import Output, OutputOption, note, print_json
from phoenix_platform.client.control_planes import ControlPlane
from phoenix_platform.core.clock import SystemClock
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.wire.v1.experiments import ExperimentView, NewExperimentRequest

WaitOption = Annotated[
    bool,
    typer.Option("--wait", help="Stay until the end, and end with the verdict's exit code."),
]
_REQUIRED: Final = ("name", "candidate")


def create(  # noqa: PLR0913, PLR0917 - a command's options are its parameters
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            "-f",
            help="YAML with the fields of docs/reference/experiment.schema.json; options go before it.",
            metavar="FILE.yaml",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    candidate: Annotated[
        str | None,
        typer.Option(help="A pipeline to try: of the catalog, or your own as NAME or NAME@NUMBER."),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(help="What to compare with. Default: process-baseline-v1."),
    ] = None,
    selector: Annotated[
        str | None,
        typer.Option(help="Labels of its hosts, such as env=prod,!canary. Default: every host."),
    ] = None,
    objective: Annotated[
        Objective | None,
        typer.Option(help="What the candidate must save. Default: series."),
    ] = None,
    target_reduction: Annotated[
        str | None, typer.Option(help="Share of it to save. Default: 30%.")
    ] = None,
    interval: Annotated[
        str | None, typer.Option(help="Time between scrapes. Default: 10s.")
    ] = None,
    max_duration: Annotated[
        str | None, typer.Option(help="End as inconclusive after this time. Default: 1h.")
    ] = None,
    critical: Annotated[
        list[str] | None,
        typer.Option(
            help="Processes that must stay visible one to one. Repeatable.", metavar="PATTERN"
        ),
    ] = None,
    dry_run: Annotated[  # noqa: FBT002 - a flag of the command line
        bool,
        typer.Option(
            "--dry-run",
            help="Only say which hosts it means, what it costs there, what is measured.",
        ),
    ] = False,
    start: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--start", help="Start it at once.")
    ] = False,
    wait: WaitOption = False,  # noqa: FBT002 - a flag of the command line
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make an experiment: two pipelines on the same input of many hosts.

    It is a draft until it is started. With --start --wait it ends with 0 for promote, 20 for stop_futile,
    21 for inconclusive, 22 for invalid, 23 for abort.
    """
    said = {
        "name": name,
        "candidate": candidate,
        "baseline": baseline,
        "selector": selector,
        "objective": objective,
        "target_reduction": target_reduction,
        "interval": interval,
        "max_duration": max_duration,
        "critical": critical,
    }
    fields = {key: value for key, value in said.items() if value}
    new = _checked(fields) if file is None else read_experiment(file, fields)
    if wait and not (start or new.starts_at):
        raise InvalidInputError("--wait: it is a draft until it is started; add --start")
    with control_plane(context) as plane:
        if dry_run:
            forecast = plane.experiments.forecast(new)
            if output is Output.JSON:
                print_json(forecast)
            else:
                print_forecast(forecast)
            return
        made = plane.experiments.create(new)
        if start:
            made = _started(plane, made)
        else:
            note(f"made a draft; start it with phoenix experiment start {made.id}")
        show_and_wait(plane, made, output, waits=wait)


def show_and_wait(
    plane: ControlPlane, experiment: ExperimentView, output: Output, *, waits: bool
) -> None:
    """Show the experiment; with `waits`, watch it to its end and leave with what came of it."""
    if waits:
        clock = SystemClock()
        experiment = wait_for_end(plane, experiment.id, view_for(output, clock), clock=clock)
    if output is Output.TABLE:
        print_experiment(experiment, plane.experiments.transitions(experiment.id))
    elif not waits:  # else the last line of the view
        print_json(experiment)
    if waits:
        conclude(experiment)


def _started(plane: ControlPlane, made: ExperimentView) -> ExperimentView:
    try:
        return plane.experiments.start(made)
    except Exception:
        note(f"made, but not started: {made.name} ({made.id})")
        raise


def _checked(fields: Mapping[str, Any]) -> NewExperimentRequest:
    missing = [f"--{name}" for name in _REQUIRED if name not in fields]
    if missing:
        raise InvalidInputError(
            f"{' and '.join(missing)}: not given; or write a file and name it with --file"
        )
    return experiment_of(fields)
