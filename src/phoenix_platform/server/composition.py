"""The one place where the server's real parts meet: settings in, a running control plane out. `server.command` calls it."""

import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from phoenix_platform.application.ports import Fence, UnitOfWork
from phoenix_platform.core.clock import SystemClock
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.actors import Actor
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.server.admission import RateLimits
from phoenix_platform.server.app import Services, create_app
from phoenix_platform.server.errors import NotSignedInError
from phoenix_platform.server.health import Health
from phoenix_platform.server.metrics import ServerMetrics
from phoenix_platform.server.rate_limits import RateLimiter
from phoenix_platform.server.running import serve
from phoenix_platform.server.settings import ServerSettings


async def run(settings: ServerSettings) -> signal.Signals | None:
    """Run the control plane until a signal; gives that signal."""
    services = services_of(settings)
    app = create_app(services)
    return await serve(
        app, http=settings.http, drain=settings.drain, health=services.health, jobs=()
    )


async def check(settings: ServerSettings) -> list[str]:
    """What was found valid, a line each.

    Raises:
        PhoenixError: What is not, with the fix.
    """
    create_app(services_of(settings))
    return ["settings: valid", "routes: each declares a permission"]


async def migrate_database(settings: ServerSettings) -> str:
    raise UnavailableError("database: this build has none")


def services_of(settings: ServerSettings) -> Services:
    clock = SystemClock()
    health = Health(
        clock=clock,
        max_loop_lag_seconds=settings.health.max_loop_lag.total_seconds(),
        check_timeout_seconds=settings.health.check_timeout.total_seconds(),
    )
    metrics = ServerMetrics()
    metrics.add_gauge(
        "phoenix_event_loop_lag_seconds",
        "The latest that a turn of the event loop was late, within the last 15 s.",
        lambda: {(): health.loop_lag_seconds},
    )
    return Services(
        clock=clock,
        new_id=partial(new_id, clock),
        begin=_begin,
        authenticate=_authenticate,
        limits=rate_limits(settings, clock),
        health=health,
        metrics=metrics,
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


@asynccontextmanager
async def _begin(tenant_id: TenantId, *, fence: Fence | None = None) -> AsyncGenerator[UnitOfWork]:
    raise UnavailableError("database: this build has none")
    yield


async def _authenticate(token: str) -> Actor:
    raise NotSignedInError("nobody can sign in: this build has no database")
