"""`phoenix experiment start`, `watch`, `stop`, `cancel` and `delete`: what moves one, and standing by."""

from collections.abc import Callable
from uuid import UUID

from phoenix_platform.cli.contexts.choosing import ContextOption, control_plane
from phoenix_platform.cli.experiments.creating import WaitOption, show_and_wait
from phoenix_platform.cli.experiments.references import ExperimentArgument, the_experiment
from phoenix_platform.cli.fleet_words import ReasonOption, YesOption, confirm
from phoenix_platform.cli.output import Output, OutputOption, note
from phoenix_platform.client.experiments import Experiments
from phoenix_platform.wire.v1.experiments import ExperimentView


def start(
    experiment: ExperimentArgument,
    wait: WaitOption = False,  # noqa: FBT002 - a flag of the command line
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Start a draft: its hosts are chosen now."""
    with control_plane(context) as plane:
        started = plane.experiments.start(the_experiment(plane, experiment))
        show_and_wait(plane, started, output, waits=wait)


def watch(
    experiment: ExperimentArgument,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Watch it until it ends, and end with the verdict's exit code. Leaving changes nothing."""
    with control_plane(context) as plane:
        show_and_wait(plane, the_experiment(plane, experiment), output, waits=True)


def stop(
    experiment: ExperimentArgument,
    reason: ReasonOption,
    wait: WaitOption = False,  # noqa: FBT002 - a flag of the command line
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """End it and judge now, with what there is."""
    _end(experiment, reason, Experiments.stop, context, output, waits=wait)


def cancel(
    experiment: ExperimentArgument,
    reason: ReasonOption,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """End it without a verdict."""
    _end(experiment, reason, Experiments.cancel, context, output, waits=False)


def delete(
    experiment: ExperimentArgument,
    yes: YesOption = False,  # noqa: FBT002 - a flag of the command line
    context: ContextOption = None,
) -> None:
    """Remove a draft or an ended experiment with its samples; the audit trail keeps that it was."""
    with control_plane(context) as plane:
        found = the_experiment(plane, experiment)
        confirm(f"Remove {found.name} with all its samples?", yes=yes)
        plane.experiments.delete(found)
        note(f"removed: {found.name} ({found.id})")


def _end(
    reference: str,
    reason: str,
    how: Callable[[Experiments, UUID, str], ExperimentView],
    context: str | None,
    output: Output,
    *,
    waits: bool,
) -> None:
    with control_plane(context) as plane:
        found = the_experiment(plane, reference)
        show_and_wait(plane, how(plane.experiments, found.id, reason), output, waits=waits)
