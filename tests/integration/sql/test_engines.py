"""How databases are opened, and what is said when they cannot be."""

import asyncio
import socket
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.postgresql import Postgresql

from phoenix_platform.adapters.sql.engines import Database, DatabaseLimits, open_database
from phoenix_platform.core.errors import InvalidInputError, UnavailableError

QUICK = DatabaseLimits(
    pool_size=1,
    connect_timeout=timedelta(milliseconds=300),
    statement_timeout=timedelta(milliseconds=300),
    lock_timeout=timedelta(milliseconds=200),
    idle_timeout=timedelta(milliseconds=300),
)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("phoenix.db", "not a URL", id="no-url"),
        pytest.param("mysql://host/name", "'mysql' is not supported", id="another-database"),
        pytest.param("sqlite://", "in memory is not offered", id="sqlite-in-memory"),
        pytest.param("sqlite:///:memory:", "in memory is not offered", id="sqlite-memory-name"),
        pytest.param("sqlite://var/lib/x.db", "has four slashes", id="sqlite-host"),
        pytest.param("postgresql://host", "no database is named", id="no-database"),
        pytest.param("postgresql://h/d?sslrootcert=x", "unknown parameter 'sslrootcert'", id="query"),
    ],
)  # fmt: skip
def test_a_url_that_is_none_of_ours_is_refused_with_the_fix(url: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        open_database(url)


def test_a_refused_url_is_not_repeated_since_it_may_hold_a_password() -> None:
    with pytest.raises(InvalidInputError) as caught:
        open_database("mysql://root:secret@host/name")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["postgres://u@h/d", "postgresql://u@h/d", "postgresql+asyncpg://u@h/d"]
)
async def test_postgresql_is_named_in_all_usual_ways(url: str) -> None:
    database = open_database(url + "?sslmode=disable&application_name=x&statement_cache_size=0")
    assert database.engine.dialect.driver == "asyncpg"
    await database.close()


async def test_sqlite_keeps_each_commit_and_refuses_dangling_references(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    found: dict[str, object] = {}
    async with database.transaction() as connection:
        for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"):
            found[pragma] = (await connection.execute(text(f"PRAGMA {pragma}"))).scalar_one()
    await database.close()
    assert found == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000,
    }  # fmt: skip


async def test_the_file_and_its_log_are_for_the_owner_only(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/sub/phoenix.db")
    async with database.transaction() as connection:
        await connection.execute(text("CREATE TABLE t (x INTEGER)"))
        modes = [_mode(tmp_path / "sub" / name) for name in ("phoenix.db", "phoenix.db-wal")]
    await database.close()
    assert modes == [0o600, 0o600]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match=r"file/phoenix\.db: "):
        open_database(f"sqlite:///{tmp_path}/file/phoenix.db")


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "phoenix.db").write_bytes(b"not a database, but long enough to be looked at" * 9)
    database = open_database(f"sqlite:///{tmp_path}/phoenix.db")
    with pytest.raises(UnavailableError, match="file is not a database"):
        await database.check()
    await database.close()


async def test_a_server_that_is_away_is_unavailable_and_its_address_said() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        database = open_database(f"postgresql://u:secret@127.0.0.1:{port}/d")
        with pytest.raises(UnavailableError, match=f"127.0.0.1, port {port}") as caught:
            await database.check()
        await database.close()
    assert "secret" not in str(caught.value)


async def test_an_unknown_database_is_the_settings_fault(postgresql: Postgresql) -> None:
    database = open_database(postgresql.url("nowhere"))
    with pytest.raises(InvalidInputError, match=r"database\.url: there is no such database"):
        await database.check()
    await database.close()


async def test_writers_take_their_turn_and_readers_do_not_wait(sqlite_url: str) -> None:
    database = open_database(sqlite_url, QUICK)
    async with database.transaction():
        async with database.transaction(read_only=True) as reader:
            assert (await reader.execute(text("SELECT 1"))).scalar_one() == 1
        with pytest.raises(UnavailableError, match="still writing"):
            async with database.transaction():
                pass
    async with database.transaction():
        pass
    await database.close()


async def test_another_process_that_holds_the_file_is_named(sqlite_url: str) -> None:
    first, second = open_database(sqlite_url), open_database(sqlite_url, QUICK)
    async with first.transaction():
        with pytest.raises(UnavailableError, match="another process holds the SQLite file"):
            async with second.transaction():
                pass
    await first.close()
    await second.close()


async def test_a_long_statement_is_ended(postgresql_url: str) -> None:
    database = open_database(postgresql_url, QUICK)
    with pytest.raises(UnavailableError, match="the statement took too long"):
        async with database.transaction() as connection:
            await connection.execute(text("SELECT pg_sleep(60)"))
    await database.check()
    await database.close()


async def test_a_wait_for_a_row_is_ended(postgresql_url: str) -> None:
    first, second = open_database(postgresql_url), open_database(postgresql_url, QUICK)
    touch = text("UPDATE outbox_state SET position = position")
    async with first.transaction() as connection:
        await connection.execute(touch)
        with pytest.raises(UnavailableError, match="another transaction holds what it needs"):
            async with second.transaction() as waiting:
                await waiting.execute(touch)
    await first.close()
    await second.close()


async def test_a_transaction_that_idles_is_ended_and_the_next_one_works(
    postgresql_url: str,
) -> None:
    database = open_database(postgresql_url, QUICK)
    with pytest.raises(UnavailableError):
        await _idle_in_a_transaction(database, postgresql_url)
    await database.check()
    await database.close()


async def test_a_used_up_pool_says_which_setting_is_too_low(postgresql_url: str) -> None:
    limits = DatabaseLimits(pool_size=1, connect_timeout=timedelta(milliseconds=300))
    database = open_database(postgresql_url, limits)
    async with database.transaction():
        with pytest.raises(UnavailableError, match=r"database\.pool_size"):
            await database.check()
    await database.close()


async def test_old_connections_are_replaced_after_the_server_ended_them(
    postgresql: Postgresql, postgresql_url: str
) -> None:
    database = open_database(postgresql_url)
    await database.check()
    postgresql.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'phoenix'"
    )
    await database.check()
    await database.close()


def _mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


async def _idle_in_a_transaction(database: Database, url: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("SELECT 1"))
        await _until_gone(url)
        await connection.execute(text("SELECT 1"))


async def _until_gone(url: str) -> None:
    """Wait until the server has ended the other connection."""
    watcher = open_database(url)
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    count = 1
    while count:
        async with watcher.transaction() as connection:
            count = (await connection.execute(query)).scalar_one()
        await asyncio.sleep(0.05)
    await watcher.close()


async def test_a_connection_that_was_given_up_in_a_transaction_holds_no_lock(
    tmp_path: Path,
) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'phoenix.db'}", QUICK)
    try:
        async with database.transaction() as connection:
            await connection.execute(text("CREATE TABLE words (word TEXT)"))
        async with database.engine.connect() as connection:
            await connection.execute(text("INSERT INTO words VALUES ('lost')"))
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None
            unfinished = await raw.execute("SELECT 1 UNION SELECT 2")
            await unfinished.fetchone()
            await connection.invalidate()  # what becomes of it when its task is cancelled
        async with database.transaction() as connection:
            assert (await connection.execute(text("SELECT * FROM words"))).all() == []
        del unfinished  # until here somebody referred to it, as a traceback may
    finally:
        await database.close()
