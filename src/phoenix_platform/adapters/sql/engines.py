"""Opens the database: SQLite for one process, PostgreSQL for several. The composition root holds the result.

SQLite: WAL, every commit on disk (synchronous FULL), foreign keys on, writers take their turn with BEGIN
IMMEDIATE. PostgreSQL: every statement and every wait for a lock has a limit, so that nothing hangs.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import URL, Connection, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from phoenix_platform.adapters.sql.errors import database_errors
from phoenix_platform.adapters.sql.urls import parse_database_url, sqlite_file
from phoenix_platform.core.errors import InvalidInputError, UnavailableError

_READ_ONLY: Final = "phoenix_read_only"
_SQLITE_READERS: Final = 8
"""Connections to SQLite; each has a thread. One writes at a time, the others read beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseLimits:
    pool_size: int = 10
    """Connections to PostgreSQL of this process."""
    connect_timeout: timedelta = timedelta(seconds=5)
    """For a new connection, for one of the pool, and for the turn to write on SQLite."""
    statement_timeout: timedelta = timedelta(seconds=30)
    """A statement that takes longer is ended; the longest of ours reads 100,000 samples."""
    lock_timeout: timedelta = timedelta(seconds=5)
    """Transactions take milliseconds; whoever waits longer for a row is told to try again."""
    idle_timeout: timedelta = timedelta(seconds=15)
    """A transaction whose process says nothing for so long is ended, so that a frozen one holds no rows."""


@dataclass(frozen=True, slots=True)
class Database:
    """One database, open. `transactions` begins work on it."""

    engine: AsyncEngine
    url: URL
    limits: DatabaseLimits
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def transaction(self, *, read_only: bool = False) -> AsyncGenerator[AsyncConnection]:
        """A connection in a transaction: leaving the block commits, an error undoes it all.

        Raises:
            UnavailableError: If it cannot be reached or does not come to its turn in time.
        """
        is_queued = self.is_sqlite and not read_only
        if is_queued:
            await self._wait_for_turn()
        try:
            with database_errors():
                async with self._connected(read_only=read_only) as connection, connection.begin():
                    yield connection
        finally:
            if is_queued:
                self._turn.release()

    async def check(self) -> None:
        """Raise what is wrong with the connection; for `/readyz` and `serve --check`."""
        async with self.transaction(read_only=True) as connection:
            await connection.execute(text("SELECT 1"))

    async def check_role(self) -> None:
        """Raise `InvalidInputError` if row-level security does not bind the role of this URL."""
        if self.is_sqlite:
            return
        query = text(
            "SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        )
        async with self.transaction(read_only=True) as connection:
            name, is_unbound = (await connection.execute(query)).one()
        if is_unbound:
            raise InvalidInputError(
                f"database.url: the role {name!r} is a superuser or has BYPASSRLS, so that row-level security "
                "does not keep tenants apart; use an ordinary role: CREATE ROLE phoenix LOGIN PASSWORD '…'"
            )

    async def close(self) -> None:
        await self.engine.dispose()

    async def _wait_for_turn(self) -> None:
        """First come, first served; SQLite's own way is to sleep and try again, which starves some."""
        try:
            async with asyncio.timeout(self.limits.connect_timeout.total_seconds()):
                await self._turn.acquire()
        except TimeoutError as error:
            raise UnavailableError(
                "database: other transactions of this process are still writing; try again"
            ) from error

    @asynccontextmanager
    async def _connected(self, *, read_only: bool) -> AsyncGenerator[AsyncConnection]:
        try:
            connection = await self.engine.connect()
        except (OSError, TimeoutError) as error:
            host = self.url.host or self.url.query.get("host") or "localhost"
            raise UnavailableError(
                f"database: no answer from PostgreSQL at {host}, port {self.url.port or 5432}: {error}; start it, or correct database.url"
            ) from error
        try:
            yield await connection.execution_options(**{_READ_ONLY: read_only})
        finally:
            await connection.close()


def open_database(url: str, limits: DatabaseLimits | None = None) -> Database:
    """Open it; nothing is connected yet, but a file of SQLite is there afterwards (mode 0600).

    Raises:
        InvalidInputError: If the URL is not one of ours.
        UnavailableError: If the file cannot be made.
    """
    parsed, limits = parse_database_url(url), limits or DatabaseLimits()
    if parsed.drivername.startswith("sqlite"):
        return Database(_sqlite_engine(parsed, limits), parsed, limits)
    return Database(_postgresql_engine(parsed, limits), parsed, limits)


class _LettingGo(sqlite3.Connection):
    """Gives its locks back when it is closed.

    A cancelled task can leave a statement behind that something still refers to, such as a traceback. SQLite then keeps
    the closed connection, with its transaction, until that is collected: nobody could write meanwhile.
    """

    def close(self) -> None:
        with suppress(sqlite3.Error):  # closed already, or there is nothing to undo
            self.rollback()
        super().close()


def _sqlite_engine(url: URL, limits: DatabaseLimits) -> AsyncEngine:
    file = sqlite_file(url)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # SQLite gives its other files (WAL, shared memory) the permissions of this one.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise UnavailableError(f"database: {file}: {error.strerror}") from error
    engine = create_async_engine(
        url,
        connect_args={"factory": _LettingGo},
        pool_size=_SQLITE_READERS,
        max_overflow=0,
        hide_parameters=True,  # they hold what belongs to customers, and errors are logged
        pool_timeout=limits.connect_timeout.total_seconds(),
    )
    milliseconds = _milliseconds(limits.connect_timeout)

    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # else the driver begins by itself, too late and deferred
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={milliseconds}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-16384",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begin(connection: Connection) -> None:
        is_reading = connection.get_execution_options().get(_READ_ONLY, False)
        # A deferred transaction that writes after it has read fails when somebody wrote in between.
        connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", begin)
    return engine


def _postgresql_engine(url: URL, limits: DatabaseLimits) -> AsyncEngine:
    arguments, query = connect_arguments(url, limits), dict(url.query)
    for name in ("sslmode", "application_name", "statement_cache_size"):
        query.pop(name, None)
    if "statement_cache_size" in url.query:  # behind pgbouncer a name may mean another's statement
        arguments["prepared_statement_cache_size"] = arguments["statement_cache_size"]
        arguments["prepared_statement_name_func"] = lambda: ""
    return create_async_engine(
        url.set(query=query),
        connect_args=arguments,
        pool_size=limits.pool_size,
        max_overflow=0,
        hide_parameters=True,  # they hold what belongs to customers, and errors are logged
        pool_timeout=limits.connect_timeout.total_seconds(),
        pool_pre_ping=True,  # after a restart of the server, none of the old connections is used
    )


def connect_arguments(url: URL, limits: DatabaseLimits) -> dict[str, Any]:
    """Of `asyncpg.connect`, beside the address; also for the connection that listens."""
    arguments: dict[str, Any] = {
        "timeout": limits.connect_timeout.total_seconds(),
        "server_settings": {
            "application_name": _text(url, "application_name") or "phoenix",
            "timezone": "UTC",
            "jit": "off",  # our queries are short; compiling them takes longer than running them
            "statement_timeout": str(_milliseconds(limits.statement_timeout)),
            "lock_timeout": str(_milliseconds(limits.lock_timeout)),
            "idle_in_transaction_session_timeout": str(_milliseconds(limits.idle_timeout)),
        },
    }
    if (mode := _text(url, "sslmode")) is not None:
        arguments["ssl"] = mode
    if (size := _text(url, "statement_cache_size")) is not None:
        arguments["statement_cache_size"] = int(size)
    return arguments


def _text(url: URL, name: str) -> str | None:
    value = url.query.get(name)
    return value if isinstance(value, str) or value is None else value[-1]


def _milliseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
