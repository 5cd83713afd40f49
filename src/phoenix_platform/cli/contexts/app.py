"""`phoenix context`: the control planes that this user knows."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from phoenix_platform.cli.contexts.choosing import checked_address, local_address
from phoenix_platform.cli.contexts.files import LOCAL, Context, ContextsFile, checked_name
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table
from phoenix_platform.client.settings import ClientSettings
from phoenix_platform.core.errors import InvalidInputError, NotFoundError
from phoenix_platform.core.tokens import TokenKind, check_token

app = typer.Typer(no_args_is_help=True, help="The control planes that you know.")

CaFileOption = Annotated[
    Path | None,
    typer.Option(help="Certificates to trust beside the system's, PEM.", metavar="FILE"),
]
PlainHttpOption = Annotated[
    bool,
    typer.Option("--allow-plain-http", help="Let credentials cross the network in the clear."),
]


class ContextView(msgspec.Struct, frozen=True, kw_only=True):
    """A context without its secrets."""

    name: str
    is_current: bool
    server: str
    signed_in_by: str
    user: str | None
    tenant: str | None


@app.command("list")
def list_contexts(output: OutputOption = Output.TABLE) -> None:
    """List the control planes, and which is in use."""
    settings = ClientSettings()
    contexts = ContextsFile(settings.contexts_file).read()
    views = [
        ContextView(
            name=LOCAL,
            is_current=contexts.current == LOCAL,
            server=local_address(settings),
            signed_in_by="key in the data directory",
            user=None,
            tenant=None,
        ),
        *(
            _view_of(name, one, is_current=contexts.current == name)
            for name, one in sorted(contexts.contexts.items())
        ),
    ]
    if output is Output.JSON:
        print_json(views)
        return
    rows = [
        (
            f"{view.name} ◄" if view.is_current else view.name,
            view.server,
            view.signed_in_by,
            view.user or "",
        )
        for view in views
    ]
    print_table(("name", "server", "signed in by", "user"), rows)


@app.command("use")
def use(name: Annotated[str, typer.Argument(help="A context, or local.")]) -> None:
    """Talk to this control plane from now on."""
    file = ContextsFile(ClientSettings().contexts_file)
    with file.locked():
        contexts = file.read()
        if name != LOCAL:
            contexts.get(name)
        file.write(msgspec.structs.replace(contexts, current=name))
    note(f"in use: {name}")


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    server: Annotated[str, typer.Option(help="Address of the control plane.", show_default=False)],
    api_key_file: Annotated[
        Path | None,
        typer.Option(
            help="File with an API key; `-`: standard input. Without one, sign in with phoenix login.",
            metavar="FILE",
        ),
    ] = None,
    ca_file: CaFileOption = None,
    allow_plain_http: PlainHttpOption = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Remember a control plane by a name."""
    context = Context(
        server=server.rstrip("/"),
        ca_file=None if ca_file is None else str(ca_file.absolute()),
        allows_plain_http=allow_plain_http,
        api_key=None if api_key_file is None else _key_in(api_key_file),
    )
    checked_address(context.server, allows_plain_http=allow_plain_http)
    ContextsFile(ClientSettings().contexts_file).add(checked_name(name), context)
    note(f"remembered: {name}; choose it with phoenix context use {name}")


@app.command("remove")
def remove(name: Annotated[str, typer.Argument(help="A context.")]) -> None:
    """Forget a control plane and its credentials. A session there goes on: end it with phoenix logout first."""
    file = ContextsFile(ClientSettings().contexts_file)
    with file.locked():
        contexts = file.read()
        contexts.get(name)
        file.write(contexts.without(name))
    note(f"forgotten: {name}")


def _view_of(name: str, context: Context, *, is_current: bool) -> ContextView:
    by = "API key" if context.api_key else "session" if context.session else "nothing"
    return ContextView(
        name=name,
        is_current=is_current,
        server=context.server,
        signed_in_by=by,
        user=context.user,
        tenant=context.tenant,
    )


def _key_in(file: Path) -> str:
    if str(file) == "-":
        text = sys.stdin.readline().strip()
    else:
        try:
            text = file.read_text("ascii").strip()
        except FileNotFoundError as error:
            raise NotFoundError(f"--api-key-file: no such file: {file}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(f"--api-key-file: cannot read {file}: {error}") from error
    if check_token(text) is not TokenKind.API_KEY:
        raise InvalidInputError(
            "--api-key-file: that is a token of another kind; make a key with phoenix apikey create"
        )
    return text
