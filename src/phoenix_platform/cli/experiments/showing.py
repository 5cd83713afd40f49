"""`phoenix experiment list`, `show`, `samples`, `certificate` and `compare`: what there is, and what was found."""

import sys
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import typer

from phoenix_platform.cli import words
from phoenix_platform.cli.contexts.choosing import ContextOption, control_plane
from phoenix_platform.cli.experiments.references import ExperimentArgument, the_experiment
from phoenix_platform.cli.experiments.tables import (
    comparison_of,
    print_comparison,
    print_experiment,
    print_list,
)
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table
from phoenix_platform.cli.whole_files import put_whole
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.sample_columns import columns_of, samples_of
from phoenix_platform.metering.samples import Sample

_SHOWN_SAMPLES: Final = 20


def list_experiments(
    phase: Annotated[
        str, typer.Option(help="Only in these phases, joined by commas: running,analyzing.")
    ] = "",
    name: Annotated[str | None, typer.Option(help="Only with this in their name.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List experiments, newest first."""
    with control_plane(context) as plane:
        found = list(islice(plane.experiments.all(phases=phase, name=name), limit + 1))
    shown = found[:limit]
    if output is Output.JSON:
        print_json(shown)
    else:
        print_list(shown)
    if len(found) > limit:
        note(f"there are more than {limit}; show more with --limit")


def show(
    experiment: ExperimentArgument,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show an experiment: plan, hosts, what was found, what happened."""
    with control_plane(context) as plane:
        found = the_experiment(plane, experiment)
        if output is Output.JSON:
            print_json(found)
        else:
            print_experiment(found, plane.experiments.transitions(found.id))


def samples(
    experiment: ExperimentArgument,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show its newest samples; with --output json all of them, as in a record: one list per field."""
    all_samples: list[Sample] = []
    with control_plane(context) as plane:
        found = the_experiment(plane, experiment)
        for part in plane.experiments.samples(found.id):
            all_samples += samples_of(part.columns)
    if output is Output.JSON:
        print_json({"experiment_id": found.id, "columns": columns_of(all_samples)})
        return
    newest = all_samples[-_SHOWN_SAMPLES:]
    print_table(
        ("host", "variant", "scrape", "points in", "out", "series", "critical missing"),
        [
            (
                one.host,
                one.variant,
                str(one.scrape),
                words.count(one.input_points),
                words.count(one.output_points),
                words.count(one.series),
                str(len(one.critical_missing)),
            )
            for one in newest
        ],
        title=f"{len(newest)} of {len(all_samples)} samples",
    )


def certificate(
    experiment: ExperimentArgument,
    to: Annotated[
        Path | None,
        typer.Option(
            help="Where to write it; `-`: standard output. Default: NAME.certificate.json here.",
            metavar="FILE",
        ),
    ] = None,
    context: ContextOption = None,
) -> None:
    """Fetch the signed record of the verdict; phoenix certificate verify reads it."""
    with control_plane(context) as plane:
        found = the_experiment(plane, experiment)
        content = plane.experiments.certificate(found.id)
        key = plane.experiments.certificate_key().public_key
    if str(to) == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    safe = "".join(char if char.isalnum() or char in "._-" else "-" for char in found.name)
    path = to or Path(f"{safe.lstrip('.')}.certificate.json")
    put_whole(path, content, field="--to")
    typer.echo(str(path))
    note(f"verify it with phoenix certificate verify {path} --key {key}")
    note("the key is as the control plane says; compare it once with what its admin tells you")


def compare(
    experiments: Annotated[
        list[str], typer.Argument(metavar="EXPERIMENT EXPERIMENT…", help="Their names or ids.")
    ],
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what several experiments found, side by side."""
    if len(experiments) < 2:  # noqa: PLR2004 - one has nothing beside it
        raise InvalidInputError("EXPERIMENT: one only; name at least two to compare")
    with control_plane(context) as plane:
        found = [the_experiment(plane, reference) for reference in experiments]
    if output is Output.JSON:
        print_json(comparison_of(found))
    else:
        print_comparison(found)
        if len({(one.baseline.hash, one.selector) for one in found}) > 1:
            note("their baselines or hosts differ: the reductions are not of the same thing")
