"""Rounds of a reconciler: hold the lease, walk every tenant, let go when asked to end.

A replica without the lease asks for it again and again; so a killed or frozen holder is replaced within the
lease's life and one round.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from phoenix_platform.application.ports import AllTenants, Fence, Leases
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import PhoenixError, UnavailableError
from phoenix_platform.domain.tenants import TenantId

Walk = Callable[[TenantId, Fence], Awaitable[int]]


@dataclass(slots=True, kw_only=True)
class Rounds:
    """What one process does of one kind of reconciling; its figures are for the metrics."""

    lease: str
    walk: Walk
    leases: Leases
    all_tenants: AllTenants
    clock: Clock
    pause: timedelta = timedelta(milliseconds=500)
    """Between two rounds, and between two tries for the lease."""
    note_failure: Callable[[Exception], None]
    """Called when a round failed, for the log; the next one tries again."""
    is_holder: bool = False
    open: int = 0
    """How many things were under way in the last round."""
    last_round_seconds: float | None = None
    last_round_at: float | None = field(default=None)
    """Monotonic seconds."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                fence = await self.leases.acquire(self.lease)
                if fence is not None:
                    await self._hold(fence)
            except PhoenixError as error:
                # Whatever one experiment's round met, the others and the server go on.
                self.note_failure(error)
            finally:
                self.is_holder = False
            await asyncio.sleep(self.pause.total_seconds())

    async def _hold(self, fence: Fence) -> None:
        self.is_holder = True
        try:
            async with asyncio.TaskGroup() as group:
                keeping = group.create_task(self._keep(fence))
                try:
                    await self._walk_on(fence)
                finally:
                    keeping.cancel()
        except* PhoenixError as errors:
            raise errors.exceptions[0] from None
        finally:
            await asyncio.shield(self._let_go(fence))

    async def _keep(self, fence: Fence) -> None:
        while True:
            await asyncio.sleep(self.pause.total_seconds())
            await self.leases.renew(fence)

    async def _walk_on(self, fence: Fence) -> None:
        while True:
            began = self.clock.monotonic()
            async with self.all_tenants() as tenants:
                tenant_ids = [tenant.id for tenant in await tenants.all()]
            self.open = sum([await self.walk(tenant_id, fence) for tenant_id in tenant_ids])
            self.last_round_at = self.clock.monotonic()
            self.last_round_seconds = self.last_round_at - began
            await asyncio.sleep(self.pause.total_seconds())

    async def _let_go(self, fence: Fence) -> None:
        try:
            await self.leases.release(fence)
        except UnavailableError as error:
            self.note_failure(error)
