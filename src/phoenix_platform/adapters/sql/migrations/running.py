"""Brings a database to the schema of this version, from code: `phoenix migrate`, and the embedded default at its start.

Processes that start together migrate once: the first holds a lock for the length of the migration (SQLite: the lock
of its file; PostgreSQL: an advisory lock of the transaction), the others wait and find nothing left to do.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from phoenix_platform.adapters.sql.engines import Database, DatabaseLimits, open_database
from phoenix_platform.core.errors import ConflictError, UnavailableError

_FOLDER: Final = Path(__file__).parent
_LOCK_KEY: Final = 0x50484F454E4958  # "PHOENIX" in ASCII
_LIMITS: Final = DatabaseLimits(
    connect_timeout=timedelta(minutes=1),
    statement_timeout=timedelta(hours=1),
    lock_timeout=timedelta(minutes=10),
    idle_timeout=timedelta(minutes=10),
)
"""A migration may take long, and whoever waits for another's migration waits as long."""


@dataclass(frozen=True, slots=True)
class Migrated:
    before: str | None
    """Revision of the schema; None: there was none."""
    after: str | None

    @property
    def is_changed(self) -> bool:
        return self.before != self.after


async def migrate(url: str, revision: str = "head") -> Migrated:
    """Bring the database up to `revision`.

    Raises:
        ConflictError: If its schema is newer than this version of Phoenix.
        InvalidInputError: If the URL is none, or row-level security would not bind its role.
        UnavailableError: If it cannot be reached.
    """
    return await _run(url, revision, is_upgrade=True)


async def migrate_down(url: str, revision: str = "base") -> Migrated:
    """Take the database back to `revision`, with what newer tables held: for tests, and for going back by hand."""
    return await _run(url, revision, is_upgrade=False)


async def check_schema(database: Database) -> None:
    """Raise `UnavailableError` unless the schema is the one of this version; for `/readyz` and the start."""
    async with database.transaction(read_only=True) as connection:
        found = await connection.run_sync(_revision)
    if found != (wanted := newest_revision()):
        raise UnavailableError(
            f"database: its schema is at {found or 'nothing'}, this version needs {wanted}; run `phoenix migrate`"
        )


def newest_revision() -> str:
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None  # a test holds the revisions to one line
    return head


async def _run(url: str, revision: str, *, is_upgrade: bool) -> Migrated:
    database = open_database(url, _LIMITS)
    try:
        await database.check_role()
        async with database.transaction() as connection:
            return await connection.run_sync(_move, revision, is_upgrade=is_upgrade)
    finally:
        await database.close()


def _move(connection: Connection, revision: str, *, is_upgrade: bool) -> Migrated:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    before = _revision(connection)
    config = _config()
    _check_known(ScriptDirectory.from_config(config), before)
    config.attributes["connection"] = connection
    move = command.upgrade if is_upgrade else command.downgrade
    move(config, revision)
    return Migrated(before, _revision(connection))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _check_known(scripts: ScriptDirectory, revision: str | None) -> None:
    if revision is None:
        return
    try:
        scripts.get_revision(revision)
    except CommandError as error:
        raise ConflictError(
            f"database: its schema ({revision}) is newer than this version of Phoenix; install that version",
            revision=revision,
        ) from error
