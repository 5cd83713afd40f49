"""Edits of a YAML text at a path; what is not edited stays to the letter, comments included.

Each edit reads the text anew, so that several can follow each other. Whoever edits compares what the text
then means with what it should mean: layouts nobody thought of show there. Called by `exporting`.
"""

import difflib
from collections.abc import Mapping, Sequence

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.documents import Path, Value
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.exports.trees import (
    Member,
    Node,
    found,
    read_tree,
    start_with_comments,
)
from phoenix_platform.pipelines.yaml_events import EventKind

_STEP = "  "


class Editor:
    """Holds the text while it is edited."""

    def __init__(self, text: str, *, name: str) -> None:
        self.text = text if text.endswith("\n") else f"{text}\n"
        self._name = name
        self._read: tuple[str, Node] | None = None

    @property
    def tree(self) -> Node:
        """The tree of the text as it is now; read once per change."""
        if self._read is None or self._read[0] != self.text:
            self._read = self.text, read_tree(self.text, name=self._name)
        return self._read[1]

    def has(self, path: Path) -> bool:
        return found(self.tree, path) is not None

    def is_list(self, path: Path) -> bool:
        node = found(self.tree, path)
        return node is not None and bool(node.entries)

    def is_marked(self, path: Path, mark: str) -> bool:
        """Whether the comment above the key at `path` begins with the mark."""
        node = self._member(path).key
        above = self.text[: self.text.rfind("\n", 0, node.start) + 1].rstrip("\n")
        return above[above.rfind("\n") + 1 :].lstrip().startswith(mark)

    def add_member(
        self,
        path: Path,
        key: str,
        value: Value,
        lines: Sequence[str],
        *,
        before: str | None = None,
    ) -> None:
        """Add a key to the mapping at `path`, at its end or before another key.

        Args:
            path: A mapping, or a key without a value.
            key: A key that is not there yet.
            value: What the key stands for; written where the mapping is in braces.
            lines: The whole member as a block (`key: ...`), comments included; written elsewhere.
            before: A key of the mapping, if the new one should stand there.
        """
        node = self._collection(path)
        if node.members and not node.is_flow:
            indent = self._indent(node.members[0].key.start)
            indented = [indent + line if line else line for line in lines]
            following = None if before is None else node.member(before)
            if following is None:
                self._insert_lines(node.end, indented)
            else:
                at = start_with_comments(
                    self.text, self.text.rfind("\n", 0, following.key.start) + 1
                )
                self._replace(at, at, "".join(f"{line}\n" for line in indented))
        elif node.members or self._is_inside_flow(path):
            comma = ", " if node.members else ""
            if node.members and node.members[-1].value.is_missing:
                comma = " , "  # what follows `key:` at once is taken for a part of the key
            last = node.members[-1].value.end if node.members else node.end - 1
            member = f"{comma}{_flow(key)}: {_flow(value)}"
            if node.is_missing:
                self._replace(node.start, node.end, f" {{{member}}}")
            else:
                self._replace(last, last, member)
        else:
            self._fill(path, node, lines)

    def set_member(self, path: Path, value: Value, lines: Sequence[str]) -> None:
        """Replace the value of the key at `path`; `lines` are the new value as a block."""
        member = self._member(path)
        node = member.value
        inline = not isinstance(value, (Mapping, tuple)) or not value
        if inline or self._is_inside_flow(path[:-1]):
            start = self._colon(member) + 1
            self._replace(start, node.end, f" {_flow(value)}")
            return
        # Always below the key: what is inline now may be a flow collection or a scalar.
        indent = self._indent(member.key.start) + _STEP
        start = self._colon(member) + 1
        comment = self._comment_behind(start, node)
        body = "\n".join(indent + line if line else line for line in lines)
        self._replace(start, node.end, f"{comment}\n{body}")

    def remove_member(self, path: Path, *, mark: str | None = None) -> None:
        """Remove the key at `path`, its value, and a comment above that begins with the mark.

        Others must be left in the mapping.
        """
        parent = self._collection(path[:-1])
        index = next(i for i, one in enumerate(parent.members) if one.key.text == path[-1])
        member = parent.members[index]
        if not parent.is_flow:
            start = self.text.rfind("\n", 0, member.key.start) + 1
            if mark is not None and self.is_marked(path, mark):
                start = self.text.rfind("\n", 0, start - 1) + 1
            end = self.text.find("\n", max(member.value.end, member.key.end)) + 1
            self._replace(start, end, "")
        elif index + 1 < len(parent.members):
            self._replace(member.key.start, parent.members[index + 1].key.start, "")
        else:
            start = parent.members[index - 1].value.end if index else member.key.start
            self._replace(start, max(member.value.end, member.key.end + 1), "")

    def add_entries(self, path: Path, index: int, entries: Sequence[str]) -> None:
        """Put texts into the list at `path` before its entry `index`."""
        if not entries:
            return
        node = self._collection(path)
        if not node.entries:
            self.set_list(path, entries)
        elif node.is_flow:
            if index < len(node.entries):
                at, new = node.entries[index].start, "".join(f"{_flow(one)}, " for one in entries)
            else:
                at, new = node.entries[-1].end, "".join(f", {_flow(one)}" for one in entries)
            self._replace(at, at, new)
        else:
            dash = self.text.rfind("-", 0, node.entries[0].start)
            indent = " " * (dash - self.text.rfind("\n", 0, dash) - 1)
            lines = [f"{indent}- {_flow(one)}" for one in entries]
            if index < len(node.entries):
                at = self.text.rfind("\n", 0, node.entries[index].start) + 1
                self._replace(at, at, "".join(f"{line}\n" for line in lines))
            else:
                self._insert_lines(node.entries[-1].end, lines)

    def remove_entry(self, path: Path, index: int) -> None:
        """Remove one entry of the list at `path`; others must be left."""
        node = self._collection(path)
        entry = node.entries[index]
        if not node.is_flow:
            start = self.text.rfind("\n", 0, entry.start) + 1
            self._replace(start, self.text.find("\n", entry.end) + 1, "")
        elif index + 1 < len(node.entries):
            self._replace(entry.start, node.entries[index + 1].start, "")
        else:
            self._replace(node.entries[index - 1].end, entry.end, "")

    def change_list(self, path: Path, old: Sequence[str], new: Sequence[str]) -> None:
        """Turn the list at `path` from `old` into `new`, entry by entry, so that comments stay."""
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        for tag, i1, i2, j1, j2 in reversed(matcher.get_opcodes()):
            if tag == "equal":
                continue
            self.add_entries(path, i2, new[j1:j2])
            for index in reversed(range(i1, i2)):
                self.remove_entry(path, index)

    def set_list(self, path: Path, entries: Sequence[str]) -> None:
        """Write the whole list at `path` on one line, in place of an alias, a null or another list."""
        member = self._member(path)
        new = f" [{', '.join(map(_flow, entries))}]"
        self._replace(self._colon(member) + 1, member.value.end, new)

    def replace_texts(self, changes: Mapping[int, tuple[int, str]]) -> None:
        """Replace scalars: the start of each, its end, its new text."""
        for start in sorted(changes, reverse=True):
            end, new = changes[start]
            self._replace(start, end, new)

    def replace_all(self, old: str, new: str) -> None:
        """Replace a text wherever it stands; for comments that are ours."""
        self.text = self.text.replace(old, new)

    def remove_lines(self, head: str) -> None:
        """Remove whole lines that begin with `head`."""
        lines = self.text.splitlines(keepends=True)
        self.text = "".join(line for line in lines if not line.startswith(head))

    def insert_at_top(self, lines: Sequence[str]) -> None:
        head = "\ufeff" if self.text.startswith("\ufeff") else ""
        self.text = head + "".join(f"{line}\n" for line in lines) + self.text.removeprefix(head)

    def _fill(self, path: Path, node: Node, lines: Sequence[str]) -> None:
        """Put a first member where there is nothing, or `{}`."""
        if not path:
            raise InvalidInputError(f"{self._name}: the configuration is empty")
        member = self._member(path)
        indent = self._indent(member.key.start) + _STEP
        start = self._colon(member) + 1
        comment = self._comment_behind(node.end, node)
        body = "\n".join(indent + line if line else line for line in lines)
        end = self.text.find("\n", node.end)
        self._replace(start, end, f"{comment}\n{body}")

    def _comment_behind(self, start: int, node: Node) -> str:
        """A comment on the line of a key, before a value that stands below."""
        line = self.text[start : self.text.find("\n", start)]
        is_comment = line.strip().startswith("#")
        return line.rstrip() if is_comment and (start >= node.end or start + len(line) <= node.start) else ""  # fmt: skip

    def _member(self, path: Path) -> Member:
        key = str(path[-1])
        member = self._collection(path[:-1]).member(key)
        assert member is not None
        return member

    def _collection(self, path: Path) -> Node:
        node = found(self.tree, path)
        if node is None or node.kind is EventKind.ALIAS:
            raise InvalidInputError(
                f"{self._name}: {'.'.join(map(str, path))} comes from an alias or a merge key; write it out there, then export again"
            )
        return node

    def _is_inside_flow(self, path: Path) -> bool:
        return any(
            (node := found(self.tree, path[:length])) is not None and node.is_flow and node.members
            for length in range(len(path) + 1)
        )

    def _colon(self, member: Member) -> int:
        return self.text.index(":", member.key.end)

    def _indent(self, start: int) -> str:
        line = self.text.rfind("\n", 0, start) + 1
        return " " * (start - line)

    def _insert_lines(self, end: int, lines: Sequence[str]) -> None:
        """Put lines below the line on which `end` stands."""
        at = self.text.find("\n", end) + 1
        self._replace(at, at, "".join(f"{line}\n" for line in lines))

    def _replace(self, start: int, end: int, new: str) -> None:
        self.text = self.text[:start] + new + self.text[end:]


def _flow(value: Value) -> str:
    """The value on one line."""
    match value:
        case Mapping() if value:
            return "{" + ", ".join(f"{_flow(key)}: {_flow(one)}" for key, one in value.items()) + "}"  # fmt: skip
        case tuple() if value:
            return "[" + ", ".join(map(_flow, value)) + "]"
        case _:
            return write_document(value).rstrip("\n")
