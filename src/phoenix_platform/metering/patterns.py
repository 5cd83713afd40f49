"""Patterns that name processes: `nginx` · `postgres*` · `/^java.*$/` · `owner:root`."""

import fnmatch
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.otlp.series import Attributes

DEFAULT_FIELD: Final = "process.executable.name"

ATTRIBUTE_OF_PREFIX: Final[Mapping[str, str]] = {
    "command": "process.command",
    "command_line": "process.command_line",
    "owner": "process.owner",
    "cgroup": "process.cgroup",
    "path": "process.executable.path",
}

_NOT_RE2: Final = re.compile(r"\(\?(?:[=!]|<[=!]|>|\()|\\[1-9]|\(\?P=|[*+?}]\+")
"""Look-around, back-references, atomic groups, conditions, possessive quantifiers: the collector's
RE2 has none of them, so a pattern with one would mean different things in two places."""


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
    if any(sign in body for sign in "*?["):
        return _as_predicate(re.compile(rf"\A{fnmatch.translate(body)}"))
    return body.__eq__


def _regular_expression(expression: str, text: str, field: str) -> Callable[[str], bool]:
    if _NOT_RE2.search(expression):
        raise InvalidInputError(
            f"{field}: {text!r} uses look-around, a back-reference or a possessive quantifier; "
            "the collector's regular expressions (RE2) have none: write it without"
        )
    try:
        return _as_predicate(re.compile(expression))
    except re.error as error:
        raise InvalidInputError(f"{field}: {text!r} is no regular expression: {error}") from error


def _as_predicate(expression: re.Pattern[str]) -> Callable[[str], bool]:
    def matches(value: str) -> bool:
        return expression.search(value) is not None

    return matches
