"""Hosts and what belongs to one."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.domain_builders import a_host

from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.application.ports import DesiredDocument, PageQuery, UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import ConflictError, InvalidInputError, NotFoundError
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.hosts import (
    CollectorFacts,
    EnrollmentToken,
    Fact,
    FactName,
    Host,
    HostId,
    HostKind,
    Quarantined,
)
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.opamp.host_reports import HostReport, RunReport, RunState

Units = Transactions[UnitOfWork]


def _full_host(tenant: TenantId, clock: FixedClock) -> Host:
    """A host with every field set."""
    return Host(
        id=HostId(new_id(clock)),
        tenant_id=tenant,
        name="web-ä.example",
        kind=HostKind.SUPERVISOR,
        instance_uid="0" * 32,
        labels={"env": "prod", "a/b": ""},
        facts={name: Fact(f"sha256:{name}", clock.now()) for name in FactName},
        quarantine=(
            Quarantined(hash="sha256:0", at=clock.now(), reason="it failed", log_tail=("a", "b")),
        ),
        is_connected=True,
        last_seen_at=clock.now(),
        agent_version="0.1.0",
        processors=2,
        memory_bytes=2**40,
        processes=250,
        process_names=("nginx", "postgres"),
        collectors=(CollectorFacts(distribution="otelcol", version="1", upstream_version="0.161"),),
        production="sha256:9",
        enrolled_at=clock.now(),
    )


@pytest.fixture
async def host(transactions: Units, tenant: TenantId, clock: FixedClock) -> Host:
    added = a_host(tenant, clock)
    async with transactions.begin(tenant) as work:
        await work.hosts.add(added)
    return added


async def test_a_host_reads_back_as_it_was_written(
    transactions: Units, tenant: TenantId, clock: FixedClock
) -> None:
    host = _full_host(tenant, clock)
    async with transactions.begin(tenant) as work:
        await work.hosts.add(host)
    async with transactions.read(tenant) as work:
        assert await work.hosts.get(host.id) == host
        assert await work.hosts.by_name(host.name) == host
        assert await work.hosts.by_instance_uid(host.instance_uid) == host
        assert await work.hosts.all() == [host]


async def test_a_saved_host_has_the_next_version_and_an_old_one_is_refused(
    transactions: Units, host: Host
) -> None:
    async with transactions.begin(host.tenant_id) as work:
        saved = await work.hosts.save(host.relabelled({"env": "test"}))
    assert (saved.version, saved.labels) == (2, {"env": "test"})
    async with transactions.begin(host.tenant_id) as work:
        assert await work.hosts.get(host.id) == saved
        with pytest.raises(ConflictError, match="someone else changed host web-1"):
            await work.hosts.save(host)


async def test_those_who_change_a_host_take_turns(transactions: Units, host: Host) -> None:
    async def label(number: int) -> None:
        async with transactions.begin(host.tenant_id) as work:
            found = await work.hosts.get_for_change(host.id)
            await work.hosts.save(found.relabelled({**found.labels, f"n{number}": "x"}))

    await asyncio.gather(*(label(number) for number in range(6)))
    async with transactions.read(host.tenant_id) as work:
        found = await work.hosts.get(host.id)
    assert found.version == 7
    assert set(found.labels) == {"env", *(f"n{number}" for number in range(6))}


@pytest.mark.parametrize("shared", ["name", "instance_uid"])
async def test_two_hosts_share_neither_name_nor_instance_uid(
    transactions: Units, host: Host, clock: FixedClock, shared: str
) -> None:
    other = a_host(host.tenant_id, clock, "web-2")
    clone = replace(other, **{shared: getattr(host, shared)})
    async with transactions.begin(host.tenant_id) as work:
        with pytest.raises(ConflictError, match="is there already"):
            await work.hosts.add(clone)
        await work.hosts.add(other)  # the transaction is still usable


async def test_an_unknown_host_is_not_found(
    transactions: Units, tenant: TenantId, clock: FixedClock
) -> None:
    unknown = HostId(new_id(clock))
    async with transactions.begin(tenant) as work:
        with pytest.raises(NotFoundError):
            await work.hosts.get(unknown)
        with pytest.raises(NotFoundError):
            await work.hosts.get_for_change(unknown)
        with pytest.raises(NotFoundError):
            await work.hosts.remove(unknown)
        assert await work.hosts.by_instance_uid("none") is None


@pytest.mark.parametrize("newest_first", [True, False])
async def test_pages_show_every_host_once_in_the_order_of_birth(
    transactions: Units, tenant: TenantId, clock: FixedClock, newest_first: bool
) -> None:
    names = [f"web-{number}" for number in range(7)]
    async with transactions.begin(tenant) as work:
        for name in names:
            clock.advance(0.001)
            await work.hosts.add(a_host(tenant, clock, name))
    seen: list[str] = []
    query: PageQuery | None = PageQuery(limit=3, newest_first=newest_first)
    async with transactions.read(tenant) as work:
        while query is not None:
            page = await work.hosts.page(query)
            seen.extend(host.name for host in page.items)
            query = None if page.next is None else replace(query, after=page.next)
    assert seen == (names[::-1] if newest_first else names)


async def test_a_cursor_that_is_none_is_refused(transactions: Units, tenant: TenantId) -> None:
    async with transactions.read(tenant) as work:
        with pytest.raises(InvalidInputError, match="after: 'x' is no cursor"):
            await work.hosts.page(PageQuery(after="x"))


async def test_an_enrolment_token_is_used_once(
    transactions: Units, host: Host, clock: FixedClock
) -> None:
    token = EnrollmentToken(
        id=new_id(clock),
        tenant_id=host.tenant_id,
        token_hash="sha256:t",
        labels={"env": "prod"},
        created_at=clock.now(),
        expires_at=clock.now() + timedelta(hours=1),
    )
    async with transactions.begin(host.tenant_id) as work:
        await work.enrollment_tokens.add(token)
        assert await work.enrollment_tokens.by_hash("sha256:t") == token
        assert await work.enrollment_tokens.by_hash("sha256:u") is None
    used = token.use(host.id, clock.now())
    async with transactions.begin(host.tenant_id) as work:
        await work.enrollment_tokens.save_use(used)
    async with transactions.begin(host.tenant_id) as work:
        assert await work.enrollment_tokens.by_hash("sha256:t") == used
        with pytest.raises(ConflictError, match="used already"):
            await work.enrollment_tokens.save_use(used)


async def test_a_desired_document_is_replaced_and_goes_with_its_host(
    transactions: Units, host: Host, clock: FixedClock
) -> None:
    first = DesiredDocument(host_id=host.id, hash="sha256:1", body=b"\x00{}", at=clock.now())
    second = replace(first, hash="sha256:2", body=b"[]")
    async with transactions.begin(host.tenant_id) as work:
        assert await work.desired.get(host.id) is None
        for document in (first, second):
            await work.desired.put(document)
    async with transactions.begin(host.tenant_id) as work:
        assert await work.desired.get(host.id) == second
        await work.credentials.put(host.id, "sha256:c")
        await work.hosts.remove(host.id)
    async with transactions.read(host.tenant_id) as work:
        assert await work.desired.get(host.id) is None


async def test_the_last_report_of_a_host_is_kept(
    transactions: Units, host: Host, clock: FixedClock
) -> None:
    run = RunReport(experiment_id="e", run_id="r", state=RunState.FLOWING, at=clock.now())
    report = HostReport(
        at=clock.now(),
        agent_version="0.1.0",
        host_name="web-1",
        boot_id="b",
        processors=2,
        memory_bytes=2**33,
        runs=(run,),
    )
    async with transactions.begin(host.tenant_id) as work:
        assert await work.reports.get(host.id) is None
        await work.reports.put(host.id, replace_report(report))
        await work.reports.put(host.id, report)
    async with transactions.read(host.tenant_id) as work:
        assert await work.reports.get(host.id) == report


async def test_a_credential_is_replaced_and_removed(transactions: Units, host: Host) -> None:
    async with transactions.begin(host.tenant_id) as work:
        await work.credentials.put(host.id, "sha256:1")
        await work.credentials.put(host.id, "sha256:2")
        await work.credentials.remove(host.id)
        await work.credentials.remove(host.id)


def replace_report(report: HostReport) -> HostReport:
    return HostReport(
        at=report.at,
        agent_version="0.0.9",
        host_name=report.host_name,
        boot_id="a",
        processors=1,
        memory_bytes=1,
    )
