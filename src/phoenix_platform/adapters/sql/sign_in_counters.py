"""Counts of attempts to sign in, of all replicas: rows under hashed keys, of no tenant."""

from datetime import datetime
from typing import Final

from sqlalchemy import Column, Index, Integer, String, Table, delete, select, update

from phoenix_platform.adapters.sql.engines import Database
from phoenix_platform.adapters.sql.metadata import METADATA, UtcDateTime
from phoenix_platform.adapters.sql.scopes import insert_new
from phoenix_platform.domain.sign_in_limits import AttemptCount

sign_in_counters: Final = Table(
    "sign_in_counters",
    METADATA,
    Column("key", String(100), primary_key=True),
    Column("attempts", Integer(), nullable=False),
    Column("window_started_at", UtcDateTime(), nullable=False),
    Index(None, "window_started_at"),
)


class SqlSignInCounters:
    """`SignInCounters` of `application.identity_ports`; each call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, key: str, at: datetime) -> AttemptCount:
        first = {"key": key, "attempts": 0, "window_started_at": at}
        async with self._database.transaction() as connection:
            await insert_new(connection, sign_in_counters, first)
            statement = select(sign_in_counters).where(sign_in_counters.c.key == key)
            row = (await connection.execute(statement.with_for_update())).mappings().one()
            counted = AttemptCount(**row).counted(at)
            await connection.execute(
                update(sign_in_counters)
                .where(sign_in_counters.c.key == key)
                .values(attempts=counted.attempts, window_started_at=counted.window_started_at)
            )
        return counted

    async def give_back(self, key: str) -> None:
        is_counted = sign_in_counters.c.attempts > 0
        statement = update(sign_in_counters).where(sign_in_counters.c.key == key, is_counted)
        async with self._database.transaction() as connection:
            await connection.execute(statement.values(attempts=sign_in_counters.c.attempts - 1))

    async def remove_before(self, moment: datetime) -> None:
        old = delete(sign_in_counters).where(sign_in_counters.c.window_started_at < moment)
        async with self._database.transaction() as connection:
            await connection.execute(old)
