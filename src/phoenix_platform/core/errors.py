"""Errors a caller may handle. Anything else that escapes is a bug.

PhoenixError
├── NotFoundError               the named thing does not exist
├── ConflictError               the request is valid, but not in this state
├── InvalidInputError           the request itself is wrong
└── UnavailableError            a peer, a program or a file failed; trying again may help
"""

from typing import ClassVar


class PhoenixError(Exception):
    """Base class; carries a stable `code` and the facts of the failure."""

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, **facts: str | float | None) -> None:
        super().__init__(message)
        self.facts = facts


class NotFoundError(PhoenixError):
    code = "not-found"


class ConflictError(PhoenixError):
    code = "conflict"


class InvalidInputError(PhoenixError):
    code = "invalid-input"


class UnavailableError(PhoenixError):
    code = "unavailable"
