"""Experiments as people write them down: YAML in the shape of the API, durations and shares as people say them.

`docs/reference/experiment.schema.json` is written from here.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from phoenix_platform.core.errors import InvalidInputError, NotFoundError
from phoenix_platform.core.units import parse_duration, parse_share
from phoenix_platform.pipelines.documents import Document, read_document, thawed
from phoenix_platform.wire.v1.experiments import NewExperimentRequest

_DURATIONS: Final = frozenset(
    field.name for field in msgspec.structs.fields(NewExperimentRequest) if field.type is timedelta
)
_SHARES: Final = frozenset({"target_reduction", "min_coverage", "min_recall", "max_host_cpu_share"})
_DURATION_FORM: Final = r"^(P.+|(\d+(\.\d+)?(ms|s|m|h|d))+)$"
_SHARE_FORM: Final = r"^\d+(\.\d+)?%$"


def read_experiment(file: Path, said: Mapping[str, Any]) -> NewExperimentRequest:
    """What the file asks for; what was said on the command line goes before it.

    Raises:
        NotFoundError: If there is no such file.
        InvalidInputError: If it does not fit the schema; names the field.
    """
    document = _document_in(file)
    found: object = thawed(document.root)
    if not isinstance(found, dict):
        raise InvalidInputError(
            f"--file: {file} holds no fields; write `name: …` and below it `candidate: …`"
        )
    fields = cast("dict[str, Any]", found)
    try:
        return experiment_of({**fields, **said})
    except InvalidInputError as error:
        field = re.split(r"[.\[:]", str(error), maxsplit=1)[0]
        if field not in fields or field in said:
            raise
        raise InvalidInputError(f"{document.place((field,))}: {error}") from error


def experiment_of(fields: Mapping[str, Any]) -> NewExperimentRequest:
    """The request with these fields.

    Raises:
        InvalidInputError: If they do not fit the schema; names the field.
    """
    read = {name: _read(name, value) for name, value in fields.items()}
    try:
        return msgspec.convert(read, NewExperimentRequest)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at ")
        where = place.strip("`").removeprefix("$.") or "experiment"
        raise InvalidInputError(f"{where}: {text[:1].lower()}{text[1:]}") from error


def experiment_schema() -> dict[str, Any]:
    """The JSON schema of such a file, for editors and for checks before a merge."""
    schema = msgspec.json.schema(NewExperimentRequest)
    definition = schema["$defs"]["NewExperimentRequest"]
    for name, field in definition["properties"].items():
        if name in _DURATIONS:
            field.pop("format")
            field["pattern"] = _DURATION_FORM
            field["examples"] = ["10s", "1h30m", "PT15M"]
        elif name in _SHARES:
            plain = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
            said = {"type": "string", "pattern": _SHARE_FORM, "examples": ["30%"]}
            none = [{"type": "null"}] if field.get("default", 0) is None else []
            definition["properties"][name] = {
                "anyOf": [plain, said, *none],
                "default": field["default"],
            }
    definition["title"] = "Experiment"
    definition["description"] = (
        "What `phoenix experiment create --file` reads. Durations are written `90s`, `1h30m` or as ISO 8601; "
        "shares `30%` or 0.3."
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _document_in(file: Path) -> Document:
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"--file: no such file: {file}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"--file: cannot read {file}: {error}") from error
    return read_document(text, name=str(file))


def _read(name: str, value: Any) -> Any:
    """A value as the API takes it."""
    if name in _DURATIONS and isinstance(value, str) and not value.startswith("P"):
        return parse_duration(value, field=name)
    if name in _SHARES and isinstance(value, str):
        return parse_share(value, field=name)
    return value
