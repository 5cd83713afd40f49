"""Who may use a route: each declares one permission, and this middleware holds every request to it.

A route is declared as `@get("/api/v1/hosts", operation_id="listHosts", permission=Permission.HOSTS_READ)`; one that
anybody may use says `permission=PUBLIC`. `declared_permission` raises where a route says nothing, which stops the start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from msgspec import json

from phoenix_platform.core.errors import PhoenixError
from phoenix_platform.domain.actors import Actor
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.domain.sign_ins import UnauthenticatedError
from phoenix_platform.server.errors import (
    IncompleteRouteError,
    TooManyRequestsError,
)
from phoenix_platform.server.problems import MEDIA_TYPE, headers_of, problem_of
from phoenix_platform.server.rate_limits import RateLimiter
from phoenix_platform.server.scopes import request_id_of, set_allowance

PUBLIC: Final = "public"
"""Anybody may use it, signed in or not: probes, sign-in, enrolment, keys for verifying."""

Declared: TypeAlias = Permission | Literal["public"]

_BEARER: Final = b"bearer "


class Authenticate(Protocol):
    async def __call__(self, token: str) -> Actor:
        """Who carries this token (the part after `Bearer`).

        Raises:
            PhoenixError: If nobody does any more, or nobody ever did.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    actors: RateLimiter
    addresses: RateLimiter


def declared_permission(handler: BaseRouteHandler) -> Declared:
    """What a route asks for.

    Raises:
        IncompleteRouteError: If it does not say.
    """
    if isinstance(handler, HTTPRouteHandler) and handler.http_methods == {"OPTIONS"}:
        return PUBLIC  # made by the framework: answers the header Allow and nothing else
    permission: object = handler.opt.get("permission")
    if permission == PUBLIC:
        return PUBLIC
    if not isinstance(permission, Permission):
        raise IncompleteRouteError(
            f"{handler}: declares no permission; write permission=Permission.… or permission=PUBLIC"
        )
    return permission


class Admission:
    """ASGI middleware of every route: who asks, how often, and whether they may."""

    def __init__(self, app: ASGIApp, *, authenticate: Authenticate, limits: RateLimits) -> None:
        self._app = app
        self._authenticate = authenticate
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.WEBSOCKET:
            try:
                await self._admit(scope)
            except PhoenixError as error:
                await receive()  # websocket.connect
                await refuse(scope, send, error)
                return
        else:
            await self._admit(scope)
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope) -> None:
        handler = scope["route_handler"]
        permission = declared_permission(handler)
        if permission == PUBLIC:
            if handler.opt.get("rate_limited", True):
                _take(scope, self._limits.addresses, _address(scope))
            return
        try:
            actor = await self._authenticate(bearer_token(scope))
        except UnauthenticatedError:
            # Who guesses tokens is counted by address, as nobody stands behind them.
            _take(scope, self._limits.addresses, _address(scope))
            raise
        _take(scope, self._limits.actors, f"{actor.tenant_id}:{actor.kind}:{actor.id}")
        actor.require(permission)
        scope["user"] = actor


def _take(scope: Scope, limiter: RateLimiter, key: str) -> None:
    try:
        allowance = limiter.take(key)
    except TooManyRequestsError:
        set_allowance(scope, limiter.exhausted())
        raise
    set_allowance(scope, allowance)


def _address(scope: Scope) -> str:
    client = scope["client"]
    return client[0] if client else "unknown"


def bearer_token(scope: Scope) -> str:
    """The token of the request.

    Raises:
        UnauthenticatedError: If it carries none, or more than one.
    """
    found = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    if len(found) != 1 or not found[0].lower().startswith(_BEARER):
        raise UnauthenticatedError(
            "nobody is signed in: send the header Authorization: Bearer <token>"
        )
    return found[0][len(_BEARER) :].decode("latin-1").strip()


async def refuse(scope: Scope, send: Send, error: PhoenixError) -> None:
    """Answer a WebSocket that is not accepted: as HTTP where the server can, else with 1008."""
    if not _may_answer(scope):
        close: Message = {"type": "websocket.close", "code": 1008, "reason": error.code}
        await send(close)
        return
    problem = problem_of(error, request_id=request_id_of(scope))
    headers = [(b"content-type", MEDIA_TYPE.encode())]
    headers += [
        (name.lower().encode(), value.encode()) for name, value in headers_of(error).items()
    ]
    start: Message = {
        "type": "websocket.http.response.start",
        "status": problem.status,
        "headers": headers,
    }
    await send(start)
    body: Message = {
        "type": "websocket.http.response.body",
        "body": json.encode(problem),
        "more_body": False,
    }
    await send(body)


def _may_answer(scope: Mapping[str, object]) -> bool:
    """Whether the server can refuse a WebSocket with a response (ASGI's denial response)."""
    extensions = scope.get("extensions")
    return isinstance(extensions, Mapping) and "websocket.http.response" in extensions
