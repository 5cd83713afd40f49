"""The OpenAPI 3.1 document of all routes, with what each asks for; made once, when the application is.

`server.app` calls `document_of`; `server.routes.openapi` serves the bytes and the page made of them.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from litestar import Litestar
from litestar.di import Provide
from litestar.exceptions import ImproperlyConfiguredException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import HTTPRoute
from litestar.types import ControllerRouterHandler

from phoenix_platform.core.version import VERSION
from phoenix_platform.server.admission import PUBLIC, declared_permission
from phoenix_platform.server.errors import IncompleteRouteError
from phoenix_platform.server.problems import MEDIA_TYPE

_OPERATION_ID: Final = re.compile(r"[a-z]+(?:[A-Z][a-z0-9]*)+")
_DESCRIPTION: Final = (
    "The control plane of the Phoenix Platform. Errors are problems (RFC 9457) with a stable `code`; lists are read "
    "page by page with `cursor` and `limit`; a change names the version it was made from in `If-Match`."
)
_PROBLEM_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "facts", "fields"],
    "properties": {
        "type": {"type": "string", "description": "`/problems/<code>`"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "Which field, which value, which fix."},
        "code": {"type": "string", "description": "Stable; read this, never the text."},
        "facts": {"type": "object", "additionalProperties": {"type": ["string", "number", "null"]}},
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "message"],
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "request_id": {"type": ["string", "null"]},
    },
}


def document_of(
    routes: Sequence[ControllerRouterHandler], dependencies: Mapping[str, Provide]
) -> dict[str, Any]:
    """The document of these routes.

    Raises:
        IncompleteRouteError: If a route declares no permission, or an operation no `operation_id` of the form verbNoun.
    """
    app = Litestar(
        route_handlers=list(routes),
        dependencies=dict(dependencies),
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title="Phoenix Platform",
            version=VERSION,
            description=_DESCRIPTION,
            use_handler_docstrings=True,
            components=Components(
                security_schemes={
                    "bearer": SecurityScheme(
                        type="http",
                        scheme="bearer",
                        description="An access token, an API key or an agent's credential.",
                    )
                }
            ),
        ),
    )
    try:
        document = app.openapi_schema.to_schema()
    except ImproperlyConfiguredException as error:
        raise IncompleteRouteError(f"operation_id: {error.detail}") from error
    document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = dict(
        _PROBLEM_SCHEMA
    )
    _complete(app, document)
    return document


def _complete(app: Litestar, document: dict[str, Any]) -> None:
    """Add to every operation its permission and its errors."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler, _ in route.route_handler_map.values():
            if not handler.resolve_include_in_schema():
                continue
            permission = declared_permission(handler)
            for method in handler.http_methods:
                operation = document["paths"][route.path_format][method.lower()]
                _check_id(operation["operationId"], handler.operation_id, str(handler))
                operation["x-permission"] = str(permission)
                operation["security"] = [] if permission == PUBLIC else [{"bearer": []}]
                responses = {
                    status: found
                    for status, found in operation["responses"].items()
                    if not status.startswith("4")
                }
                responses["default"] = {
                    "description": "A problem (RFC 9457).",
                    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
                operation["responses"] = responses
                text = operation.get("description") or ""
                operation["summary"] = text.partition("\n")[0]


def _check_id(operation_id: str, declared: object, handler: str) -> None:
    if declared is None or not _OPERATION_ID.fullmatch(operation_id):
        raise IncompleteRouteError(
            f"{handler}: operation_id {operation_id!r} is missing or not of the form verbNoun; write "
            "operation_id='listHosts'"
        )
