"""A part of a configuration as lines of YAML that can stand elsewhere, comments kept where they can be.

Called by `exporting`, which puts parts of a catalog entry into a user's file.
"""

import textwrap

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.documents import Document, Path, Value, read_document
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.exports.trees import found, read_tree, start_with_comments


def value_lines(document: Document, path: Path, value: Value) -> list[str]:
    """The value at the path as a block of lines without indent, with the comments inside it.

    Written anew where its own text does not stand alone: in braces, with aliases, or changed.
    """
    node = found(read_tree(document.text, name=document.name), path)
    if node is not None and node.is_block:
        line = document.text.rfind("\n", 0, node.start) + 1
        start = start_with_comments(document.text, line)
        lines = textwrap.dedent(document.text[start : node.end]).split("\n")
        if _reads_as("\n".join(lines), value):
            return lines
    return write_document(value).rstrip("\n").split("\n")


def _reads_as(text: str, value: Value) -> bool:
    try:
        return read_document(text, name="fragment").root == value
    except InvalidInputError:
        return False
