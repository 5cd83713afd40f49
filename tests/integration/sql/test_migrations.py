"""The schema goes up, down and up again, agrees with the tables in code, and is made once by many."""

import asyncio
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from tests.postgresql import Postgresql

from phoenix_platform.adapters import sql
from phoenix_platform.adapters.sql.engines import open_database
from phoenix_platform.adapters.sql.metadata import METADATA
from phoenix_platform.adapters.sql.migrations.running import (
    Migrated,
    check_schema,
    migrate,
    migrate_down,
    newest_revision,
)
from phoenix_platform.core.errors import ConflictError, InvalidInputError, UnavailableError

HEAD = newest_revision()
MIGRATE_ONCE = """
import asyncio, sys
from phoenix_platform.adapters.sql.migrations.running import migrate
print(asyncio.run(migrate(sys.argv[1])).is_changed)
"""


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'new' / 'phoenix.db'}"


@pytest.fixture
def empty_postgresql_url(postgresql: Postgresql) -> Iterator[str]:
    name = postgresql.new_database("template0")
    yield postgresql.url(name)
    postgresql.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"empty_{request.param}_url")
    return url


@pytest.fixture(scope="module")
def all_tables() -> None:
    """Import every module with a table, so that METADATA holds them all."""
    for module in pkgutil.iter_modules(sql.__path__):
        importlib.import_module(f"{sql.__name__}.{module.name}")


async def test_the_schema_goes_up_down_and_up_again(empty_url: str) -> None:
    assert await migrate(empty_url) == Migrated(None, HEAD)
    assert await migrate(empty_url) == Migrated(HEAD, HEAD)
    assert await migrate_down(empty_url) == Migrated(HEAD, None)
    database = open_database(empty_url)
    async with database.transaction() as connection:
        left = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    await database.close()
    assert [name for name in left if name != "sqlite_sequence"] == ["alembic_version"]
    assert await migrate(empty_url) == Migrated(None, HEAD)


@pytest.mark.usefixtures("all_tables")
async def test_tables_in_code_and_migrations_agree(database_url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, METADATA))

    database = open_database(database_url)
    async with database.transaction() as connection:
        found = await connection.run_sync(differences)
    await database.close()
    assert found == []


@pytest.mark.usefixtures("all_tables")
async def test_every_table_with_a_tenant_is_under_row_level_security(
    postgresql_url: str,
) -> None:
    query = text(
        "SELECT relname FROM pg_class JOIN pg_policies ON tablename = relname AND policyname = 'tenant'"
        " WHERE relrowsecurity AND relforcerowsecurity"
    )
    database = open_database(postgresql_url)
    async with database.transaction() as connection:
        protected = set((await connection.execute(query)).scalars())
    await database.close()
    assert protected == {
        name for name, table in METADATA.tables.items() if "tenant_id" in table.columns
    }


@pytest.mark.timeout(300)
async def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", MIGRATE_ONCE, empty_url, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    answers = await asyncio.gather(*(process.communicate() for process in processes))
    assert sorted(answer.decode().strip() for answer, _ in answers) == [
        "False", "False", "False", "True",
    ]  # fmt: skip


async def test_an_empty_database_is_told_from_a_migrated_one(
    empty_url: str, database_url: str
) -> None:
    for url, is_ready in ((empty_url, False), (database_url, True)):
        database = open_database(url)
        if is_ready:
            await check_schema(database)
        else:
            with pytest.raises(UnavailableError, match="run `phoenix migrate`"):
                await check_schema(database)
        await database.close()


async def test_a_newer_schema_is_left_alone(database_url: str) -> None:
    database = open_database(database_url)
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await database.close()
    with pytest.raises(ConflictError, match=r"schema \(9999\) is newer"):
        await migrate(database_url)


async def test_a_role_that_row_level_security_does_not_bind_is_refused(
    postgresql: Postgresql,
) -> None:
    with pytest.raises(InvalidInputError, match="role 'postgres' is a superuser"):
        await migrate(postgresql.url("postgres", role="postgres"))
