"""Which control plane a command talks to, and as whom. Every command that needs one takes `--context`."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Final, TypeAlias

import typer

from phoenix_platform.cli.contexts.files import LOCAL, Context, ContextsFile, KeptSession
from phoenix_platform.client.connections import Address, Connection
from phoenix_platform.client.control_planes import ControlPlane
from phoenix_platform.client.credentials import Credential, FixedToken, Session
from phoenix_platform.client.errors import DeniedError
from phoenix_platform.client.settings import ClientSettings
from phoenix_platform.client.sign_in import Doors
from phoenix_platform.core.clock import SystemClock
from phoenix_platform.core.errors import InvalidInputError, NotFoundError, UnavailableError
from phoenix_platform.core.local_files import LOCAL_ADDRESS_FILE, LOCAL_KEY_FILE

DEFAULT_ADDRESS: Final = "http://127.0.0.1:8000"
"""Where `phoenix serve` listens unless it is told otherwise."""

ContextOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="NAME",
        help="Which control plane; see phoenix context list. Default: the one in use.",
        show_default=False,
    ),
]


@contextmanager
def control_plane(named: str | None) -> Generator[ControlPlane]:
    """The control plane that is meant, while the block lasts.

    Raises:
        NotFoundError: If there is no such context, or no control plane on this machine.
        InvalidInputError: If its address or file is wrong.
        DeniedError: If nobody is signed in there.
    """
    with ControlPlane.over(connection(named)) as plane:
        yield plane


def connection(named: str | None) -> Connection:
    """As `control_plane`; whoever calls it closes it."""
    settings = ClientSettings()
    if named is None and settings.server is not None:
        key = None if settings.api_key is None else settings.api_key.get_secret_value()
        return Connection(checked_address(settings.server), FixedToken(key))
    file = ContextsFile(settings.contexts_file)
    contexts = file.read()
    name = named or settings.context or contexts.current
    if name == LOCAL:
        return Connection(Address(url=local_address(settings)), FixedToken(_local_key(settings)))
    context = contexts.get(name)
    return Connection(address_of(context), _credential(file, name, context))


def is_there_one(settings: ClientSettings) -> bool:
    """Whether the user has a control plane, as far as files tell; nobody is asked."""
    if settings.server is not None or settings.context is not None:
        return True
    chosen = ContextsFile(settings.contexts_file).read().current
    return chosen != LOCAL or (settings.server_folder / LOCAL_KEY_FILE).exists()


def local_address(settings: ClientSettings) -> str:
    """Where the control plane on this machine says that it listens."""
    try:
        text = (settings.server_folder / LOCAL_ADDRESS_FILE).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return DEFAULT_ADDRESS
    return text or DEFAULT_ADDRESS


def address_of(context: Context) -> Address:
    return checked_address(
        context.server, ca_file=context.ca_file, allows_plain_http=context.allows_plain_http
    )


def checked_address(
    url: str, *, ca_file: str | None = None, allows_plain_http: bool = False
) -> Address:
    """The address, if credentials may be sent there.

    Raises:
        InvalidInputError: If they would cross a network in the clear.
    """
    address = Address(url=url, ca_file=ca_file)
    if not (address.is_encrypted or address.is_on_this_machine or allows_plain_http):
        raise InvalidInputError(
            f"server: {url} is not encrypted, so credentials would cross the network in the clear; write https://, "
            "or allow it with --allow-plain-http"
        )
    return address


def _local_key(settings: ClientSettings) -> str:
    file = settings.server_folder / LOCAL_KEY_FILE
    try:
        return file.read_text("ascii").strip()
    except FileNotFoundError as error:
        raise NotFoundError(
            f"no control plane has let this user in on this machine (there is no {file}); start one with "
            "phoenix serve, or sign in to another with phoenix login"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UnavailableError(f"cannot read {file}: {error}") from error


def _credential(file: ContextsFile, name: str, context: Context) -> Credential:
    if context.api_key is not None:
        return FixedToken(context.api_key)
    if context.session is None:
        raise DeniedError(
            f"context {name}: nobody is signed in; run phoenix login --context {name}"
        )
    # Without a credential of its own: a refused refresh must not try to refresh itself.
    doors = Doors(Connection(address_of(context)))
    return Session(kept=KeptSession(file, name), refresh=doors.refresh, clock=SystemClock())
