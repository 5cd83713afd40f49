"""YAML documents, read the way the collector reads them, with the place of every key.

ruamel.yaml splits the text into events; the rules that decide about meaning (which scalar is a number,
which keys collide, what a merge does) stand here, because the collector refuses or reads differently what
YAML libraries let pass. `configurations` and `catalog` read through this module `emission`
writes what this module reads back the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.scalars import Scalar, resolve_plain
from phoenix_platform.pipelines.yaml_events import Event, EventKind, Mark, events_of

Value: TypeAlias = Scalar | tuple["Value", ...] | Mapping[str, "Value"]
"""A frozen YAML value: mappings are read-only, sequences are tuples."""

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list indexes from the top of a document to a value."""

MAX_DEPTH: Final = 100
"""Levels of nesting. The deepest real configurations have about ten; the reader recurses per level."""
MAX_VALUES: Final = 200_000
"""Values after aliases are expanded, so that a few lines of anchors cannot fill the memory."""

_PLAIN_TAGS: Final = tuple(f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq"))


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One reason why a collector would not read a configuration."""

    mark: Mark
    rule: str
    """Which of our rules it breaks, in kebab-case; stable."""
    reason: str
    component: str = ""
    """`type[/name]` of the component it is in, if it is in one."""


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    """What messages call it: a file's path or a catalog name."""
    text: str
    root: Value
    marks: Mapping[Path, Mark]
    """Where each key and each list entry starts. What an alias or a merge brought has its anchor's place."""

    def mark(self, path: Path) -> Mark:
        """Where the value is, or the nearest part above it that was written down."""
        while path not in self.marks:
            path = path[:-1]
        return self.marks[path]

    def place(self, path: Path) -> str:
        """The same as `name:line:column`."""
        mark = self.mark(path)
        return f"{self.name}:{mark.line}:{mark.column}"


def read_document(text: str, *, name: str, faults: list[Fault] | None = None) -> Document:
    """Read one YAML document.

    Args:
        text: The document.
        name: What messages call it.
        faults: Takes what is wrong and can be read over (a duplicate key: the first stays; a tag that is
            not read, a key that is not text, a second document: left out); without it that is raised.

    Raises:
        InvalidInputError: If the text is no YAML, has no or several documents, a duplicate key, two merge
            keys in one mapping, a key that is not text, an unknown tag, or is too deep or too large.
    """
    return _Reader(name, text, iter(events_of(text, name=name)), faults).document()


def thawed(value: Value) -> Any:
    """The same value in fresh dicts and lists."""
    match value:
        case Mapping():
            return {key: thawed(member) for key, member in value.items()}
        case tuple():
            return [thawed(member) for member in value]
        case _:
            return value


@dataclass(frozen=True, slots=True)
class _Node:
    """A value with the places inside it, relative to itself; shared by all its aliases."""

    value: Value
    marks: Mapping[Path, Mark]
    size: int
    is_merge: bool = False


class _Reader:
    """Turns the events of one document into a value (recursive descent, one method per kind of node)."""

    def __init__(
        self, name: str, text: str, events: Iterator[Event], faults: list[Fault] | None
    ) -> None:
        self._name = name
        self._text = text
        self._events = events
        self._faults = faults
        self._anchors: dict[str, _Node] = {}
        self._depth = 0

    def document(self) -> Document:
        next(self._events)  # the start of the stream
        if next(self._events).kind is not EventKind.DOCUMENT_START:
            raise InvalidInputError(
                f"{self._name}: empty; a configuration needs receivers, exporters and service"
            )
        node = self._node(next(self._events))
        next(self._events)  # the end of the document
        following = next(self._events)
        if following.kind is EventKind.DOCUMENT_START:
            self._refuse(following, "second-document", "a second document; keep one per file")
        marks = MappingProxyType({(): Mark(1, 1), **node.marks})
        return Document(self._name, self._text, node.value, marks)

    def _node(self, event: Event) -> _Node:
        if event.kind is EventKind.ALIAS:
            return self._alias(event)
        if event.tag is not None and event.tag not in _PLAIN_TAGS:
            reason = f"the tag {event.tag} is not read here; write the plain value"
            self._refuse(event, "unknown-tag", reason)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._refusal(event, f"nested deeper than {MAX_DEPTH} levels")
        match event.kind:
            case EventKind.MAPPING_START:
                node = self._mapping()
            case EventKind.SEQUENCE_START:
                node = self._sequence()
            case _:
                node = _scalar(event)
        self._depth -= 1
        if node.size > MAX_VALUES:
            raise self._refusal(event, f"more than {MAX_VALUES} values once aliases are expanded")
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Event) -> _Node:
        node = self._anchors.get(event.anchor or "")
        if node is None:
            reason = f"the alias *{event.anchor} has no anchor before it"
            self._refuse(event, "unknown-anchor", reason)
            return _Node(None, {}, 1)
        return node

    def _sequence(self) -> _Node:
        values: list[Value] = []
        marks: dict[Path, Mark] = {}
        size = 1
        while (event := next(self._events)).kind is not EventKind.SEQUENCE_END:
            index = len(values)
            marks[(index,)] = event.mark
            node = self._node(event)
            _adopt(marks, index, node)
            values.append(node.value)
            size += node.size
        return _Node(tuple(values), marks, size)

    def _mapping(self) -> _Node:
        members: dict[str, Value] = {}
        marks: dict[Path, Mark] = {}
        merged: list[_Node] | None = None
        size = 1
        while (event := next(self._events)).kind is not EventKind.MAPPING_END:
            key_node = self._node(event)
            node = self._node(next(self._events))
            size += 1 + node.size
            if key_node.is_merge:
                if merged is not None:
                    reason = "a second merge key <<; write one with a list: <<: [*a, *b]"
                    self._refuse(event, "second-merge-key", reason)
                merged = [*(merged or ()), *self._merged(event, node)]
                continue
            key = self._key(event, key_node, members)
            if key is None:
                continue
            members[key] = node.value
            marks[(key,)] = event.mark
            _adopt(marks, key, node)
        for source in merged or ():
            _merge(members, marks, source)
        return _Node(MappingProxyType(members), marks, size)

    def _key(self, event: Event, node: _Node, members: Mapping[str, Value]) -> str | None:
        """The key, None if its member cannot be kept."""
        if not isinstance(node.value, str):
            shown = "a collection" if isinstance(node.value, (tuple, Mapping)) else repr(node.value)
            reason = f"a key that is not text: {shown}; put it in quotes"
            self._refuse(event, "key-not-text", reason)
            return None
        if node.value in members:
            reason = f"duplicate key {node.value!r}; keep one of the two"
            self._refuse(event, "duplicate-key", reason)
            return None
        return node.value

    def _merged(self, event: Event, node: _Node) -> list[_Node]:
        """What `<<` brings: one mapping or a list of them, the first winning."""
        if isinstance(node.value, Mapping):
            return [node]
        entries = node.value if isinstance(node.value, tuple) else ()
        if not entries or not all(isinstance(entry, Mapping) for entry in entries):
            reason = "the merge key << takes a mapping or a list of mappings"
            self._refuse(event, "merge-of-no-mapping", reason)
            return []
        return [
            _Node(
                entry,
                {
                    path[1:]: mark
                    for path, mark in node.marks.items()
                    if path[0] == index and path[1:]
                },
                1,
            )
            for index, entry in enumerate(entries)
        ]

    def _refuse(self, event: Event, rule: str, reason: str) -> None:
        if self._faults is None:
            raise self._refusal(event, reason)
        self._faults.append(Fault(event.mark, rule, reason))

    def _refusal(self, event: Event, reason: str) -> InvalidInputError:
        mark = event.mark
        return InvalidInputError(
            f"{self._name}:{mark.line}:{mark.column}: {reason}", line=mark.line, column=mark.column
        )


def _scalar(event: Event) -> _Node:
    is_plain = event.is_plain and event.tag is None
    value = resolve_plain(event.text) if is_plain else event.text
    return _Node(value, {}, 1, is_merge=is_plain and event.text == "<<")


def _adopt(marks: dict[Path, Mark], key: str | int, node: _Node) -> None:
    for path, mark in node.marks.items():
        marks[(key, *path)] = mark


def _merge(members: dict[str, Value], marks: dict[Path, Mark], source: _Node) -> None:
    """Add what is not there yet; keys written in the mapping itself win."""
    assert isinstance(source.value, Mapping)
    added = {key: value for key, value in source.value.items() if key not in members}
    members.update(added)
    marks.update({path: mark for path, mark in source.marks.items() if path[0] in added})
