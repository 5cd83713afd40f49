"""Every route of the server, noun by noun; `server.app` serves them."""

from collections.abc import Sequence
from typing import Final

from litestar.types import ControllerRouterHandler

from phoenix_platform.server.routes import (
    agents,
    api_keys,
    audit,
    events,
    experiments,
    health,
    hosts,
    jwks,
    load_simulations,
    metrics,
    opamp,
    openapi,
    pipelines,
    service_accounts,
    sign_in,
    tenants,
    users,
)

ROUTES: Final[Sequence[ControllerRouterHandler]] = (
    *health.ROUTES,
    *metrics.ROUTES,
    *opamp.ROUTES,
    *openapi.ROUTES,
    *events.ROUTES,
    *agents.ROUTES,
    *api_keys.ROUTES,
    *audit.ROUTES,
    *experiments.ROUTES,
    *hosts.ROUTES,
    *jwks.ROUTES,
    *load_simulations.ROUTES,
    *pipelines.ROUTES,
    *service_accounts.ROUTES,
    *sign_in.ROUTES,
    *tenants.ROUTES,
    *users.ROUTES,
)
