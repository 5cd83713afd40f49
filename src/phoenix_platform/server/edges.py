"""Around everything: request ids, clean addresses, security headers, measures, and what a drain asks for.

Also where no route matches, which is why this wraps the application instead of being its middleware.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec
import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.types.asgi_types import RawHeaders
from opentelemetry.trace import Tracer

from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.ids import IdFactory
from phoenix_platform.server.health import Health
from phoenix_platform.server.metrics import ServerMetrics
from phoenix_platform.server.problems import MEDIA_TYPE, problem_of
from phoenix_platform.server.scopes import allowance_of, begin_request, operation_of
from phoenix_platform.server.traces import finish_request_span, request_span

SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)
CONTENT_SECURITY_POLICY: Final = (
    b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""For everything that is no page; a page of ours names what it needs itself."""

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Edges:
    """The outermost ASGI application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        clock: Clock,
        new_id: IdFactory,
        health: Health,
        metrics: ServerMetrics,
        tracer: Tracer,
    ) -> None:
        self._app = app
        self._clock = clock
        self._new_id = new_id
        self._health = health
        self._metrics = metrics
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = self._request_id(scope)
        begin_request(scope, request_id)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._headers(scope, request_id, message["headers"])
            elif message["type"] == "websocket.http.response.start":
                message["headers"] = self._headers(scope, request_id, message["headers"])
            await send(message)

        started = self._clock.monotonic()
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            request_span(self._tracer, scope) as span,
        ):
            try:
                if scope["type"] == ScopeType.HTTP and (mistake := address_mistake(scope)):
                    await _refuse(send_with_headers, mistake, request_id)
                else:
                    await self._app(scope, receive, send_with_headers)
            finally:
                operation = operation_of(scope)
                finish_request_span(span, operation=operation, status=status)
                if scope["type"] == ScopeType.HTTP:
                    seconds = self._clock.monotonic() - started
                    self._metrics.observe_request(operation, status, seconds)

    def _request_id(self, scope: Scope) -> str:
        """The caller's, when it is well-formed, so that a chain of services shares it; else a new one."""
        for name, value in scope["headers"]:
            if name.lower() == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                return value.decode()
        return str(self._new_id())

    def _headers(
        self, scope: Scope, request_id: str, given: RawHeaders
    ) -> list[tuple[bytes, bytes]]:
        """The headers of an answer: those given, and ours."""
        headers = list(given)
        names = {name.lower() for name, _ in headers}
        headers += [(b"x-request-id", request_id.encode()), *SECURITY_HEADERS]
        if b"content-security-policy" not in names:
            headers.append((b"content-security-policy", CONTENT_SECURITY_POLICY))
        if b"cache-control" not in names:
            headers.append((b"cache-control", b"no-store"))
        if (allowance := allowance_of(scope)) is not None:
            headers += allowance.headers()
        if self._health.is_draining:
            # The next request of this client shall go to another replica.
            headers.append((b"connection", b"close"))
        return headers


def address_mistake(scope: Scope) -> InvalidInputError | None:
    """What is wrong with path or query: NUL, or bytes that are no UTF-8 (lone surrogates are none)."""
    for part, raw in (("path", scope["raw_path"]), ("query", scope["query_string"])):
        decoded = unquote_to_bytes(raw)
        if b"\0" in decoded:
            return InvalidInputError(f"{part}: a NUL byte (%00); remove it")
        try:
            decoded.decode()
        except UnicodeDecodeError:
            return InvalidInputError(f"{part}: not UTF-8 behind its percent signs; encode it anew")
    return None


async def _refuse(send: Send, mistake: InvalidInputError, request_id: str) -> None:
    problem = problem_of(mistake, request_id=request_id)
    body = msgspec.json.encode(problem)
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
