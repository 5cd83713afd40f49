"""`phoenix login` and `phoenix logout`: sessions at control planes where people sign in."""

import sys
from contextlib import closing
from typing import Annotated

import msgspec
import typer

from phoenix_platform.cli.contexts.app import CaFileOption, PlainHttpOption
from phoenix_platform.cli.contexts.choosing import ContextOption, address_of
from phoenix_platform.cli.contexts.files import LOCAL, Context, Contexts, ContextsFile, checked_name
from phoenix_platform.cli.output import note
from phoenix_platform.client.connections import Connection
from phoenix_platform.client.credentials import SessionTokens
from phoenix_platform.client.settings import ClientSettings
from phoenix_platform.client.sign_in import Doors
from phoenix_platform.core.errors import ConflictError, InvalidInputError, PhoenixError
from phoenix_platform.wire.v1.users import SetUp, SignedInView, SignIn

_DEFAULT_TENANT = SignIn.__struct_defaults__[-1]


def login(
    server: Annotated[
        str | None,
        typer.Argument(
            help="Address of the control plane. Default: that of the context.", show_default=False
        ),
    ] = None,
    user: Annotated[
        str | None, typer.Option(help="Your name there. Default: you are asked.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Your tenant there.")] = str(_DEFAULT_TENANT),
    set_up: Annotated[  # noqa: FBT002 - a flag of the command line
        bool,
        typer.Option(
            "--set-up",
            help="Choose a password first, by the one-time link that the server or an admin gave you.",
        ),
    ] = False,
    ca_file: CaFileOption = None,
    allow_plain_http: PlainHttpOption = False,  # noqa: FBT002 - a flag of the command line
    context: ContextOption = None,
) -> None:
    """Sign in to a control plane and use it from now on.

    Passwords and links are asked for, or read line by line from standard input; never from the command line.
    """
    file = ContextsFile(ClientSettings().contexts_file)
    contexts = file.read()
    name = checked_name(context or _name_of(contexts, server))
    known = contexts.contexts.get(name)
    if server is None and known is None:
        raise InvalidInputError("server: none given; write phoenix login https://phoenix.example")
    before = known or Context(server=server or "")
    wanted = Context(
        server=(server or before.server).rstrip("/"),
        ca_file=str(ca_file.absolute()) if ca_file else before.ca_file,
        allows_plain_http=allow_plain_http or before.allows_plain_http,
    )
    with closing(Connection(address_of(wanted))) as connection:
        doors = Doors(connection)
        signed_in = _set_up(doors, user) if set_up else _sign_in(doors, user, tenant)
    added = msgspec.structs.replace(
        wanted,
        user=signed_in.user.name,
        tenant=tenant,
        session=SessionTokens.of(signed_in),
    )
    with file.locked():
        file.write(msgspec.structs.replace(file.read().having(name, added), current=name))
    note(f"signed in as {signed_in.user.name} ({signed_in.user.role}); in use: {name}")


def logout(context: ContextOption = None) -> None:
    """End the session, there and here."""
    file = ContextsFile(ClientSettings().contexts_file)
    contexts = file.read()
    name = context or contexts.current
    if name == LOCAL:
        raise ConflictError(
            "context: nobody signs in to the control plane on this machine; name another with --context"
        )
    known = contexts.get(name)
    if known.session is None:
        raise ConflictError(f"context {name}: nobody is signed in")
    try:
        with closing(Connection(address_of(known))) as connection:
            Doors(connection).sign_out(known.session.refresh_token)
    except PhoenixError as error:
        # The tokens go all the same: whoever signs out does not want them here.
        note(f"the server did not end the session, it ends by itself later: {error}")
    file.add(name, msgspec.structs.replace(known, session=None))
    note(f"signed out of {name}")


def _name_of(contexts: Contexts, server: str | None) -> str:
    """The context that is meant without a name: of that server, else of its host; else the one in use."""
    if server is None:
        return contexts.current
    wanted = server.rstrip("/")
    for name, one in contexts.contexts.items():
        if one.server == wanted:
            return name
    host = wanted.partition("://")[2].partition("/")[0].partition(":")[0]
    return host or wanted


def _sign_in(doors: Doors, user: str | None, tenant: str) -> SignedInView:
    name = user or _asked("name")
    password = _asked("password", is_secret=True)
    return doors.sign_in(SignIn(name=name, password=password, tenant=tenant))


def _set_up(doors: Doors, user: str | None) -> SignedInView:
    token = _asked("one-time link or token", is_secret=True).rpartition("#")[2]
    password = _asked("new password", is_secret=True)
    if sys.stdin.isatty() and _asked("the same again", is_secret=True) != password:
        raise InvalidInputError("password: not the same twice; try again")
    return doors.set_up(SetUp(token=token, password=password, name=user))


def _asked(what: str, *, is_secret: bool = False) -> str:
    """What a person types, or the next line of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=is_secret, err=True))
    line = sys.stdin.readline()
    if not line:
        raise InvalidInputError(f"{what}: standard input has no more lines")
    return line.rstrip("\n")
