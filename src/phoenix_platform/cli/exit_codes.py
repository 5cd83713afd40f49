"""The exit codes of `phoenix`: one table, stable, also in docs/cli.md."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from typing import Final

from phoenix_platform.cli.output import note
from phoenix_platform.client.errors import DeniedError
from phoenix_platform.core.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PhoenixError,
    UnavailableError,
)


class ExitCode(IntEnum):
    """Below 20 the command did not do its work; 20 to 23 are verdicts other than `promote` (0)."""

    OK = 0
    BUG = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    BAD_INPUT = 5
    UNAVAILABLE = 6
    DENIED = 7
    STOP_FUTILE = 20
    INCONCLUSIVE = 21
    INVALID = 22
    ABORT = 23
    INTERRUPTED = 130
    TERMINATED = 143


EXIT_CODE_OF: Final[Mapping[type[PhoenixError], ExitCode]] = {
    NotFoundError: ExitCode.NOT_FOUND,
    ConflictError: ExitCode.CONFLICT,
    InvalidInputError: ExitCode.BAD_INPUT,
    UnavailableError: ExitCode.UNAVAILABLE,
    DeniedError: ExitCode.DENIED,
    PhoenixError: ExitCode.BUG,
}


@contextmanager
def errors_as_exit_codes() -> Generator[None]:
    """End the program with the code of the error, its message on stderr, and no traceback."""
    try:
        yield
    except PhoenixError as error:
        note(f"error: {error}")
        raise SystemExit(exit_code_of(error)) from error


def exit_code_of(error: PhoenixError) -> ExitCode:
    return next(EXIT_CODE_OF[base] for base in type(error).__mro__ if base in EXIT_CODE_OF)
