"""The events of a YAML text, typed: the only place that touches ruamel.yaml, whose classes have no types.

Called by `documents`.
"""

from dataclasses import dataclass
from enum import StrEnum
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from phoenix_platform.core.errors import InvalidInputError


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    line: int
    """Counted from 1."""
    column: int
    """Counted from 1."""


class EventKind(StrEnum):
    STREAM_START = "StreamStartEvent"
    STREAM_END = "StreamEndEvent"
    DOCUMENT_START = "DocumentStartEvent"
    DOCUMENT_END = "DocumentEndEvent"
    MAPPING_START = "MappingStartEvent"
    MAPPING_END = "MappingEndEvent"
    SEQUENCE_START = "SequenceStartEvent"
    SEQUENCE_END = "SequenceEndEvent"
    SCALAR = "ScalarEvent"
    ALIAS = "AliasEvent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    kind: EventKind
    mark: Mark
    anchor: str | None = None
    """Of a node its own anchor, of an alias the anchor it points to."""
    tag: str | None = None
    """As written, resolved; `None` where none is written."""
    text: str = ""
    is_plain: bool = False
    """Whether a scalar stands without quotes and is not a block."""
    is_flow: bool = False
    """Whether a collection is written in braces or brackets."""
    start: int = 0
    """Index into the text of its first character, anchor and tag included."""
    end: int = 0
    """Index behind its last character; a block scalar ends behind its last line."""


_NODES: Final = frozenset(
    {EventKind.MAPPING_START, EventKind.SEQUENCE_START, EventKind.SCALAR, EventKind.ALIAS}
)


def events_of(text: str, *, name: str) -> tuple[Event, ...]:
    """Every event of the text, in order.

    Raises:
        InvalidInputError: Where the text stops being YAML; starts with `name:line:column`.
    """
    parser: Any = YAML(typ="safe", pure=True)
    try:
        return tuple(map(_event_of, parser.parse(StringIO(text))))
    except MarkedYAMLError as error:
        fault: Any = error
        mark = fault.problem_mark or fault.context_mark
        reason = fault.problem or fault.context
        line, column = mark.line + 1, mark.column + 1
        raise InvalidInputError(
            f"{name}:{line}:{column}: not YAML: {reason}", line=line, column=column
        ) from error
    except YAMLError as error:
        raise InvalidInputError(f"{name}: not YAML: {' '.join(str(error).split())}") from error


def _event_of(event: Any) -> Event:
    kind = EventKind(type(event).__name__)
    mark = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
    start, end = int(event.start_mark.index), int(event.end_mark.index)
    if kind not in _NODES:
        return Event(kind=kind, mark=mark, start=start, end=end)
    if kind is EventKind.ALIAS:
        return Event(kind=kind, mark=mark, anchor=str(event.anchor), start=start, end=end)
    tag = None if event.tag is None else str(event.tag)
    is_scalar = kind is EventKind.SCALAR
    return Event(
        kind=kind,
        mark=mark,
        anchor=None if event.anchor is None else str(event.anchor),
        tag=tag if tag != "None" else None,
        text=str(event.value) if is_scalar else "",
        is_plain=is_scalar and event.style is None,
        is_flow=not is_scalar and event.flow_style is True,
        start=start,
        end=end,
    )
