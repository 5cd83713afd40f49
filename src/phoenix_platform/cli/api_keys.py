"""`phoenix apikey`: keys for programs and for oneself."""

from typing import Annotated

import typer

from phoenix_platform.cli.contexts.choosing import ContextOption, control_plane
from phoenix_platform.cli.fleet_words import YesOption, confirm, show_time, the_one
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table
from phoenix_platform.core.units import parse_duration
from phoenix_platform.wire.v1.api_keys import ApiKeyView, KeyScope, NewApiKey

app = typer.Typer(no_args_is_help=True, help="Keys for programs and for yourself.")


@app.command("list")
def list_keys(context: ContextOption = None, output: OutputOption = Output.TABLE) -> None:
    """List your keys; for those who manage keys, all of the tenant."""
    with control_plane(context) as plane:
        found = list(plane.api_keys.all())
    _print(found, output)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[KeyScope] | None,
        typer.Option(
            help="What it may, such as experiments:read. Repeatable. Default: all its owner may."
        ),
    ] = None,
    expires_in: Annotated[str, typer.Option(help="How long it lives, at most 366d.")] = "90d",
    service_account: Annotated[
        str | None, typer.Option(help="Whose it is, by name or id. Default: yours.")
    ] = None,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a key and print it, once. Two of a name may live at once, to replace one without a gap."""
    life = parse_duration(expires_in, field="--expires-in")
    with control_plane(context) as plane:
        owner = None
        if service_account is not None:
            accounts = plane.service_accounts.all()
            owner = the_one(service_account, accounts, noun="service-account").id
        new = NewApiKey(name=name, scopes=scope, expires_in=life, service_account_id=owner)
        issued = plane.api_keys.issue(new)
    if output is Output.JSON:
        print_json(issued)
        return
    typer.echo(issued.secret)
    note(f"keep it: it is not shown again; it opens until {show_time(issued.key.expires_at)}")


@app.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its name or id.")],
    yes: YesOption = False,  # noqa: FBT002 - a flag of the command line
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let a key open nothing any more."""
    with control_plane(context) as plane:
        living = (one for one in plane.api_keys.all() if one.revoked_at is None)
        found = the_one(key, living, noun="apikey")
        confirm(f"Revoke {found.name} ({found.hint}…)?", yes=yes)
        _print([plane.api_keys.revoke(found.id)], output)


def _print(found: list[ApiKeyView], output: Output) -> None:
    if output is Output.JSON:
        print_json(found)
        return
    print_table(
        ("name", "begins", "of", "scopes", "expires", "last used"),
        [
            (
                one.name,
                one.hint,
                one.owner_kind.replace("_", " "),
                ", ".join(one.scopes) if one.scopes is not None else "all of its owner",
                f"revoked {show_time(one.revoked_at)}"
                if one.revoked_at
                else show_time(one.expires_at),
                "never" if one.last_used_at is None else show_time(one.last_used_at),
            )
            for one in found
        ],
    )
