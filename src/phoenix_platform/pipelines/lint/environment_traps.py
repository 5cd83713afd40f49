"""Rules about references to the environment: what the collector makes of them is not what it looks like.

Called by `linting`. Source: changes of go.opentelemetry.io/collector/confmap in the upstream changelog.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Version
from phoenix_platform.pipelines.documents import Path, Value, read_document
from phoenix_platform.pipelines.environment import references_in
from phoenix_platform.pipelines.findings import Severity
from phoenix_platform.pipelines.lint.subjects import Found, Subject

_DEFAULTS_SINCE: Final[Version] = (0, 110, 0)
_BARE_UNTIL: Final[Version] = (0, 104, 0)
"""From here on a bare `$NAME` is an error, and from 0.107 on plain text."""

_BARE: Final = re.compile(r"(?<!\$)(?:\$\$)*\$([A-Z][A-Z0-9_]{2,})\b")
_ESCAPED_BEFORE: Final = re.compile(r"\$\$\{.*(?<!\$)\$\{", re.DOTALL)


def environment_traps(subject: Subject) -> Iterator[Found]:
    seen: set[tuple[str, str]] = set()
    for path, text in _texts(subject.configuration.root, ()):
        component = str(path[1]) if len(path) > 1 and path[0] != "service" else ""
        for rule, name, severity, message, fix in _traps(text, subject.version):
            if (rule, name) not in seen:  # once per variable, at its first place
                seen.add((rule, name))
                yield subject.found(rule, severity, path, message, fix=fix, component=component)


def _traps(text: str, version: Version | None) -> Iterator[tuple[str, str, Severity, str, str]]:
    for reference in references_in(text):
        name, default = reference.name, reference.default
        if default is None:
            yield (
                "env-not-set", name, Severity.NOTE,
                f"needs the environment variable {name}; without it the value is empty",
                f"set it, or write a default: ${{env:{name}:-...}}",
            )  # fmt: skip
            continue
        if version is not None and version < _DEFAULTS_SINCE:
            yield (
                "env-default-not-yet", name, Severity.ERROR,
                f"the default of {name} is read by 0.110.0 and later only",
                f"write ${{env:{name}}} and set the variable",
            )  # fmt: skip
        if default:
            yield (
                "env-default-not-for-empty", name, Severity.NOTE,
                f"the default of {name} applies when it is unset, not when it is empty",
                "unset it rather than setting it to nothing",
            )  # fmt: skip
        if _changes_type(default):
            yield (
                "env-default-retyped", name, Severity.WARNING,
                f"the default of {name} is read as another number than it looks like",
                "choose another spelling, or put it in quotes inside the reference",
            )  # fmt: skip
    for match in _BARE.finditer(text):
        is_read = version is not None and version < _BARE_UNTIL
        yield (
            "env-without-braces", match[1], Severity.NOTE if is_read else Severity.WARNING,
            f"${match[1]} without braces is no reference for 0.104.0 and later",
            f"write ${{env:{match[1]}}}, or $${match[1]} if the dollar is meant",
        )  # fmt: skip
    if _ESCAPED_BEFORE.search(text):
        yield (
            "env-after-escape", text, Severity.WARNING,
            "an escaped $${ stops the expansion of what follows in the same text",
            "put the reference first, or in a text of its own",
        )  # fmt: skip


def _changes_type(default: str) -> bool:
    """Whether YAML reads digits differently than they are written: octal, hex, underscores, exponents."""
    try:
        value = read_document(default, name="default").root if default.strip() else default
    except InvalidInputError:
        return False
    return isinstance(value, (int, float)) and not isinstance(value, bool) and str(value) != default


def _texts(value: Value, path: Path) -> Iterator[tuple[Path, str]]:
    match value:
        case str():
            yield path, value
        case Mapping():
            for key, member in value.items():
                yield from _texts(member, (*path, key))
        case tuple():
            for index, member in enumerate(value):
                yield from _texts(member, (*path, index))
        case _:
            return
