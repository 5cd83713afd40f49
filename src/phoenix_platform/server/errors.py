"""Errors that only the edge knows: how much, how often, and in which form. `server.problems` gives each its status.

PhoenixError
├── TooManyRequestsError       somebody who asks too often
├── PreconditionMissingError   a change without If-Match
└── IncompleteRouteError       a route of ours that does not say who may use it, or what it is: stops the start
"""

from phoenix_platform.core.errors import PhoenixError


class TooManyRequestsError(PhoenixError):
    code = "too-many-requests"

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class PreconditionMissingError(PhoenixError):
    code = "precondition-missing"


class IncompleteRouteError(PhoenixError):
    code = "incomplete-route"
