"""`phoenix tenant`: the tenants of an installation."""

from typing import Annotated

import typer

from phoenix_platform.cli.contexts.choosing import ContextOption, control_plane
from phoenix_platform.cli.fleet_words import show_time
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table
from phoenix_platform.wire.v1.tenants import NewTenant

app = typer.Typer(no_args_is_help=True, help="The tenants of an installation.")


@app.command("list")
def list_tenants(context: ContextOption = None, output: OutputOption = Output.TABLE) -> None:
    """List the tenants that you may see."""
    with control_plane(context) as plane:
        found = plane.tenants.all()
    if output is Output.JSON:
        print_json(found)
        return
    print_table(
        ("name", "id", "created"),
        [(one.name, str(one.id), show_time(one.created_at)) for one in found],
    )


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a tenant, and print the link by which its first admin chooses name and password."""
    with control_plane(context) as plane:
        created = plane.tenants.create(NewTenant(name=name))
        link = plane.connection.address.url + created.setup_path
    if output is Output.JSON:
        print_json({"tenant": created.tenant, "link": link, "expires_at": created.expires_at})
        return
    typer.echo(link)
    note(
        f"give it to the first admin of {name}: it opens once, until {show_time(created.expires_at)}, and is not "
        "shown again"
    )
