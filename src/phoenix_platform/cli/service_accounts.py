"""`phoenix service-account`: the programs of a tenant; their keys are made with `phoenix apikey create`."""

from typing import Annotated, TypeAlias

import typer

from phoenix_platform.cli.contexts.choosing import ContextOption, control_plane
from phoenix_platform.cli.fleet_words import YesOption, confirm, show_time, the_one
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table
from phoenix_platform.cli.roles import RoleOption, SomeRoleOption
from phoenix_platform.wire.v1.service_accounts import (
    NewServiceAccount,
    ServiceAccountChange,
    ServiceAccountView,
)

app = typer.Typer(no_args_is_help=True, help="The programs of a tenant.")
AccountArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Its name or id.")
]


@app.command("list")
def list_accounts(context: ContextOption = None, output: OutputOption = Output.TABLE) -> None:
    """List the service accounts."""
    with control_plane(context) as plane:
        found = list(plane.service_accounts.all())
    _print(found, output)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    role: RoleOption,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make an account for a program."""
    with control_plane(context) as plane:
        made = plane.service_accounts.create(NewServiceAccount(name=name, role=role))
    _print([made], output)


@app.command("change")
def change(
    account: AccountArgument,
    role: SomeRoleOption = None,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Stop or resume its keys.")
    ] = None,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Give it another role, or stop or resume its keys."""
    with control_plane(context) as plane:
        found = the_one(account, plane.service_accounts.all(), noun="service-account")
        wanted = ServiceAccountChange(role=role, is_disabled=disabled)
        changed = plane.service_accounts.change(found, wanted)
    _print([changed], output)


@app.command("remove")
def remove(account: AccountArgument, yes: YesOption = False, context: ContextOption = None) -> None:  # noqa: FBT002 - a flag of the command line
    """Remove it; its keys are revoked."""
    with control_plane(context) as plane:
        found = the_one(account, plane.service_accounts.all(), noun="service-account")
        confirm(f"Remove {found.name} and revoke its keys?", yes=yes)
        plane.service_accounts.remove(found.id)
        note(f"removed: {found.name} ({found.id})")


def _print(found: list[ServiceAccountView], output: Output) -> None:
    if output is Output.JSON:
        print_json(found)
        return
    print_table(
        ("name", "role", "state", "created"),
        [
            (
                one.name,
                one.role,
                "disabled" if one.is_disabled else "active",
                show_time(one.created_at),
            )
            for one in found
        ],
    )
