"""Errors on the wire: one mapping for all routes (RFC 9457). `server.app` registers `HANDLERS`.

Nothing of an error that is not ours reaches the client: a bug answers 500 with the request id, by which its
traceback is found in the log.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.types import Scope

from phoenix_platform.core.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PhoenixError,
    UnavailableError,
)
from phoenix_platform.domain.actors import ForbiddenError
from phoenix_platform.domain.sign_ins import TooManyAttemptsError, UnauthenticatedError
from phoenix_platform.otlp.errors import BodyTooLargeError
from phoenix_platform.server.errors import (
    PreconditionMissingError,
    TooManyRequestsError,
)
from phoenix_platform.server.scopes import operation_of, request_id_of

MEDIA_TYPE: Final = "application/problem+json"

STATUS_OF: Final[Mapping[type[PhoenixError], HTTPStatus]] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
    TooManyAttemptsError: HTTPStatus.TOO_MANY_REQUESTS,
    PreconditionMissingError: HTTPStatus.PRECONDITION_REQUIRED,
    BodyTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    PhoenixError: HTTPStatus.INTERNAL_SERVER_ERROR,
}

CODE_OF_STATUS: Final[Mapping[int, str]] = {
    400: "bad-request",
    401: UnauthenticatedError.code,
    403: ForbiddenError.code,
    404: NotFoundError.code,
    405: "method-not-allowed",
    413: BodyTooLargeError.code,
    415: "unsupported-media-type",
    429: TooManyRequestsError.code,
    503: UnavailableError.code,
}
"""What the framework itself answers; anything else of it is `bad-request` (4xx) or `internal` (5xx)."""

_log = structlog.get_logger("phoenix.http")


class FieldMistake(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the request that is wrong."""

    path: str
    """Where: `body.duration`, `query.limit`."""
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What every error answers (RFC 9457)."""

    type: str
    """`/problems/<code>`: the same word as `code`, as the RFC wants it."""
    title: str
    status: int
    detail: str
    """Which field, which value, which fix."""
    code: str
    """Stable; read this, never the text."""
    facts: dict[str, str | float | None] = msgspec.field(
        default_factory=dict[str, str | float | None]
    )
    fields: list[FieldMistake] = msgspec.field(default_factory=list[FieldMistake])
    request_id: str | None = None
    """The same as in the header `X-Request-Id` and in the log."""


def status_of(error: type[PhoenixError]) -> HTTPStatus:
    return next(STATUS_OF[base] for base in error.__mro__ if base in STATUS_OF)


def problem_of(error: Exception, *, request_id: str | None = None) -> Problem:
    """The problem that an exception is for the client."""
    match error:
        case PhoenixError() if status_of(
            type(error)
        ) < HTTPStatus.INTERNAL_SERVER_ERROR or isinstance(error, UnavailableError):
            status = status_of(type(error))
            detail, facts, code = str(error), dict(error.facts), error.code
            return _problem(status, code, detail, facts=facts, request_id=request_id)
        case HTTPException() if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            code = CODE_OF_STATUS.get(error.status_code, "bad-request")
            fields = _fields(error.extra)
            if error.status_code == HTTPStatus.BAD_REQUEST and fields:
                # A body or a parameter that does not fit its schema is like any other wrong value.
                return _problem(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    InvalidInputError.code,
                    "; ".join(f"{one.path}: {one.message}" for one in fields),
                    fields=fields,
                    request_id=request_id,
                )
            status = HTTPStatus(error.status_code)
            return _problem(status, code, _detail(status, error), request_id=request_id)
        case _:
            return _problem(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                PhoenixError.code,
                "a bug of ours; the server's log has it under this request id",
                request_id=request_id,
            )


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The response to an exception; a bug is logged here, with its traceback."""
    problem = problem_of(error, request_id=request_id_of(request.scope))
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request failed", exc_info=error, operation=operation_of(request.scope))
    return Response(
        problem,
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=headers_of(error),
    )


def headers_of(error: Exception) -> dict[str, str]:
    """Headers that belong to an error: what to do about it, and when."""
    match error:
        case TooManyRequestsError() | TooManyAttemptsError():
            return {"Retry-After": str(max(1, -int(-error.retry_after_seconds // 1)))}
        case UnavailableError():
            return {"Retry-After": "2"}
        case UnauthenticatedError():
            return {"WWW-Authenticate": 'Bearer realm="phoenix"'}
        case HTTPException():
            return {
                name: value
                for name, value in (error.headers or {}).items()
                if name.lower() == "allow"
            }
        case _:
            return {}


async def log_websocket_bug(error: Exception, scope: Scope) -> None:
    """A hook of the framework: bugs behind a WebSocket pass no handler, they only close it with 4500."""
    if scope["type"] == ScopeType.WEBSOCKET and not isinstance(error, PhoenixError | HTTPException):
        _log.error("websocket failed", exc_info=error, operation=operation_of(scope))


HANDLERS: Final[
    dict[int | type[Exception], Callable[[Request[Any, Any, Any], Exception], Response[Any]]]
] = {
    PhoenixError: answer,
    HTTPException: answer,
    Exception: answer,
}


def _problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    *,
    facts: dict[str, str | float | None] | None = None,
    fields: list[FieldMistake] | None = None,
    request_id: str | None = None,
) -> Problem:
    return Problem(
        type=f"/problems/{code}",
        title=status.phrase,
        status=status.value,
        detail=detail,
        code=code,
        facts=facts or {},
        fields=fields or [],
        request_id=request_id,
    )


def _detail(status: HTTPStatus, error: HTTPException) -> str:
    match status:
        case HTTPStatus.NOT_FOUND:
            return "no such thing here; /api/v1/openapi.json lists what there is"
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return "not by this method; the header Allow lists those that are"
        case _:
            return error.detail


class _Extra(msgspec.Struct, frozen=True):
    """One mistake as the framework tells it."""

    message: str = "wrong"
    key: str = ""
    source: str = "body"


def _fields(extra: dict[str, Any] | list[Any] | None) -> list[FieldMistake]:
    if not isinstance(extra, list):
        return []
    mistakes = msgspec.convert(extra, list[_Extra], strict=False)
    return [
        FieldMistake(path=f"{one.source}.{one.key}" if one.key else one.source, message=one.message)
        for one in mistakes
    ]
