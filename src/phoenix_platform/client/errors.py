"""What the control plane answers when it refuses, as errors that callers handle.

`connections` raises them. Each keeps the server's stable code, the status and the request id among its facts.

PhoenixError
├── NotFoundError, ConflictError, InvalidInputError, UnavailableError   as in `core.errors`
└── DeniedError   nobody is signed in, or whoever is may not do it
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from phoenix_platform.core.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PhoenixError,
    UnavailableError,
)


class DeniedError(PhoenixError):
    """Sign in, or ask for the permission."""

    code = "denied"


class FieldMistake(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """As much of an `application/problem+json` as a client reads (RFC 9457)."""

    detail: str
    code: str
    facts: dict[str, str | float | None] = {}
    fields: list[FieldMistake] = []
    request_id: str | None = None


_KIND_OF: Final[Mapping[int, type[PhoenixError]]] = {
    HTTPStatus.UNAUTHORIZED: DeniedError,
    HTTPStatus.FORBIDDEN: DeniedError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.PRECONDITION_FAILED: ConflictError,
    HTTPStatus.TOO_MANY_REQUESTS: UnavailableError,
    HTTPStatus.INTERNAL_SERVER_ERROR: PhoenixError,
}
"""Of the other statuses, 5xx is an `UnavailableError` and everything else an `InvalidInputError`."""


def error_of(status: int, body: bytes) -> PhoenixError:
    """The error that an answer of this status stands for.

    A body that is no problem of ours came from something in between, such as a proxy: then only the status is told.
    """
    kind = _KIND_OF.get(status)
    if kind is None:
        kind = UnavailableError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else InvalidInputError
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return kind(
            f"server: answered {status} and is no control plane; check its address", status=status
        )
    facts: dict[str, str | float | None] = {
        **problem.facts,
        "code": problem.code,
        "status": status,
        "request_id": problem.request_id,
    }
    return kind(_sentence(status, problem), **facts)


def code_of(error: PhoenixError) -> str:
    """The stable code that the server gave, or that of the class."""
    return str(error.facts.get("code") or error.code)


def _sentence(status: int, problem: Problem) -> str:
    if status == HTTPStatus.INTERNAL_SERVER_ERROR and problem.request_id is not None:
        return f"server: {problem.detail} ({problem.request_id})"
    told = [f"{one.path}: {one.message}" for one in problem.fields]
    missing = [sentence for sentence in told if sentence not in problem.detail]
    return "; ".join([problem.detail, *missing])
