"""What the layers of the edge tell each other about a request, in the `state` of its ASGI scope."""

from collections.abc import Mapping
from typing import Final

from litestar.types import Scope

from phoenix_platform.application.ports import Begin
from phoenix_platform.domain.actors import Actor
from phoenix_platform.server.rate_limits import Allowance

_REQUEST_ID: Final = "phoenix_request_id"
_ALLOWANCE: Final = "phoenix_allowance"
_BEGIN: Final = "phoenix_begin"


def begin_request(scope: Scope, request_id: str) -> None:
    """Called first of all: the others find the state there."""
    scope["state"] = {_REQUEST_ID: request_id}


def request_id_of(scope: Scope) -> str | None:
    found: str | None = scope["state"].get(_REQUEST_ID)
    return found


def set_allowance(scope: Scope, allowance: Allowance) -> None:
    """What the asker has left, for the headers of the answer."""
    scope["state"][_ALLOWANCE] = allowance


def allowance_of(scope: Scope) -> Allowance | None:
    found: Allowance | None = scope["state"].get(_ALLOWANCE)
    return found


def set_begin(scope: Scope, begin: Begin) -> None:
    """The transaction that this request's use case joins."""
    scope["state"][_BEGIN] = begin


def begin_of(scope: Scope) -> Begin | None:
    found: Begin | None = scope["state"].get(_BEGIN)
    return found


def actor_of(scope: Mapping[str, object]) -> Actor | None:
    """Who asks; None on routes that are for everybody."""
    found = scope.get("user")
    return found if isinstance(found, Actor) else None


def operation_of(scope: Mapping[str, object]) -> str:
    """The operation id of the route that was taken, else its path; one word for whatever matched none."""
    operation_id = getattr(scope.get("route_handler"), "operation_id", None)
    return str(operation_id or scope.get("path_template") or "unmatched")
