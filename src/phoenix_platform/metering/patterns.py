"""Patterns that name processes: `nginx` · `postgres*` · `/^java.*$/` · `owner:root`.

As the `reduce` processor reads them (`patterns.go`): one table of cases is tested in both languages.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.expressions import ForeignExpressionError, compile_alike
from phoenix_platform.otlp.series import Attributes

DEFAULT_FIELD: Final = "process.executable.name"

ATTRIBUTE_OF_PREFIX: Final[Mapping[str, str]] = {
    "name": DEFAULT_FIELD,
    "command": "process.command",
    "command_line": "process.command_line",
    "owner": "process.owner",
    "cgroup": "process.cgroup",
    "path": "process.executable.path",
}


@dataclass(frozen=True, slots=True)
class ProcessPattern:
    """One pattern over one attribute of a process."""

    text: str
    """As the user wrote it."""
    attribute: str
    matches_value: Callable[[str], bool]

    def matches(self, attributes: Attributes) -> bool:
        """Whether a process with these resource attributes is meant."""
        value = attributes.get(self.attribute)
        return isinstance(value, str) and self.matches_value(value)


def parse_pattern(text: str, *, field: str = "critical") -> ProcessPattern:
    """Read an exact name, a glob or a regular expression, with or without a field prefix.

    Raises:
        InvalidInputError: If it is empty, or its regular expression is not one that RE2 takes.
    """
    prefix, colon, rest = text.partition(":")
    attribute = ATTRIBUTE_OF_PREFIX.get(prefix) if colon else None
    body = rest if attribute else text
    if not body.strip():
        raise InvalidInputError(
            f"{field}: empty pattern {text!r}; name an executable, such as nginx"
        )
    return ProcessPattern(text, attribute or DEFAULT_FIELD, _matcher(body, text, field))


def _matcher(body: str, text: str, field: str) -> Callable[[str], bool]:
    if len(body) > 1 and body.startswith("/") and body.endswith("/"):
        return _regular_expression(body[1:-1], text, field)
    if "*" in body or "?" in body:
        return _as_predicate(re.compile(_expression_of(body), re.DOTALL))
    return body.__eq__


def _expression_of(glob: str) -> str:
    """`*` is any text, `?` any character, and all others are themselves."""
    meant = {"*": ".*", "?": "."}
    return rf"\A{''.join(meant.get(sign) or re.escape(sign) for sign in glob)}\Z"


def _regular_expression(expression: str, text: str, field: str) -> Callable[[str], bool]:
    try:
        return _as_predicate(compile_alike(expression))
    except ForeignExpressionError as error:
        raise InvalidInputError(
            f"{field}: {text!r} has {error}: Python and the collector's regular expressions (RE2) do not read "
            "that alike; write it without"
        ) from error
    except re.error as error:
        raise InvalidInputError(f"{field}: {text!r} is no regular expression: {error}") from error


def _as_predicate(expression: re.Pattern[str]) -> Callable[[str], bool]:
    def matches(value: str) -> bool:
        return expression.search(value) is not None

    return matches
