"""Units of work: what the use cases' port `Begin` is on a database. The composition root makes one `Transactions`.

Leaving the block commits: before that, the audit chain grows by what was gathered; after it, the publisher of the
outbox is woken. On PostgreSQL row-level security shows a transaction its tenant's rows and no others, whatever a
statement says.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from phoenix_platform.adapters.sql.audit import write_audit
from phoenix_platform.adapters.sql.engines import Database
from phoenix_platform.adapters.sql.idempotency import (
    IdempotencyKey,
    StoredAnswer,
    claim_key,
    request_in_flight,
    store_answer,
)
from phoenix_platform.adapters.sql.leases import check_fence
from phoenix_platform.adapters.sql.notifications import WAITING, notify
from phoenix_platform.adapters.sql.scopes import Scope, bind_every_tenant, bind_tenant
from phoenix_platform.adapters.sql.tenants import SqlTenants
from phoenix_platform.adapters.sql.wakeups import Bells
from phoenix_platform.application.ports import Fence, UnitOfWork
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.tenants import TenantId

Work = TypeVar("Work", bound=UnitOfWork)


class Transactions(Generic[Work]):
    def __init__(self, database: Database, bells: Bells, assemble: Callable[[Scope], Work]) -> None:
        """`assemble` makes the repositories of one transaction (`adapters.sql.units.work_of`)."""
        self._database = database
        self._bells = bells
        self._assemble = assemble
        self._in_flight: set[IdempotencyKey] = set()

    @asynccontextmanager
    async def begin(
        self, tenant_id: TenantId, *, fence: Fence | None = None
    ) -> AsyncGenerator[Work]:
        """A unit of work; with a fence, only while its lease is held.

        Raises:
            FencedOffError: If somebody else holds the lease by now.
            UnavailableError: If the database is away or busy; trying again may help.
        """
        async with self._scope(tenant_id, fence=fence) as scope:
            yield self._assemble(scope)

    @asynccontextmanager
    async def read(
        self, tenant_id: TenantId, *, fence: Fence | None = None
    ) -> AsyncGenerator[Work]:
        """The same for reading only: on SQLite it does not wait for its turn to write."""
        async with self._database.transaction(read_only=True) as connection:
            await bind_tenant(connection, tenant_id)
            yield self._assemble(Scope(connection, tenant_id))

    @asynccontextmanager
    async def all_tenants(self) -> AsyncGenerator[SqlTenants]:
        async with self._database.transaction(read_only=True) as connection:
            yield SqlTenants(connection)

    @asynccontextmanager
    async def every_tenant(self) -> AsyncGenerator[AsyncConnection]:
        """A connection that sees the rows of all tenants: for what comes before the tenant is known."""
        async with self._database.transaction() as connection:
            await bind_every_tenant(connection)
            yield connection

    @asynccontextmanager
    async def idempotent(
        self, key: IdempotencyKey, *, at: datetime
    ) -> AsyncGenerator["IdempotentRequest[Work]"]:
        """One transaction around a whole request and its answer; without an answer it is undone.

        Raises:
            RequestInFlightError: If the first request with this key is still under way.
            KeyReusedError: If the key came with another request before.
        """
        identity = IdempotencyKey(
            tenant_id=key.tenant_id, actor_id=key.actor_id, key=key.key, request_hash=""
        )
        if identity in self._in_flight:
            raise request_in_flight(key)
        self._in_flight.add(identity)
        try:
            with suppress(_UnansweredError):
                async with self._scope(key.tenant_id) as scope:
                    answered = await claim_key(scope.connection, key, at)
                    request = IdempotentRequest(key, answered, scope, self._assemble)
                    yield request
                    request.undo_unanswered()
        finally:
            self._in_flight.discard(identity)

    @asynccontextmanager
    async def _scope(
        self, tenant_id: TenantId, *, fence: Fence | None = None
    ) -> AsyncGenerator[Scope]:
        async with self._database.transaction() as connection:
            if fence is not None:
                await check_fence(connection, fence)
            await bind_tenant(connection, tenant_id)
            scope = Scope(connection, tenant_id)
            yield scope
            if scope.topics:
                await notify(connection, WAITING)
            await write_audit(scope)
        if scope.topics:
            self._bells.waiting.ring()


@dataclass(slots=True)
class IdempotentRequest(Generic[Work]):
    """A request with an idempotency key, inside its transaction."""

    key: IdempotencyKey
    answered: StoredAnswer | None
    """What the first request was answered; None: this is the first."""
    _scope: Scope
    _assemble: Callable[[Scope], Work]
    is_stored: bool = False

    def begin(
        self, tenant_id: TenantId, *, fence: Fence | None = None
    ) -> AbstractAsyncContextManager[Work]:
        """As `Transactions.begin`, within the transaction of the answer; an error undoes the block alone."""
        if fence is not None or tenant_id != self.key.tenant_id:
            raise InvalidInputError("Idempotency-Key: not for work of another tenant or of a lease")
        return self._joined()

    async def store(self, answer: StoredAnswer) -> None:
        """Give this answer to whoever sends the request again."""
        await store_answer(self._scope.connection, self.key, answer)
        self.is_stored = True

    def undo_unanswered(self) -> None:
        """At the end: raise what undoes the transaction, if there is no answer to give again."""
        if self.answered is None and not self.is_stored:
            raise _UnansweredError

    @asynccontextmanager
    async def _joined(self) -> AsyncGenerator[Work]:
        scope = self._scope
        inner = Scope(scope.connection, scope.tenant_id)
        async with scope.connection.begin_nested():
            yield self._assemble(inner)
        scope.audit.extend(inner.audit)
        scope.topics.update(inner.topics)


class _UnansweredError(Exception):
    """Undoes the transaction of a request that got no answer to store."""
