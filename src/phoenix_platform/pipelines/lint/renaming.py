"""Edits of the text that rename a component or put a list of ids in another order, and nothing else.

They touch only ids that stand in the text as they are read; where one does not (an escape in quotes, a
comment that would lose its line), there is no edit and a person decides. Called by the rules.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Component
from phoenix_platform.pipelines.documents import Document, Path, Value
from phoenix_platform.pipelines.lint.meaning import VERBOSITY_OF
from phoenix_platform.pipelines.lint.subjects import Edit, Subject

_LOG_LEVEL: Final = re.compile(
    rf"loglevel(?P<between>[ ]*:[ ]+['\"]?)(?P<level>{'|'.join(VERBOSITY_OF)})\b"
)
_LINE_END: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


def renaming_edits(subject: Subject, component: Component, renamed: str) -> tuple[Edit, ...]:
    """Edits that give the component that id in its section and in every pipeline; none if that is not safe."""
    configuration = subject.configuration
    document, kind = configuration.document, component.kind
    written = component.path[-1]
    is_taken = renamed in configuration.components[kind]
    if is_taken or written != component.id or _named_elsewhere(configuration.root, component.id):
        return ()
    edits: set[Edit] = set()
    for path in (component.path, *_references(subject, kind, component.id)):
        edit = _edit(document, path, component.id, renamed)
        if edit is None:
            return ()
        edits.add(edit)
    return tuple(sorted(edits))


def logging_edits(subject: Subject, component: Component) -> tuple[Edit, ...]:
    """Edits that make a `logging` exporter the `debug` exporter it became; none if that is not safe."""
    _, slash, name = component.id.partition("/")
    edits = renaming_edits(subject, component, f"debug{slash}{name}")
    if not edits or "loglevel" not in component.settings:
        return edits
    document = subject.configuration.document
    written = _LOG_LEVEL.match(document.text, offset_of(document, (*component.path, "loglevel")))
    if written is None:
        return ()
    verbosity = f"verbosity{written['between']}{VERBOSITY_OF[written['level']]}"
    start = written.start()
    return tuple(sorted({*edits, Edit(start, written.end() - start, verbosity)}))


def reordering_edits(
    document: Document, path: Path, before: Sequence[str], after: Sequence[str]
) -> tuple[Edit, ...]:
    """Edits that write the ids of the list at `path` in another order; none if that is not safe."""
    edits: list[Edit] = []
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        edit = _edit(document, (*path, index), old, new)
        if edit is None or _has_comment(document.text, edit.offset + edit.length):
            return ()
        edits.append(edit)
    return tuple(edit for edit, old in zip(edits, before, strict=True) if edit.text != old)


def _edit(document: Document, path: Path, old: str, new: str) -> Edit | None:
    offset = offset_of(document, path)
    if document.text[offset : offset + 1] in ("'", '"'):
        offset += 1
    end = offset + len(old)
    is_whole = re.match(r"[\w/.-]", document.text[end : end + 1]) is None
    if document.text[offset:end] != old or not is_whole:
        return None
    return Edit(offset, len(old), new)


def offset_of(document: Document, path: Path) -> int:
    """Where the value at the path starts in the text."""
    mark = document.mark(path)
    starts = [0, *(match.end() for match in _LINE_END.finditer(document.text))]
    return starts[mark.line - 1] + mark.column - 1


def _references(subject: Subject, kind: Kind, id_: str) -> Iterator[Path]:
    sections = {
        Kind.CONNECTOR: (Kind.RECEIVER.section, Kind.EXPORTER.section),
        Kind.EXTENSION: (),  # they run by service.extensions
    }.get(kind, (kind.section,))
    running: list[Path] = [
        ("service", "pipelines", pipeline, section)
        for pipeline in subject.configuration.pipelines
        for section in sections
    ]
    for path in [("service", "extensions"), *running]:
        yield from _listed(subject.configuration.root, path, id_)


def _listed(root: Value, path: Path, id_: str) -> Iterator[Path]:
    value = root
    for step in path:
        value = value.get(str(step)) if isinstance(value, Mapping) else None
    entries = value if isinstance(value, tuple) else ()
    for index, entry in enumerate(entries):
        if isinstance(entry, str) and entry.strip() == id_:
            yield (*path, index)


def _named_elsewhere(root: Mapping[str, Value], id_: str) -> bool:
    """Whether a component's settings may refer to the id, which no edit here would follow."""
    return any(
        id_ in texts_in(settings) for section, settings in root.items() if section != "service"
    )


def texts_in(value: Value) -> Iterator[str]:
    """Every text among the values, keys not."""
    match value:
        case str():
            yield value
        case Mapping():
            for member in value.values():
                yield from texts_in(member)
        case tuple():
            for member in value:
                yield from texts_in(member)
        case _:
            return


def _has_comment(text: str, offset: int) -> bool:
    end = _LINE_END.search(text, offset)
    return "#" in text[offset : end.start() if end else len(text)]
