"""`phoenix user`: the people of a tenant."""

from typing import Annotated, TypeAlias

import typer

from phoenix_platform.cli.contexts.choosing import ContextOption, control_plane
from phoenix_platform.cli.fleet_words import YesOption, confirm, show_time, the_one
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table
from phoenix_platform.cli.roles import RoleOption, SomeRoleOption
from phoenix_platform.client.control_planes import ControlPlane
from phoenix_platform.wire.v1.users import InvitedUser, NewUser, UserChange, UserView

app = typer.Typer(no_args_is_help=True, help="The people of a tenant.")
UserArgument: TypeAlias = Annotated[str, typer.Argument(metavar="USER", help="Their name or id.")]


@app.command("list")
def list_users(context: ContextOption = None, output: OutputOption = Output.TABLE) -> None:
    """List the users."""
    with control_plane(context) as plane:
        found = list(plane.users.all())
    _print(found, output)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="A short name or an e-mail address.")],
    role: RoleOption,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a user, and print the link by which they choose a password."""
    with control_plane(context) as plane:
        invited = plane.users.create(NewUser(name=name, role=role))
        _print_link(plane, invited, output)


@app.command("change")
def change(
    user: UserArgument,
    role: SomeRoleOption = None,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Lock or unlock the account.")
    ] = None,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Give a user another role, or lock or unlock the account."""
    with control_plane(context) as plane:
        found = _the_user(plane, user)
        changed = plane.users.change(found, UserChange(role=role, is_disabled=disabled))
    _print([changed], output)


@app.command("remove")
def remove(user: UserArgument, yes: YesOption = False, context: ContextOption = None) -> None:  # noqa: FBT002 - a flag of the command line
    """Remove a user, with sessions and keys; what they did stays in the audit trail."""
    with control_plane(context) as plane:
        found = _the_user(plane, user)
        confirm(f"Remove {found.name}?", yes=yes)
        plane.users.remove(found.id)
        note(f"removed: {found.name} ({found.id})")


@app.command("reset-password")
def reset_password(
    user: UserArgument, context: ContextOption = None, output: OutputOption = Output.TABLE
) -> None:
    """Print a new link to choose a password by; the old password and all sessions end now."""
    with control_plane(context) as plane:
        invited = plane.users.reset_password(_the_user(plane, user).id)
        _print_link(plane, invited, output)


def _the_user(plane: ControlPlane, reference: str) -> UserView:
    return the_one(reference, plane.users.all(), noun="user")


def _print_link(plane: ControlPlane, invited: InvitedUser, output: Output) -> None:
    link = plane.connection.address.url + invited.setup_path
    if output is Output.JSON:
        print_json({"user": invited.user, "link": link, "expires_at": invited.expires_at})
        return
    typer.echo(link)
    note(
        f"give it to {invited.user.name}: it opens once, until {show_time(invited.expires_at)}, and is not shown "
        "again; it works with phoenix login --set-up too"
    )


def _print(found: list[UserView], output: Output) -> None:
    if output is Output.JSON:
        print_json(found)
        return
    print_table(
        ("name", "role", "state", "last signed in"),
        [(one.name, one.role, _state_of(one), show_time(one.last_sign_in_at)) for one in found],
    )


def _state_of(user: UserView) -> str:
    if user.is_disabled:
        return "disabled"
    return "active" if user.has_password else "invited"
