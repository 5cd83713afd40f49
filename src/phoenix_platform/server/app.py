"""Makes the application of routes and services; `server.composition` brings the real ones, tests bring theirs.

To add routes: put them in `server/routes/<noun>.py` with a list `ROUTES` at its end, and add that to `server.route_list`.
Each route declares `operation_id` (verbNoun) and `permission`; what it needs it takes by name (`server.dependencies`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from litestar import Litestar, Request
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, ControllerRouterHandler, Scope
from opentelemetry.trace import Tracer

from phoenix_platform.application.ports import Begin
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.ids import IdFactory
from phoenix_platform.domain.actors import Actor
from phoenix_platform.server.admission import (
    Admission,
    Authenticate,
    RateLimits,
    declared_permission,
)
from phoenix_platform.server.bodies import BodyCheck
from phoenix_platform.server.edges import Edges
from phoenix_platform.server.health import Health
from phoenix_platform.server.idempotency import Idempotency, Idempotent
from phoenix_platform.server.metrics import ServerMetrics
from phoenix_platform.server.openapi import document_of
from phoenix_platform.server.openapi_description import ApiDescription
from phoenix_platform.server.openapi_page import page_of
from phoenix_platform.server.pagination import provide_page
from phoenix_platform.server.problems import HANDLERS, log_websocket_bug
from phoenix_platform.server.route_list import ROUTES
from phoenix_platform.server.routes.events import Watching
from phoenix_platform.server.scopes import begin_of
from phoenix_platform.server.versions import provide_expected_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the routes stand on."""

    clock: Clock
    new_id: IdFactory
    begin: Begin
    authenticate: Authenticate
    limits: RateLimits
    health: Health
    metrics: ServerMetrics
    tracer: Tracer
    watching: Watching
    idempotent: Idempotent
    max_body_bytes: int
    others: Mapping[str, object] = field(default_factory=dict[str, object])
    """What routes of one noun need beyond this, by the name under which they ask for it."""


def create_app(services: Services, routes: Sequence[ControllerRouterHandler] = ROUTES) -> ASGIApp:
    """The ASGI application.

    Raises:
        IncompleteRouteError: If a route declares no permission, or no operation id.
    """
    description = ApiDescription()
    values: Mapping[str, object] = {
        "clock": services.clock,
        "new_id": services.new_id,
        "health": services.health,
        "metrics": services.metrics,
        "watching": services.watching,
        "api_description": description,
        **services.others,
    }
    dependencies = {name: _provided(value) for name, value in values.items()}
    dependencies["begin"] = _begin_of(services.begin)
    dependencies["page"] = Provide(provide_page, sync_to_thread=False)
    dependencies["expected_version"] = Provide(provide_expected_version, sync_to_thread=False)
    dependencies["actor"] = Provide(_actor, sync_to_thread=False)
    document = document_of(routes, dependencies)
    description.document = msgspec.json.encode(document)
    description.page = page_of(document).encode()
    app = Litestar(
        route_handlers=list(routes),
        dependencies=dependencies,
        middleware=[
            DefineMiddleware(Admission, authenticate=services.authenticate, limits=services.limits),
            DefineMiddleware(BodyCheck),
            DefineMiddleware(Idempotency, idempotent=services.idempotent, clock=services.clock),
        ],
        exception_handlers=HANDLERS,
        after_exception=[log_websocket_bug],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=services.max_body_bytes,
    )
    for route in app.routes:
        handlers = route.route_handlers if isinstance(route, HTTPRoute) else [route.route_handler]
        for handler in handlers:
            declared_permission(handler)
    return Edges(
        app,
        clock=services.clock,
        new_id=services.new_id,
        health=services.health,
        metrics=services.metrics,
        tracer=services.tracer,
    )


def _begin_of(begin: Begin) -> Provide:
    def provide(scope: Scope) -> Begin:
        return begin_of(scope) or begin

    return Provide(provide, sync_to_thread=False)


def _provided(value: object) -> Provide:
    def provide() -> object:
        return value

    return Provide(provide, sync_to_thread=False)


def _actor(request: Request[Actor, Any, Any]) -> Actor:
    return request.user
