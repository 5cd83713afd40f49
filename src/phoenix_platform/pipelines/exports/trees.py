"""A YAML text as a tree that knows where each part stands, so that one part can be replaced and all else stays.

`documents` says what a text means; this says where its pieces are. Called by `edits` and `fragments`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from phoenix_platform.pipelines.documents import Path
from phoenix_platform.pipelines.yaml_events import Event, EventKind, events_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    kind: EventKind
    start: int
    """Index of the first character, its anchor included."""
    end: int
    """Index behind the last character that belongs to it; comments and blank lines after it do not."""
    text: str = ""
    is_flow: bool = False
    anchor: str | None = None
    members: "tuple[Member, ...]" = ()
    entries: "tuple[Node, ...]" = ()

    @property
    def is_missing(self) -> bool:
        """Whether nothing is written where a value could be (`processors:`)."""
        return self.start == self.end

    @property
    def is_block(self) -> bool:
        """Whether it is a collection with a line per member."""
        return bool(self.members or self.entries) and not self.is_flow

    def member(self, key: str) -> "Member | None":
        return next((member for member in self.members if member.key.text == key), None)


@dataclass(frozen=True, slots=True)
class Member:
    key: Node
    value: Node


def read_tree(text: str, *, name: str) -> Node:
    """The tree of a text that `documents` has read before."""
    events = iter(events_of(text, name=name))
    next(event for event in events if event.kind is EventKind.DOCUMENT_START)
    return _node(text, next(events), events)


def found(root: Node, path: Path) -> Node | None:
    """The value at the path as it is written there; `None` if an alias or a merge brings it."""
    node = root
    for step in path:
        if isinstance(step, int):
            if step >= len(node.entries):
                return None
            node = node.entries[step]
        else:
            member = node.member(step)
            if member is None:
                return None
            node = member.value
    return node


def start_with_comments(text: str, line: int) -> int:
    """Where the comment lines directly above a line begin; `line` is the index of its first character."""
    while line > 0:
        above = text.rfind("\n", 0, line - 1) + 1
        if not text[above:line].lstrip(" ").startswith("#"):
            break
        line = above
    return line


def _node(text: str, event: Event, events: Iterator[Event]) -> Node:
    match event.kind:
        case EventKind.MAPPING_START:
            return _mapping(text, event, events)
        case EventKind.SEQUENCE_START:
            return _sequence(text, event, events)
        case _:
            # A block scalar's event ends behind blank lines that may belong to nobody.
            end = event.start + len(text[event.start : event.end].rstrip())
            return Node(
                kind=event.kind, start=event.start, end=end, text=event.text, anchor=event.anchor
            )


def _mapping(text: str, start: Event, events: Iterator[Event]) -> Node:
    members: list[Member] = []
    end = start.end
    while (event := next(events)).kind is not EventKind.MAPPING_END:
        key = _node(text, event, events)
        value = _node(text, next(events), events)
        if value.is_missing:
            # The event of nothing stands where the next thing begins; it belongs behind the colon.
            colon = text.find(":", key.end)
            at = colon + 1 if colon >= 0 else key.end
            value = Node(kind=value.kind, start=at, end=at)
        members.append(Member(key, value))
        end = value.end
    return Node(
        kind=start.kind,
        start=start.start,
        end=event.end if start.is_flow else end,
        is_flow=start.is_flow,
        anchor=start.anchor,
        members=tuple(members),
    )


def _sequence(text: str, start: Event, events: Iterator[Event]) -> Node:
    entries: list[Node] = []
    end = start.end
    while (event := next(events)).kind is not EventKind.SEQUENCE_END:
        entries.append(_node(text, event, events))
        end = entries[-1].end
    return Node(
        kind=start.kind,
        start=start.start,
        end=event.end if start.is_flow else end,
        is_flow=start.is_flow,
        anchor=start.anchor,
        entries=tuple(entries),
    )
