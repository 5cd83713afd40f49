"""A request that is sent again gets the first answer; without a stored answer nothing was done."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.domain_builders import a_host, an_audit_event, an_event
from tests.integration.sql.conftest import a_tenant

from phoenix_platform.adapters.sql.engines import open_database
from phoenix_platform.adapters.sql.idempotency import (
    IdempotencyKey,
    KeyReusedError,
    RequestInFlightError,
    StoredAnswer,
    remove_keys_before,
)
from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.adapters.sql.units import work_of
from phoenix_platform.adapters.sql.wakeups import Bells
from phoenix_platform.application.ports import AuditQuery, Fence, PageQuery, UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import ConflictError, InvalidInputError
from phoenix_platform.domain.tenants import TenantId

Units = Transactions[UnitOfWork]
CREATED = StoredAnswer(status=201, headers={"ETag": '"1"'}, body=b'{"id": "\x00"}')


@pytest.fixture
def key(tenant: TenantId) -> IdempotencyKey:
    return IdempotencyKey(tenant_id=tenant, actor_id="ada", key="k-1", request_hash="sha256:1")


async def _create(
    transactions: Units, key: IdempotencyKey, clock: FixedClock, name: str = "web-1"
) -> StoredAnswer:
    """What the edge does with a request that adds a host."""
    async with transactions.idempotent(key, at=clock.now()) as request:
        if request.answered is not None:
            return request.answered
        async with request.begin(key.tenant_id) as work:
            await work.hosts.add(a_host(key.tenant_id, clock, name))
            await work.audit.append(an_audit_event(key.tenant_id, clock))
            await work.outbox.append(an_event(key.tenant_id, clock))
        await request.store(CREATED)
    return CREATED


async def test_the_second_request_gets_the_answer_of_the_first_and_does_nothing(
    transactions: Units, key: IdempotencyKey, clock: FixedClock
) -> None:
    assert await _create(transactions, key, clock, "web-1") == CREATED
    assert await _create(transactions, key, clock, "web-2") == CREATED
    async with transactions.begin(key.tenant_id) as work:
        assert [host.name for host in await work.hosts.all()] == ["web-1"]
        assert await work.audit.first_break() is None


async def test_events_and_audit_of_the_request_are_written_with_it(
    transactions: Units, key: IdempotencyKey, clock: FixedClock, bells: Bells
) -> None:
    with bells.waiting.listening() as ear:
        await _create(transactions, key, clock)
        assert await ear.wait(timedelta(seconds=1))


async def test_the_same_key_with_another_request_is_refused(
    transactions: Units, key: IdempotencyKey, clock: FixedClock
) -> None:
    await _create(transactions, key, clock)
    with pytest.raises(KeyReusedError, match="'k-1' came with another request"):
        await _create(transactions, replace(key, request_hash="sha256:2"), clock)


@pytest.mark.parametrize("other", ["actor", "tenant"])
async def test_keys_of_different_actors_and_tenants_do_not_meet(
    transactions: Units,
    key: IdempotencyKey,
    other_tenant: TenantId,
    clock: FixedClock,
    other: str,
) -> None:
    await _create(transactions, key, clock, "web-1")
    foreign = {
        "actor": replace(key, actor_id="eve", request_hash="sha256:2"),
        "tenant": replace(key, tenant_id=other_tenant, request_hash="sha256:2"),
    }[other]
    assert await _create(transactions, foreign, clock, "web-2") == CREATED
    async with transactions.begin(foreign.tenant_id) as work:
        assert "web-2" in [host.name for host in await work.hosts.all()]


async def test_a_request_without_an_answer_did_nothing_and_may_be_sent_again(
    transactions: Units, key: IdempotencyKey, clock: FixedClock
) -> None:
    async with (
        transactions.idempotent(key, at=clock.now()) as request,
        request.begin(key.tenant_id) as work,
    ):
        await work.hosts.add(a_host(key.tenant_id, clock, "undone"))
    assert await _create(transactions, key, clock, "web-1") == CREATED
    async with transactions.begin(key.tenant_id) as work:
        assert [host.name for host in await work.hosts.all()] == ["web-1"]


async def test_a_refusal_undoes_its_block_and_may_be_stored(
    transactions: Units, key: IdempotencyKey, clock: FixedClock
) -> None:
    refused = StoredAnswer(status=409, headers={}, body=b"taken")
    async with transactions.idempotent(key, at=clock.now()) as request:
        with pytest.raises(ConflictError, match="taken"):
            await _add_and_refuse(request.begin(key.tenant_id), key.tenant_id, clock)
        await request.store(refused)
    assert await _create(transactions, key, clock) == refused
    async with transactions.begin(key.tenant_id) as work:
        assert await work.hosts.all() == []
        assert (await work.audit.page(PageQuery(), AuditQuery())).items == []


async def test_while_the_first_is_under_way_the_second_is_told_so(
    transactions: Units, key: IdempotencyKey, clock: FixedClock
) -> None:
    async with transactions.idempotent(key, at=clock.now()) as request:
        with pytest.raises(RequestInFlightError, match="still under way"):
            await _create(transactions, key, clock)
        await request.store(CREATED)
    assert await _create(transactions, key, clock) == CREATED


async def test_another_replica_is_told_so_too(postgresql_url: str, clock: FixedClock) -> None:
    first, second = open_database(postgresql_url), open_database(postgresql_url)
    here, there = (Transactions(one, Bells(), work_of) for one in (first, second))
    tenant = await a_tenant(here, clock, "team-a")
    key = IdempotencyKey(tenant_id=tenant, actor_id="ada", key="k-1", request_hash="sha256:1")
    async with here.idempotent(key, at=clock.now()) as request:
        with pytest.raises(RequestInFlightError):
            await _create(there, key, clock)
        await request.store(CREATED)
    assert await _create(there, key, clock) == CREATED
    await first.close()
    await second.close()


async def test_of_many_at_once_one_is_carried_out(
    transactions: Units, key: IdempotencyKey, clock: FixedClock
) -> None:
    answers = await asyncio.gather(
        *(_create(transactions, key, clock, f"web-{number}") for number in range(8)),
        return_exceptions=True,
    )
    assert CREATED in answers
    assert {type(answer) for answer in answers} <= {StoredAnswer, RequestInFlightError}
    async with transactions.begin(key.tenant_id) as work:
        assert len(await work.hosts.all()) == 1


async def test_old_keys_are_forgotten(
    transactions: Units, key: IdempotencyKey, clock: FixedClock
) -> None:
    await _create(transactions, key, clock, "web-1")
    clock.advance(60)
    async with transactions.every_tenant() as connection:
        assert await remove_keys_before(connection, clock.now()) == 1
    await _create(transactions, key, clock, "web-2")


async def test_work_of_another_tenant_or_under_a_lease_cannot_join(
    transactions: Units, key: IdempotencyKey, other_tenant: TenantId, clock: FixedClock
) -> None:
    async with transactions.idempotent(key, at=clock.now()) as request:
        with pytest.raises(InvalidInputError):
            request.begin(other_tenant)
        with pytest.raises(InvalidInputError):
            request.begin(key.tenant_id, fence=Fence("walk", 1))


async def _add_and_refuse(
    block: AbstractAsyncContextManager[UnitOfWork], tenant: TenantId, clock: FixedClock
) -> None:
    async with block as work:
        await work.hosts.add(a_host(tenant, clock))
        await work.audit.append(an_audit_event(tenant, clock))
        raise ConflictError("taken")
