"""The server's application with parts that live in memory, for tests of the edge; and in-memory ports of its own."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, cast
from uuid import UUID

import httpx
from litestar.types import ASGIApp, ControllerRouterHandler
from opentelemetry.trace import NoOpTracer, Tracer

from phoenix_platform.adapters.sql.idempotency import (
    IdempotencyKey,
    KeyReusedError,
    RequestInFlightError,
    StoredAnswer,
)
from phoenix_platform.adapters.sql.outbox import EventsGoneError, PublishedEvent
from phoenix_platform.application.ports import Begin, Fence, UnitOfWork
from phoenix_platform.core.clock import Clock, FixedClock, SystemClock
from phoenix_platform.core.errors import InvalidInputError, PhoenixError
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.actors import Actor, ActorKind
from phoenix_platform.domain.events import Event, EventId
from phoenix_platform.domain.permissions import Role
from phoenix_platform.domain.sign_ins import UnauthenticatedError
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.server.admission import RateLimits
from phoenix_platform.server.app import Services, create_app
from phoenix_platform.server.health import Health
from phoenix_platform.server.hub import Hub
from phoenix_platform.server.metrics import ServerMetrics
from phoenix_platform.server.rate_limits import RateLimiter
from phoenix_platform.server.routes import events, health, metrics, openapi
from phoenix_platform.server.routes.events import Watching

TENANT = TenantId(UUID(int=1))
OTHER_TENANT = TenantId(UUID(int=2))
CLOCK = FixedClock()
EDGE_ROUTES = (*health.ROUTES, *metrics.ROUTES, *openapi.ROUTES, *events.ROUTES)
"""Those that stand on nothing but the edge."""


def an_actor(role: Role = Role.ADMIN, tenant_id: TenantId = TENANT, name: str = "ada") -> Actor:
    return Actor(tenant_id=tenant_id, kind=ActorKind.USER, id=name, name=name, role=role)


async def until(is_so: Callable[[], bool], seconds: float = 25) -> None:
    """Let others work until something is so; a TimeoutError if it never is."""
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.002)


ACTORS = {
    "admin": an_actor(),
    "viewer": an_actor(Role.VIEWER, name="vic"),
    "foreign": an_actor(tenant_id=OTHER_TENANT, name="fay"),
}


@dataclass(slots=True)
class Tokens:
    """Who carries which token; `revoked` ones no longer do."""

    revoked: set[str] = field(default_factory=set[str])

    async def __call__(self, token: str) -> Actor:
        if token in self.revoked or token not in ACTORS:
            raise UnauthenticatedError("token: unknown; sign in again")
        return ACTORS[token]


def an_event(
    topic: str = "hosts",
    kind: str = "host.changed",
    tenant_id: TenantId = TENANT,
    payload: dict[str, Any] | None = None,
) -> Event:
    return Event(
        id=EventId(new_id(CLOCK)),
        tenant_id=tenant_id,
        topic=topic,
        kind=kind,
        payload=payload or {},
        occurred_at=CLOCK.now(),
    )


@dataclass(slots=True)
class MemoryEvents:
    """Published events in a list; position n is the n-th."""

    published: list[PublishedEvent] = field(default_factory=list[PublishedEvent])
    removed: int = 0
    fails: list[PhoenixError] = field(default_factory=list[PhoenixError])
    """Raised by whoever follows next, one each."""
    _announced: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, *events: Event) -> None:
        for event in events:
            self.published.append(PublishedEvent(len(self.published) + 1, event))
        self._announced.set()

    async def newest(self) -> int:
        return len(self.published)

    async def after(
        self, position: int, *, limit: int = 1000, tenant_id: TenantId | None = None
    ) -> Sequence[PublishedEvent]:
        if position < self.removed:
            raise EventsGoneError(f"after: events up to {self.removed} are gone")
        found = [
            one
            for one in self.published[position:]
            if tenant_id is None or one.event.tenant_id == tenant_id
        ]
        return found[:limit]

    async def follow(self, after: int) -> AsyncGenerator[Sequence[PublishedEvent]]:
        while True:
            if self.fails:
                raise self.fails.pop(0)
            if batch := await self.after(after, limit=500):
                after = batch[-1].position
                yield batch
            else:
                await self._announced.wait()
                self._announced.clear()


@dataclass(slots=True)
class MemoryWork:
    """A transaction over a list of words: what routes of tests change."""

    tenant_id: TenantId
    words: list[str]


@dataclass(slots=True)
class MemoryRequest:
    tenant_id: TenantId
    answered: StoredAnswer | None
    work: MemoryWork
    stored: StoredAnswer | None = None

    @asynccontextmanager
    async def begin(
        self, tenant_id: TenantId, *, fence: Fence | None = None
    ) -> AsyncGenerator[UnitOfWork]:
        if tenant_id != self.tenant_id:
            raise InvalidInputError("Idempotency-Key: not for work of another tenant")
        yield cast("UnitOfWork", self.work)

    async def store(self, answer: StoredAnswer) -> None:
        self.stored = answer


@dataclass(slots=True)
class MemoryDatabase:
    """Words and idempotency keys, in transactions that are kept whole or not at all."""

    words: list[str] = field(default_factory=list[str])
    answers: dict[tuple[str, str], tuple[str, StoredAnswer]] = field(
        default_factory=dict[tuple[str, str], tuple[str, StoredAnswer]]
    )
    in_flight: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    @asynccontextmanager
    async def begin(
        self, tenant_id: TenantId, *, fence: Fence | None = None
    ) -> AsyncGenerator[UnitOfWork]:
        work = MemoryWork(tenant_id, list(self.words))
        yield cast("UnitOfWork", work)
        self.words = work.words

    @asynccontextmanager
    async def idempotent(
        self, key: IdempotencyKey, *, at: datetime
    ) -> AsyncGenerator[MemoryRequest]:
        identity = (key.actor_id, key.key)
        if identity in self.in_flight:
            raise RequestInFlightError("Idempotency-Key: under way")
        known_hash, answer = self.answers.get(identity, (key.request_hash, None))
        if known_hash != key.request_hash:
            raise KeyReusedError("Idempotency-Key: came with another request before")
        self.in_flight.add(identity)
        request = MemoryRequest(key.tenant_id, answer, MemoryWork(key.tenant_id, list(self.words)))
        try:
            yield request
        finally:
            self.in_flight.discard(identity)
        if request.stored is not None:
            self.words = request.work.words
            self.answers[identity] = (key.request_hash, request.stored)


@dataclass(slots=True, kw_only=True)
class Edge:
    """An application and everything a test wants to look at."""

    clock: Clock = field(default_factory=SystemClock)
    health: Health = field(init=False)
    metrics: ServerMetrics = field(default_factory=ServerMetrics)
    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    events: MemoryEvents = field(default_factory=MemoryEvents)
    tokens: Tokens = field(default_factory=Tokens)
    tracer: Tracer = field(default_factory=NoOpTracer)
    max_backlog: int = 100
    max_subscribers: int = 10
    burst: int = 1000
    per_second: float = 1000.0
    heartbeat_seconds: float = 60.0
    reauthenticate_seconds: float = 60.0
    flush_seconds: float = 0.001
    max_body_bytes: int = 10_000
    wrap_begin: Callable[[Begin], Begin] = lambda begin: begin
    hub: Hub = field(init=False)

    def __post_init__(self) -> None:
        self.health = Health(clock=self.clock, max_loop_lag_seconds=5, check_timeout_seconds=1)
        self.health.is_started = True
        self.hub = Hub(max_backlog=self.max_backlog, max_subscribers=self.max_subscribers)

    def services(self) -> Services:
        limiter = partial(
            RateLimiter,
            per_second=self.per_second,
            burst=self.burst,
            max_tracked=100,
            clock=self.clock,
        )
        return Services(
            clock=self.clock,
            new_id=partial(new_id, self.clock),
            begin=self.wrap_begin(self.database.begin),
            idempotent=self.database.idempotent,
            authenticate=self.tokens,
            limits=RateLimits(actors=limiter(policy="actor"), addresses=limiter(policy="address")),
            health=self.health,
            metrics=self.metrics,
            tracer=self.tracer,
            watching=Watching(
                hub=self.hub,
                events=self.events,
                authenticate=self.tokens,
                flush_seconds=self.flush_seconds,
                heartbeat_seconds=self.heartbeat_seconds,
                reauthenticate_seconds=self.reauthenticate_seconds,
            ),
            max_body_bytes=self.max_body_bytes,
        )

    def app(self, *routes: ControllerRouterHandler) -> ASGIApp:
        return create_app(self.services(), (*EDGE_ROUTES, *routes))

    def client(
        self, *routes: ControllerRouterHandler, token: str | None = None
    ) -> httpx.AsyncClient:
        """A client of the application in this process."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(cast("Any", self.app(*routes)), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://phoenix", headers=headers)
