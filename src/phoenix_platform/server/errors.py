"""Errors that only the edge knows: how much, how often, and in which form. `server.problems` gives each its status.

PhoenixError
├── TooManyRequestsError       somebody who asks too often
├── PreconditionMissingError   a change without If-Match
├── BodyTooLargeError          more bytes than the route takes
└── UndeclaredPermissionError  a route of ours that says nothing about who may use it: stops the start
"""

from phoenix_platform.core.errors import PhoenixError


class TooManyRequestsError(PhoenixError):
    code = "too-many-requests"

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class PreconditionMissingError(PhoenixError):
    code = "precondition-missing"


class BodyTooLargeError(PhoenixError):
    code = "body-too-large"


class UndeclaredPermissionError(PhoenixError):
    code = "undeclared-permission"
