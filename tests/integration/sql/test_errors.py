"""What databases say, as errors of ours; what is a bug stays one."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from tests.domain_builders import a_host

from phoenix_platform.adapters.sql.engines import Database, DatabaseLimits, open_database
from phoenix_platform.adapters.sql.tenants import tenants
from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.application.ports import UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import ConflictError
from phoenix_platform.domain.tenants import TenantId


async def _execute(database: Database, statement: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(text(statement))


async def test_a_key_that_is_taken_is_a_conflict(database: Database) -> None:
    insert = "INSERT INTO outbox_state (id, position, removed_through) VALUES (1, 0, 0)"
    with pytest.raises(ConflictError, match="someone else wrote the same thing"):
        await _execute(database, insert)


async def test_what_is_still_referred_to_is_a_conflict(
    database: Database, tenant: TenantId, transactions: Transactions[UnitOfWork]
) -> None:
    async with transactions.begin(tenant) as work:
        await work.hosts.add(a_host(tenant, FixedClock()))
    with pytest.raises(ConflictError, match="still refers to it"):
        await _execute(database, "DELETE FROM tenants")


async def test_a_missing_value_and_a_wrong_statement_are_bugs(database: Database) -> None:
    with pytest.raises(IntegrityError):
        await _execute(database, "INSERT INTO leases (name) VALUES ('x')")
    with pytest.raises(DBAPIError):
        await _execute(database, "SELECT nothing FROM nowhere")


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime.fromisoformat("2030-01-01")
    with pytest.raises(StatementError, match="a time without a zone: 2030-01-01T00:00:00"):
        async with database.transaction() as connection:
            await connection.execute(tenants.update().values(created_at=naive))


async def test_of_two_that_wait_for_each_other_one_is_told_to_try_again(
    postgresql_url: str,
) -> None:
    limits = DatabaseLimits(lock_timeout=timedelta(minutes=1))
    database = open_database(postgresql_url, limits)
    await _execute(database, "INSERT INTO leases VALUES ('a', 'x', 1, 0), ('b', 'x', 1, 0)")
    both_hold_one = asyncio.Barrier(2)

    async def touch(first: str, second: str) -> None:
        statement = text("UPDATE leases SET owner = 'y' WHERE name = :name")
        async with database.transaction() as connection:
            await connection.execute(statement, {"name": first})
            await both_hold_one.wait()
            await connection.execute(statement, {"name": second})

    found = await asyncio.gather(touch("a", "b"), touch("b", "a"), return_exceptions=True)
    await database.close()
    assert sorted(type(one).__name__ for one in found) == ["NoneType", "UnavailableError"]
    assert "waited for each other" in str(next(one for one in found if one is not None))
