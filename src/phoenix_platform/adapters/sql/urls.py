"""Database URLs as people write them, in the form the drivers want. `engines` reads them.

`sqlite:///relative/file`, `sqlite:////absolute/file`, `postgresql://user:password@host:5432/name`; a Unix socket
is `postgresql://user@/name?host=/run/postgresql`. No message holds the URL: it may hold a password.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from phoenix_platform.core.errors import InvalidInputError

_SQLITE: Final = frozenset({"sqlite", "sqlite+aiosqlite"})
_POSTGRESQL: Final = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})
_QUERY: Final = frozenset({"host", "port", "sslmode", "application_name", "statement_cache_size"})
"""Of libpq's parameters those that mean something here; the last one is asyncpg's, for pgbouncer."""


def parse_database_url(text: str) -> URL:
    """The URL with the driver in it.

    Raises:
        InvalidInputError: If it is no URL, of another database, or asks for what is not offered.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise InvalidInputError(
            "database.url: not a URL; write sqlite:///phoenix.db or postgresql://user@host/name"
        ) from error
    if url.drivername in _SQLITE:
        return _sqlite(url)
    if url.drivername in _POSTGRESQL:
        return _postgresql(url)
    raise InvalidInputError(
        f"database.url: {url.drivername!r} is not supported; use sqlite:///… or postgresql://…"
    )


def sqlite_file(url: URL) -> Path:
    assert url.database is not None  # parse_database_url refuses it
    return Path(url.database)


def _sqlite(url: URL) -> URL:
    if url.host or url.query:
        raise InvalidInputError(
            "database.url: a SQLite URL has a file and nothing else; an absolute one has four slashes: sqlite:////var/lib/phoenix.db"
        )
    if not url.database or url.database == ":memory:":
        raise InvalidInputError(
            "database.url: SQLite in memory is not offered; name a file: sqlite:///phoenix.db"
        )
    return url.set(drivername="sqlite+aiosqlite")


def _postgresql(url: URL) -> URL:
    if unknown := sorted(set(url.query) - _QUERY):
        raise InvalidInputError(
            f"database.url: unknown parameter {unknown[0]!r}; known are {', '.join(sorted(_QUERY))}"
        )
    if not url.database:
        raise InvalidInputError(
            "database.url: no database is named; write postgresql://user@host/name"
        )
    return url.set(drivername="postgresql+asyncpg")
