"""`phoenix audit`: who changed what, and whether that record is whole."""

from datetime import datetime
from itertools import islice
from typing import Annotated

import typer

from phoenix_platform.cli.contexts.choosing import ContextOption, control_plane
from phoenix_platform.cli.fleet_words import show_time
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table
from phoenix_platform.core.clock import SystemClock
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.units import parse_duration

app = typer.Typer(no_args_is_help=True, help="Who changed what.")


@app.command("list")
def list_events(
    target: Annotated[
        str | None, typer.Option(help="Only of this thing, such as experiment:ID.")
    ] = None,
    action: Annotated[str | None, typer.Option(help="Only this, such as experiment.start.")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Not before: 2h (ago), or a time such as 2026-01-31T08:00:00Z."),
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List what was changed, newest first."""
    begin = None if since is None else _time_of(since)
    with control_plane(context) as plane:
        events = plane.audit.all(target=target, action=action, since=begin)
        found = list(islice(events, limit))
    if output is Output.JSON:
        print_json(found)
        return
    print_table(
        ("at", "by", "action", "target", "why"),
        [
            (show_time(one.at), one.actor.name, one.action, one.target, one.reason or "")
            for one in found
        ],
    )


@app.command("verify")
def verify(context: ContextOption = None, output: OutputOption = Output.TABLE) -> None:
    """Compute the chain of hashes anew; ends with 5 if something was changed afterwards."""
    with control_plane(context) as plane:
        found = plane.audit.verify()
    if output is Output.JSON:
        print_json(found)
    elif found.is_whole:
        typer.echo("verified: each event follows from the one before it")
    if not found.is_whole:
        raise InvalidInputError(
            f"audit: event {found.first_broken} does not follow from the one before it: it, or what stood before it, "
            "was changed"
        )
    if output is Output.TABLE:
        note("computed by the server from its database")


def _time_of(text: str) -> datetime:
    if text[-1:] in ("s", "m", "h", "d"):
        return SystemClock().now() - parse_duration(text, field="--since")
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(
            f"--since: {text!r} is no time; write 2h or 2026-01-31T08:00:00Z"
        ) from error
    if at.tzinfo is None:
        raise InvalidInputError(f"--since: {text} has no zone; append Z for UTC")
    return at
