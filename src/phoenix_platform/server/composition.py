"""The one place where the server's real parts meet: settings in, a running control plane out. `server.command` calls it."""

import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from opentelemetry import trace

from phoenix_platform.adapters.sql.engines import Database, DatabaseLimits, open_database
from phoenix_platform.application.ports import Fence, UnitOfWork
from phoenix_platform.core.clock import SystemClock
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.actors import Actor
from phoenix_platform.domain.sign_ins import UnauthenticatedError
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.server.admission import RateLimits
from phoenix_platform.server.app import Services, create_app
from phoenix_platform.server.health import Health
from phoenix_platform.server.hub import Hub, PublishedEvent
from phoenix_platform.server.idempotency import KeyedWork
from phoenix_platform.server.metrics import ServerMetrics
from phoenix_platform.server.rate_limits import RateLimiter
from phoenix_platform.server.routes.events import Watching
from phoenix_platform.server.running import serve
from phoenix_platform.server.settings import ServerSettings
from phoenix_platform.server.traces import provider_of


async def run(settings: ServerSettings) -> signal.Signals | None:
    """Run the control plane until a signal; gives that signal."""
    provider = provider_of(settings.traces)
    if provider is not None:
        trace.set_tracer_provider(provider)
    async with opened(settings) as database:
        services = services_of(settings, database)
        return await serve(
            create_app(services),
            http=settings.http,
            drain=settings.drain,
            health=services.health,
            jobs=(),
            on_stop=services.watching.hub.closing.set,
        )


async def check(settings: ServerSettings) -> list[str]:
    """What was found valid, a line each.

    Raises:
        PhoenixError: What is not, with the fix.
    """
    async with opened(settings) as database:
        await database.check()
        await database.check_role()
        create_app(services_of(settings, database))
    kind = "SQLite" if settings.is_embedded else "PostgreSQL"
    return ["settings: valid", f"database: {kind} answers", "routes: each declares a permission"]


async def migrate_database(settings: ServerSettings) -> str:
    raise UnavailableError("database: this build has none")


@asynccontextmanager
async def opened(settings: ServerSettings) -> AsyncGenerator[Database]:
    """The database while the block lasts."""
    limits = DatabaseLimits(
        pool_size=settings.database.pool_size, connect_timeout=settings.database.connect_timeout
    )
    database = open_database(settings.database_url, limits)
    try:
        yield database
    finally:
        await database.close()


def services_of(settings: ServerSettings, database: Database) -> Services:
    """What the routes stand on, over this database."""
    clock = SystemClock()
    health = Health(
        clock=clock,
        max_loop_lag_seconds=settings.health.max_loop_lag.total_seconds(),
        check_timeout_seconds=settings.health.check_timeout.total_seconds(),
    )
    health.require("database", database.check)
    hub = Hub(
        max_backlog=settings.events.max_backlog, max_subscribers=settings.events.max_subscribers
    )
    metrics = ServerMetrics()
    _add_gauges(metrics, health, hub)
    return Services(
        clock=clock,
        new_id=partial(new_id, clock),
        begin=_begin,
        begin_keyed=_begin_keyed,
        authenticate=_authenticate,
        limits=rate_limits(settings, clock),
        health=health,
        metrics=metrics,
        tracer=trace.get_tracer("phoenix"),
        watching=Watching(
            hub=hub,
            events=_NoEvents(),
            authenticate=_authenticate,
            flush_seconds=settings.events.flush_interval.total_seconds(),
            heartbeat_seconds=settings.events.heartbeat_interval.total_seconds(),
        ),
        max_body_bytes=settings.http.max_body,
    )


def rate_limits(settings: ServerSettings, clock: SystemClock) -> RateLimits:
    limits = settings.limits
    return RateLimits(
        actors=RateLimiter(
            policy="actor",
            per_second=limits.requests_per_second,
            burst=limits.burst,
            max_tracked=limits.max_tracked,
            clock=clock,
        ),
        addresses=RateLimiter(
            policy="address",
            per_second=limits.anonymous_per_second,
            burst=limits.anonymous_burst,
            max_tracked=limits.max_tracked,
            clock=clock,
        ),
    )


def _add_gauges(metrics: ServerMetrics, health: Health, hub: Hub) -> None:
    metrics.add_gauge(
        "phoenix_event_loop_lag_seconds",
        "The latest that a turn of the event loop was late, within the last 15 s.",
        lambda: {(): health.loop_lag_seconds},
    )
    metrics.add_gauge(
        "phoenix_event_subscribers",
        "WebSockets that watch events.",
        lambda: {(): float(hub.subscribers)},
    )
    metrics.add_gauge(
        "phoenix_event_largest_backlog",
        "Events that wait for the slowest subscriber.",
        lambda: {(): float(hub.largest_backlog)},
    )
    metrics.add_gauge(
        "phoenix_event_subscribers_cut_off",
        "Subscribers that were too slow, since the start.",
        lambda: {(): float(hub.cut_off)},
    )


@asynccontextmanager
async def _begin(tenant_id: TenantId, *, fence: Fence | None = None) -> AsyncGenerator[UnitOfWork]:
    raise UnavailableError("database: this build has none")
    yield


@asynccontextmanager
async def _begin_keyed(tenant_id: TenantId) -> AsyncGenerator[KeyedWork]:
    raise UnavailableError("database: this build has none")
    yield


async def _authenticate(token: str) -> Actor:
    raise UnauthenticatedError("nobody can sign in: this build has no database")


class _NoEvents:
    async def newest(self) -> int:
        return 0

    async def oldest(self) -> int:
        return 0

    async def read(self, after: int, limit: int) -> Sequence[PublishedEvent]:
        return ()

    async def history(
        self, tenant_id: TenantId, topics: frozenset[str], *, after: int, through: int, limit: int
    ) -> Sequence[PublishedEvent]:
        return ()

    async def wait(self, seconds: float) -> None:
        return
