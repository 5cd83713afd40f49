"""`phoenix load`: load simulations on hosts of the fleet. `phoenix loadsim` makes load on this host."""

from itertools import islice
from typing import Annotated

import typer

from phoenix_platform.cli.contexts.choosing import ContextOption, control_plane
from phoenix_platform.cli.fleet_words import as_uuid, show_time
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.units import parse_duration
from phoenix_platform.wire.v1.load_simulations import LoadView, NewLoadRequest

app = typer.Typer(no_args_is_help=True, help="Load simulations on hosts of the fleet.")


@app.command("start")
def start(
    profile: Annotated[
        str, typer.Argument(help="A load profile; see phoenix loadsim list-profiles.")
    ],
    selector: Annotated[
        str, typer.Option(help="Labels of the hosts, such as env=test. Default: every host.")
    ] = "",
    seed: Annotated[int, typer.Option(help="The same seed makes the same load.")] = 0,
    duration: Annotated[str, typer.Option(help="Ends by itself after this time.")] = "10m",
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Simulate load on every host that the selector finds now."""
    new = NewLoadRequest(
        profile=profile,
        selector=selector,
        seed=seed,
        duration=parse_duration(duration, field="--duration"),
    )
    with control_plane(context) as plane:
        _print([plane.loads.start(new)], output)


@app.command("list")
def list_loads(
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List load simulations, newest first."""
    with control_plane(context) as plane:
        _print(list(islice(plane.loads.all(), limit)), output)


@app.command("stop")
def stop(
    load: Annotated[str, typer.Argument(metavar="ID", help="Its id, from phoenix load list.")],
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """End a load simulation on all its hosts."""
    wanted = as_uuid(load)
    if wanted is None:
        raise InvalidInputError(f"ID: {load!r} is none; phoenix load list shows them")
    with control_plane(context) as plane:
        _print([plane.loads.stop(wanted)], output)
    note("its hosts end it when they hear of it, within seconds")


def _print(found: list[LoadView], output: Output) -> None:
    if output is Output.JSON:
        print_json(found)
        return
    print_table(
        ("id", "profile", "hosts", "wanted", "until", "by"),
        [
            (
                str(one.id),
                one.profile,
                str(len(one.hosts)),
                "yes" if one.is_wanted else "no",
                show_time(one.stopped_at or one.deadline),
                one.created_by,
            )
            for one in found
        ],
    )
