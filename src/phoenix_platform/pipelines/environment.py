"""References to the environment in a configuration: `${env:NAME}`, `${env:NAME:-default}`, `${NAME}`.

The collector puts them in when it starts. Phoenix leaves them in what it passes on unchanged, and reads
them only where it must understand a value itself (a receiver's settings). Both need to know which names are
there, and what an escaped `$$` means. Called by `host_metrics`,
`streams`, `variant_collectors` and `variants`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.documents import Value, read_document
from phoenix_platform.pipelines.scalars import parse_go_duration

_REFERENCE: Final = re.compile(r"(?P<dollars>\$+)\{(?P<body>[^${}]*)\}")
_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OTHER_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    name: str
    default: str | None
    """What stands after `:-`; used when the variable is unset, not when it is empty."""


def references_in(value: Value) -> Iterator[Reference]:
    """Every reference to the environment in the texts of a value, escaped ones left out."""
    match value:
        case str():
            for match in _REFERENCE.finditer(value):
                reference = _reference_of(match)
                if reference is not None:
                    yield reference
        case Mapping():
            for member in value.values():
                yield from references_in(member)
        case tuple():
            for member in value:
                yield from references_in(member)
        case _:
            return


def expanded(value: Value, environment: Mapping[str, str], *, field: str) -> Value:
    """The value as the collector sees it: references replaced, `$$` read as `$`.

    A text that is one reference and nothing else becomes what its content reads as in YAML, so
    `${env:N}` with N=5 is a number. An unset variable without a default reads as nothing.

    Raises:
        InvalidInputError: On `${file:...}` and other providers, which only the collector can read.

    Source: go.opentelemetry.io/collector/confmap v1.67.0, expand.go, and its env provider.
    """
    match value:
        case str():
            return _expanded_text(value, environment, field)
        case Mapping():
            return {
                key: expanded(member, environment, field=f"{field}.{key}")
                for key, member in value.items()
            }
        case tuple():
            return tuple(expanded(member, environment, field=field) for member in value)
        case _:
            return value


def read_duration(
    value: Value, environment: Mapping[str, str], *, default: timedelta, field: str
) -> timedelta:
    """A duration of a component as the collector sees it; null and nothing leave its default.

    Raises:
        InvalidInputError: If it is something else.
    """
    seen = expanded(value, environment, field=field)
    return default if seen is None else parse_go_duration(seen, field=field)


def escaped(value: Value) -> Value:
    """The value as it must be written so that the collector sees it unchanged: `$` doubled."""
    match value:
        case str():
            return value.replace("$", "$$")
        case Mapping():
            return {key: escaped(member) for key, member in value.items()}
        case tuple():
            return tuple(map(escaped, value))
        case _:
            return value


def _reference_of(match: re.Match[str]) -> Reference | None:
    # An even number of dollars before the brace's own means that they escape each other, not it.
    if len(match["dollars"]) % 2 == 0:
        return None
    body = match["body"].removeprefix("env:")
    name, marker, default = body.partition(":-")
    return Reference(name, default if marker else None) if _NAME.fullmatch(name) else None


def _expanded_text(text: str, environment: Mapping[str, str], field: str) -> Value:
    whole = _REFERENCE.fullmatch(text)
    if whole is not None and len(whole["dollars"]) == 1:
        return _yaml_of(_content_of(whole, environment, field), field)

    def inserted(match: re.Match[str]) -> str:
        if len(match["dollars"]) % 2 == 0:
            return match[0]
        return match["dollars"][1:] + _content_of(match, environment, field)

    return _REFERENCE.sub(inserted, text).replace("$$", "$")


def _content_of(match: re.Match[str], environment: Mapping[str, str], field: str) -> str:
    reference = _reference_of(match)
    if reference is None:
        shown = match[0]
        reason = (
            "only the collector can read it; write the value itself"
            if _OTHER_SCHEME.match(match["body"])
            else "not the name of an environment variable"
        )
        raise InvalidInputError(f"{field}: {shown}: {reason}")
    return environment.get(reference.name, reference.default or "")


def _yaml_of(content: str, field: str) -> Value:
    if not content.strip():
        return None
    try:
        return read_document(content, name=field).root
    except InvalidInputError:
        return content  # the collector takes what is no YAML as text
