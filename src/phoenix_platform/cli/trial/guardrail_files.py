"""Reads the YAML file of `phoenix trial --guardrails`; what is wrong is named with its line."""

import difflib
import re
from pathlib import Path
from typing import Final

import msgspec

from phoenix_platform.analysis.queries import QueryGuardrail, parse_guardrail
from phoenix_platform.core.errors import InvalidInputError, NotFoundError
from phoenix_platform.pipelines.documents import Document, read_document, thawed
from phoenix_platform.wire.v1.guardrails import (
    QueryGuardrailsFile,
    QueryGuardrailSpec,
    query_guardrail_of,
)

_PLACE: Final = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_STEP: Final = re.compile(r"\.(?P<key>\w+)|\[(?P<index>\d+)\]")
_UNKNOWN: Final = re.compile(r"unknown field `(?P<key>[^`]*)`")


def read_guardrails(
    file: Path | None, conditions: list[str] | None
) -> tuple[tuple[QueryGuardrail, ...], str | None]:
    """The guardrails of a file and of the command line, and the Prometheus that the file names.

    Raises:
        NotFoundError: If there is no such file.
        InvalidInputError: If something in it or in a condition is wrong.
    """
    on_line = [parse_guardrail(text, field="--guardrail") for text in conditions or ()]
    if file is None:
        return tuple(on_line), None
    document = _read(file)
    try:
        content = msgspec.convert(thawed(document.root), QueryGuardrailsFile)
    except msgspec.ValidationError as error:
        raise InvalidInputError(_with_place(str(error), document)) from error
    in_file = [_guardrail(spec, document, number) for number, spec in enumerate(content.guardrails)]
    return (*in_file, *on_line), content.prometheus


def _guardrail(spec: QueryGuardrailSpec, document: Document, number: int) -> QueryGuardrail:
    try:
        return query_guardrail_of(spec)
    except InvalidInputError as error:
        raise InvalidInputError(f"{document.place(('guardrails', number))}: {error}") from error


def _read(file: Path) -> Document:
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"--guardrails: no file {file}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"--guardrails: cannot read {file}: {error}") from error
    return read_document(text, name=str(file))


def _with_place(message: str, document: Document) -> str:
    """A message of msgspec with line and column in front, and the nearest known field behind."""
    match = _PLACE.search(message)
    steps = list(_STEP.finditer(match["path"])) if match else []
    path = tuple(step["key"] or int(step["index"]) for step in steps)
    said = message if match is None else message[: match.start()]
    if unknown := _UNKNOWN.search(said):
        known = (QueryGuardrailSpec if path else QueryGuardrailsFile).__struct_fields__
        (nearest,) = difflib.get_close_matches(unknown["key"], known, n=1, cutoff=0.0)
        path, said = (*path, unknown["key"]), f"{said}; did you mean {nearest}?"
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"{document.place(path)}: {where.removeprefix('.')}: {said}"
