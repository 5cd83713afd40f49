"""The chain of a tenant holds, and its first break is found whatever was done to it."""

import pytest
from sqlalchemy import text
from tests.domain_builders import an_audit_event

from phoenix_platform.adapters.sql.audit import SqlAuditTrail
from phoenix_platform.adapters.sql.scopes import Scope
from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.application.ports import AuditQuery, PageQuery, UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.audit import AuditEvent
from phoenix_platform.domain.tenants import TenantId

Units = Transactions[UnitOfWork]


async def _write(
    transactions: Units, tenant: TenantId, clock: FixedClock, count: int
) -> list[AuditEvent]:
    events: list[AuditEvent] = []
    for number in range(count):
        clock.advance(0.001)
        event = an_audit_event(tenant, clock, changes={"number": number, "share": 0.1})
        async with transactions.begin(tenant) as work:
            await work.audit.append(event)
        events.append(event)
    return events


async def test_events_read_back_as_they_were_written_and_the_chain_is_whole(
    transactions: Units, tenant: TenantId, other_tenant: TenantId, clock: FixedClock
) -> None:
    events = await _write(transactions, tenant, clock, 5)
    await _write(transactions, other_tenant, clock, 2)
    async with transactions.begin(tenant) as work:
        page = await work.audit.page(PageQuery(newest_first=False), AuditQuery())
        assert await work.audit.first_break() is None
    assert page.items == events
    assert page.next is None


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(1e20, id="large-float"),
        pytest.param(5e-324, id="least-double"),
        pytest.param(-0.0, id="minus-zero"),
        pytest.param(2**53, id="largest-integer"),
        pytest.param(1.0, id="whole-float"),
    ],
)
async def test_numbers_keep_their_hash_through_the_database(
    transactions: Units, tenant: TenantId, clock: FixedClock, number: float
) -> None:
    async with transactions.begin(tenant) as work:
        await work.audit.append(
            an_audit_event(tenant, clock, changes={"number": number, "name": "ä\u2028"})
        )
    async with transactions.begin(tenant) as work:
        assert await work.audit.first_break() is None


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        pytest.param("UPDATE audit_events SET actor_name = 'eve' WHERE number = 2", 2, id="actor"),
        pytest.param("UPDATE audit_events SET changes = '{}' WHERE number = 3", 3, id="changes"),
        pytest.param("UPDATE audit_events SET reason = NULL WHERE number = 1", 1, id="reason"),
        pytest.param("DELETE FROM audit_events WHERE number = 2", 3, id="removed-inside"),
        pytest.param("DELETE FROM audit_events WHERE number = 1", 2, id="removed-first"),
        pytest.param("DELETE FROM audit_events WHERE number > 3", 4, id="removed-end"),
        pytest.param("DELETE FROM audit_events", 1, id="removed-all"),
        pytest.param(
            "UPDATE audit_events SET hash = (SELECT hash FROM audit_events WHERE number = 1) WHERE number = 4",
            4,
            id="hash",
        ),
    ],
)
async def test_a_change_is_found_at_its_place(
    transactions: Units, tenant: TenantId, clock: FixedClock, change: str, broken: int
) -> None:
    await _write(transactions, tenant, clock, 4)
    async with transactions.every_tenant() as connection:
        await connection.execute(text(change))
        found = await SqlAuditTrail(Scope(connection, tenant)).verify()
    assert found is not None
    assert found.number == broken


async def test_a_chain_longer_than_a_batch_is_walked_to_its_end(
    transactions: Units, tenant: TenantId, clock: FixedClock
) -> None:
    async with transactions.begin(tenant) as work:
        for _ in range(1001):
            await work.audit.append(an_audit_event(tenant, clock))
    async with transactions.every_tenant() as connection:
        trail = SqlAuditTrail(Scope(connection, tenant))
        assert await trail.verify() is None
        await connection.execute(text("UPDATE audit_events SET action = 'x' WHERE number = 1001"))
        found = await trail.verify()
    assert found is not None
    assert found.number == 1001


async def test_the_break_names_the_event(
    transactions: Units, tenant: TenantId, clock: FixedClock
) -> None:
    events = await _write(transactions, tenant, clock, 3)
    async with transactions.every_tenant() as connection:
        await connection.execute(text("UPDATE audit_events SET target = 'host:1' WHERE number = 2"))
    async with transactions.begin(tenant) as work:
        assert await work.audit.first_break() == events[1].id


async def test_pages_go_on_where_the_one_before_ended(
    transactions: Units, tenant: TenantId, clock: FixedClock
) -> None:
    events = await _write(transactions, tenant, clock, 5)
    seen: list[AuditEvent] = []
    after: str | None = None
    async with transactions.read(tenant) as work:
        for _ in range(3):
            page = await work.audit.page(PageQuery(after=after, limit=2), AuditQuery())
            seen.extend(page.items)
            after = page.next
    assert seen == events[::-1]
    assert after is None


async def test_filters_find_what_they_name(
    transactions: Units, tenant: TenantId, clock: FixedClock
) -> None:
    events = await _write(transactions, tenant, clock, 3)
    async with transactions.read(tenant) as work:
        where = AuditQuery(target="experiment:1", action="experiment.start", since=events[1].at)
        found = await work.audit.page(PageQuery(), where)
        none = await work.audit.page(PageQuery(), AuditQuery(action="host.remove"))
    assert found.items == [events[2], events[1]]
    assert none.items == []


async def test_a_cursor_that_is_none_is_refused(transactions: Units, tenant: TenantId) -> None:
    async with transactions.read(tenant) as work:
        with pytest.raises(InvalidInputError, match="after: 'x' is no cursor"):
            await work.audit.page(PageQuery(after="x"), AuditQuery())
