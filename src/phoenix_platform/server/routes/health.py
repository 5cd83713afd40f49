"""Probes for whoever runs this process; they cost no query but those of /readyz."""

from typing import Any

import msgspec
from litestar import Response, get
from litestar.types import ControllerRouterHandler

from phoenix_platform.server.admission import PUBLIC
from phoenix_platform.server.dependencies import HealthDep


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether requests may be sent here."""

    is_ready: bool
    failures: dict[str, str]
    """By dependency, what is wrong with it."""


class Liveness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether this process works at all."""

    is_alive: bool
    loop_lag_seconds: float
    """The latest that a turn of the event loop was late, within the last 15 s."""


@get("/livez", operation_id="getLiveness", permission=PUBLIC, rate_limited=False)
async def livez(health: HealthDep) -> Response[Liveness]:
    """Whether this process works; looks at no dependency. 503: restart it."""
    is_alive = health.is_alive()
    found = Liveness(is_alive=is_alive, loop_lag_seconds=round(health.loop_lag_seconds, 3))
    return Response(found, status_code=200 if is_alive else 503)


@get("/readyz", operation_id="getReadiness", permission=PUBLIC, rate_limited=False)
async def readyz(health: HealthDep) -> Response[Readiness]:
    """Whether requests may be sent here: started, not going away, database there. 503: send them elsewhere."""
    failures = await health.failures()
    return Response(
        Readiness(is_ready=not failures, failures=failures), status_code=503 if failures else 200
    )


@get("/startupz", operation_id="getStart", permission=PUBLIC, rate_limited=False)
async def startupz(health: HealthDep) -> Response[dict[str, Any]]:
    """Whether this process has started. 503: wait."""
    return Response(
        {"is_started": health.is_started}, status_code=200 if health.is_started else 503
    )


ROUTES: list[ControllerRouterHandler] = [livez, readyz, startupz]
