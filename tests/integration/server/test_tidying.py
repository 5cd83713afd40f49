from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
from tests.server_parts import TENANT

from phoenix_platform.adapters.sql.engines import Database, open_database
from phoenix_platform.adapters.sql.idempotency import IdempotencyKey, StoredAnswer
from phoenix_platform.adapters.sql.tenants import SqlTenants
from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.adapters.sql.units import work_of
from phoenix_platform.adapters.sql.wakeups import Bells
from phoenix_platform.application.ports import UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.domain.tenants import Tenant
from phoenix_platform.server.tidying import KEY_LIFE, tidy_once

ANSWER = StoredAnswer(status=201, headers={"content-type": "application/json"}, body=b"1")


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    opened = open_database(database_url)
    yield opened
    await opened.close()


async def test_an_answer_is_kept_for_a_day_and_then_forgotten(database: Database) -> None:
    clock = FixedClock()
    transactions: Transactions[UnitOfWork] = Transactions(database, Bells(), work_of)
    async with transactions.every_tenant() as connection:
        tenant = Tenant(id=TENANT, name="team-a", created_at=clock.now())
        await SqlTenants(connection).add(tenant)
    key = IdempotencyKey(tenant_id=TENANT, actor_id="user:ada", key="k", request_hash="h")
    async with transactions.idempotent(key, at=clock.now()) as request:
        assert request.answered is None
        await request.store(ANSWER)
    clock.advance(KEY_LIFE.total_seconds() - 1)
    assert await tidy_once(transactions, clock) == 0
    async with transactions.idempotent(key, at=clock.now()) as request:
        assert request.answered == ANSWER
    clock.advance(2)
    assert await tidy_once(transactions, clock) == 1
    async with transactions.idempotent(key, at=clock.now() + timedelta(0)) as request:
        assert request.answered is None
