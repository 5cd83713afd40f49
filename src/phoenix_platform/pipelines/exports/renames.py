"""A configuration's text with the component names that a target knows. Called by `exporting`.

Only names that are too new for the target change: every release accepts the old ones.
"""

from collections.abc import Iterator

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Kind, Target
from phoenix_platform.pipelines.configurations import Configuration, parse_configuration
from phoenix_platform.pipelines.documents import Path
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.exports.edits import Editor
from phoenix_platform.pipelines.exports.trees import Node, found

_KIND_OF_LIST = {one.section: one for one in (Kind.RECEIVER, Kind.PROCESSOR, Kind.EXPORTER)}


def with_names_of(text: str, target: Target, *, name: str) -> str:
    """The text with every component's type as the target knows it.

    Raises:
        InvalidInputError: If a component would then have the id of another.
    """
    configuration = parse_configuration(text, name=name)
    names = dict(_changes(configuration, target))
    if not names:
        return text
    editor = Editor(text, name=name)
    tree = editor.tree
    changes = {
        node.start: (node.end, write_document(names[kind, node.text.strip()]).rstrip("\n"))
        for kind, node in _named(configuration, tree)
        if (kind, node.text.strip()) in names
    }
    editor.replace_texts(changes)
    return editor.text


def _changes(
    configuration: Configuration, target: Target
) -> Iterator[tuple[tuple[Kind, str], str]]:
    for kind, components in configuration.components.items():
        for id_, component in components.items():
            new = target.id_to_write(kind, id_)
            if new == id_:
                continue
            if new in components:
                place = configuration.document.place(component.path)
                raise InvalidInputError(
                    f"{place}: {id_} is called {new} by the target, and {new} is there too; rename one"
                )
            yield (kind, id_), new


def _named(configuration: Configuration, tree: Node) -> Iterator[tuple[Kind, Node]]:
    """Every place of the text that names a component."""
    for kind in Kind:
        section = found(tree, (kind.section,))
        for member in () if section is None else section.members:
            yield kind, member.key
    for pipeline in configuration.pipelines.values():
        for key, kind in _KIND_OF_LIST.items():
            path: Path = ("service", "pipelines", pipeline.id, key)
            entries = found(tree, path)
            for entry in () if entries is None else entries.entries:
                yield kind, entry
