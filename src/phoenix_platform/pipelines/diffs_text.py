"""The text of a configuration with its secrets masked, and the unified diff of two such texts.

Called by `phoenix pipeline diff`.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Final

from phoenix_platform.pipelines.configurations import Configuration
from phoenix_platform.pipelines.documents import Document, Path, Value
from phoenix_platform.pipelines.secrets import MASK
from phoenix_platform.pipelines.semantics.masking import masked, masked_text

_SHORTEST_SECRET: Final = 4
"""Shorter ones stand in other words too; their whole line is masked instead."""


def text_diff(before: Configuration, after: Configuration, *, context: int = 3) -> str:
    """A unified diff of both texts, secrets masked; empty if nothing is left that differs."""
    lines = difflib.unified_diff(
        masked_lines(before.document),
        masked_lines(after.document),
        before.name,
        after.name,
        n=context,
        lineterm="",
    )
    return "".join(f"{line}\n" for line in lines)


def masked_lines(document: Document) -> list[str]:
    """The lines of the text; no secret of the configuration stands in them, in comments neither."""
    secrets = dict(_secrets_in(document.root, masked(document.root), ()))
    lines = document.text.splitlines()
    for path, secret in secrets.items():
        for number in _lines_of(document, path):
            # What stands there as it reads is taken out below, wherever else it stands.
            if len(secret) < _SHORTEST_SECRET or secret not in lines[number]:
                lines[number] = _hidden(lines[number])
    long = sorted({one for one in secrets.values() if len(one) >= _SHORTEST_SECRET}, key=len)
    for index, line in enumerate(lines):
        shown = masked_text(line)
        for hidden in reversed(long):
            shown = shown.replace(hidden, MASK)
        lines[index] = shown
    return lines


def _secrets_in(value: Value, shown: Value, path: Path) -> Iterator[tuple[Path, str]]:
    """Every scalar that `masked` hides whole, by its path."""
    if isinstance(value, Mapping) and isinstance(shown, Mapping):
        for key, member in value.items():
            yield from _secrets_in(member, shown[key], (*path, key))
    elif isinstance(value, tuple) and isinstance(shown, tuple):
        for index, (member, hidden) in enumerate(zip(value, shown, strict=True)):
            yield from _secrets_in(member, hidden, (*path, index))
    elif shown == MASK and value != MASK:
        yield path, str(value)


def _lines_of(document: Document, path: Path) -> range:
    """Indexes of the lines from the key to the next key or entry; a secret may be folded over several."""
    start = document.marks[path].line
    following = [mark.line for mark in document.marks.values() if mark.line > start]
    end = min(following, default=len(document.text.splitlines()) + 1)
    return range(start - 1, end - 1)


_KEY: Final = re.compile(r"\s*(?:- +)*(?:[\w.\"'/-]+:)?")


def _hidden(line: str) -> str:
    """The line with all behind its key masked."""
    head = _KEY.match(line)
    assert head is not None
    if line.lstrip().startswith("#") or not line[head.end() :].strip():
        return line
    return f"{head[0].rstrip()} {MASK}" if head[0].strip() else f"{head[0]}{MASK}"
