import pytest

from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.application.ports import UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.tenants import Tenant, TenantId


async def test_a_tenant_reads_back_as_it_was_written(
    transactions: Transactions[UnitOfWork], clock: FixedClock
) -> None:
    tenant = Tenant(id=TenantId(new_id(clock)), name="team-a", created_at=clock.now())
    async with transactions.all_tenants() as tenants:
        await tenants.add(tenant)
    async with transactions.begin(tenant.id) as work:
        assert await work.tenants.get(tenant.id) == tenant
        assert await work.tenants.by_name("team-a") == tenant
        assert await work.tenants.all() == [tenant]
        assert await work.tenants.by_name("team-b") is None


async def test_two_tenants_do_not_share_a_name(
    transactions: Transactions[UnitOfWork], tenant: TenantId, clock: FixedClock
) -> None:
    again = Tenant(id=TenantId(new_id(clock)), name="team-a", created_at=clock.now())
    with pytest.raises(ConflictError, match="name: there is a tenant 'team-a'"):
        async with transactions.all_tenants() as tenants:
            await tenants.add(again)


async def test_an_unknown_tenant_is_not_found(
    transactions: Transactions[UnitOfWork], tenant: TenantId, clock: FixedClock
) -> None:
    async with transactions.begin(tenant) as work:
        with pytest.raises(NotFoundError, match="there is no tenant"):
            await work.tenants.get(TenantId(new_id(clock)))
