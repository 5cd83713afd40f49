"""What the layers of the edge tell each other about a request, in the `state` of its ASGI scope."""

from typing import Final

from litestar.types import Scope

from phoenix_platform.application.ports import Begin
from phoenix_platform.server.rate_limits import Allowance

_REQUEST_ID: Final = "phoenix_request_id"
_ALLOWANCE: Final = "phoenix_allowance"
_BEGIN: Final = "phoenix_begin"


def set_request_id(scope: Scope, request_id: str) -> None:
    scope.setdefault("state", {})[_REQUEST_ID] = request_id


def request_id_of(scope: Scope) -> str | None:
    found = scope.get("state", {}).get(_REQUEST_ID)
    return found if isinstance(found, str) else None


def set_allowance(scope: Scope, allowance: Allowance) -> None:
    """What the asker has left, for the headers of the answer."""
    scope.setdefault("state", {})[_ALLOWANCE] = allowance


def allowance_of(scope: Scope) -> Allowance | None:
    found = scope.get("state", {}).get(_ALLOWANCE)
    return found if isinstance(found, Allowance) else None


def set_begin(scope: Scope, begin: Begin) -> None:
    """The transaction that this request's use case joins."""
    scope.setdefault("state", {})[_BEGIN] = begin


def begin_of(scope: Scope) -> Begin | None:
    found: Begin | None = scope.get("state", {}).get(_BEGIN)
    return found
