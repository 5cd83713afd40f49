"""What goes wrong in a database, said as an error of ours. `engines` and `transactions` wrap their work in it.

The texts name neither the URL (it may hold a password) nor the statement (it may hold data).
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from phoenix_platform.core.errors import ConflictError, InvalidInputError, UnavailableError

_INVALID: Final = {
    "28P01": "the password is wrong",
    "28000": "the role may not sign in",
    "3D000": "there is no such database; create it",
}
_UNAVAILABLE: Final = {
    "08": "the connection was lost",
    "25P03": "the transaction was idle for too long and was ended",
    "40001": "it lost against another transaction",
    "40P01": "it and another transaction waited for each other",
    "53": "the server is out of resources",
    "55000": "it does not accept connections",
    "55P03": "another transaction holds what it needs",
    "57014": "the statement took too long",
    "57P": "the server is starting or shutting down",
    "58": "the server cannot use its files",
}
_FILE_TROUBLES: Final = (
    "unable to open",
    "readonly",
    "disk",
    "full",
    "malformed",
    "not a database",
)
_DISCONNECTED: Final = "database: the connection was lost; try again"


@contextmanager
def database_errors() -> Generator[None]:
    """Turn the drivers' errors into ours; other errors pass.

    Raises:
        ConflictError: A row of that key is there already, or is still referred to.
        UnavailableError: It cannot be reached, is busy, or gave up; trying again may help.
        InvalidInputError: The URL names what the server does not know.
    """
    try:
        yield
    except IntegrityError as error:
        if "null" in str(error.orig).lower():
            raise  # a bug of ours, and nobody else's write
        raise ConflictError(
            "someone else wrote the same thing, or something still refers to it; read it again"
        ) from error
    except PoolTimeoutError as error:
        raise UnavailableError(
            "database: all connections are in use; try again, or raise database.pool_size"
        ) from error
    except DBAPIError as error:
        _raise(error)


def _raise(error: DBAPIError) -> None:
    if (state := _sqlstate(error.orig)) is not None:
        _raise_state(state, error)
    if error.connection_invalidated:
        raise UnavailableError(_DISCONNECTED) from error
    text = str(error.orig)
    if "locked" in text or "busy" in text:
        raise UnavailableError(
            "database: another process holds the SQLite file; end it, or use PostgreSQL for several"
        ) from error
    if any(part in text for part in _FILE_TROUBLES):
        raise UnavailableError(f"database: {text}") from error
    if "closed" in text:  # asyncpg's InterfaceError after a connection was cut
        raise UnavailableError(_DISCONNECTED) from error
    raise error


def _sqlstate(error: object) -> str | None:
    """PostgreSQL's code of what happened; SQLite has none."""
    state: object = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None


def _raise_state(state: str, error: Exception) -> None:
    for known, meaning in _INVALID.items():
        if state == known:
            raise InvalidInputError(f"database.url: {meaning}", sqlstate=state) from error
    for prefix, meaning in _UNAVAILABLE.items():
        if state.startswith(prefix):
            raise UnavailableError(f"database: {meaning}; try again", sqlstate=state) from error
    raise error
