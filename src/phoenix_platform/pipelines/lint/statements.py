"""OTTL in a configuration: statements of `transform`, conditions of `filter`, and the little of them we read.

No parser of the language: what stands here finds paths, literals and conjunctions in texts that it is sure
of, and says nothing about the rest. Called by the rules about conditions and about identity.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from phoenix_platform.pipelines.configurations import Component
from phoenix_platform.pipelines.documents import Path, Value

_SIGNALS: Final = ("metric", "log", "trace", "profile")
_FILTER_CONTEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "metrics": ("metric", "datapoint"),
    "logs": ("log_record",),
    "traces": ("span", "spanevent"),
    "profiles": ("profile",),
}
_ATTRIBUTE: Final = re.compile(
    r"(?P<owner>\b(?:resource|scope|instrumentation_scope|metric|datapoint|log|span|spanevent|profile)\.)?"
    r"\battributes\[\"(?P<name>[^\"]+)\"\]"
)
_DELETE_KEY: Final = re.compile(
    r"\bdelete_key\(\s*(?P<owner>resource\.)?attributes\s*,\s*\"(?P<name>[^\"]+)\"\s*\)"
)
_KEEP_KEYS: Final = re.compile(
    r"\bkeep_keys\(\s*(?P<owner>resource\.)?attributes\s*,\s*\[(?P<names>[^\]]*)\]\s*\)"
)
_WRITTEN: Final = re.compile(r"\bset\(\s*(?P<owner>resource\.)?attributes\[\"(?P<name>[^\"]+)\"\]")
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Group:
    """Statements that run together, once for each item of their context."""

    context: str | None
    """`None` where the collector infers it."""
    statements: tuple[tuple[Path, str], ...]
    conditions: tuple[tuple[Path, str], ...] = ()
    is_flat: bool = False
    """Whether they stand as a list of texts, without a context of their own."""


def groups_of(component: Component, signal: str = "metric") -> list[Group]:
    """The statements of a `transform` processor for a signal, in the order they run."""
    path: Path = (*component.path, f"{signal}_statements")
    written = component.settings.get(f"{signal}_statements")
    groups: list[Group] = []
    flat: list[tuple[Path, str]] = []
    for index, entry in enumerate(written if isinstance(written, tuple) else ()):
        match entry:
            case str():
                flat.append(((*path, index), entry))
            case Mapping():
                context = entry.get("context")
                groups.append(
                    Group(
                        context if isinstance(context, str) else None,
                        tuple(_texts(entry.get("statements"), (*path, index, "statements"))),
                        tuple(_texts(entry.get("conditions"), (*path, index, "conditions"))),
                    )
                )
            case _:
                pass
    return [Group(None, tuple(flat), is_flat=True), *groups] if flat else groups


def conditions_of(component: Component) -> Iterator[tuple[Path, str, str | None]]:
    """Place, text and context of every OTTL condition of a `filter` or `transform` processor."""
    match component.type:
        case "filter":
            yield from _of_filter(component)
        case "transform":
            for group in (group for signal in _SIGNALS for group in groups_of(component, signal)):
                yield from ((path, text, group.context) for path, text in group.conditions)
                for path, text in group.statements:
                    _, where, condition = text.partition(" where ")
                    if where:
                        yield path, condition, group.context
        case _:
            return


def _of_filter(component: Component) -> Iterator[tuple[Path, str, str | None]]:
    for key in (f"{signal}_conditions" for signal in _SIGNALS):
        for path, entry in _entries(component.settings.get(key), (*component.path, key)):
            if isinstance(entry, str):
                yield path, entry, None
            elif isinstance(entry, Mapping):
                texts = _texts(entry.get("conditions"), (*path, "conditions"))
                yield from ((one, text, None) for one, text in texts)
    for section, contexts in _FILTER_CONTEXTS.items():
        settings = component.settings.get(section)
        if not isinstance(settings, Mapping):
            continue
        for context in contexts:
            texts = _texts(settings.get(context), (*component.path, section, context))
            yield from ((path, text, context) for path, text in texts)


def attributes_read(text: str) -> Iterator[tuple[str, str]]:
    """Owner (`resource`, another context, or empty for the context's own) and name."""
    for match in _ATTRIBUTE.finditer(text):
        yield (match["owner"] or "").rstrip("."), match["name"]


def is_about_resource(owner: str, context: str | None) -> bool:
    return owner == "resource" or (not owner and context == "resource")


def deleted_by(text: str, context: str | None) -> frozenset[str]:
    """Resource attributes that a statement deletes by name."""
    return frozenset(
        match["name"]
        for match in _DELETE_KEY.finditer(text)
        if is_about_resource((match["owner"] or "").rstrip("."), context)
    )


def kept_by(text: str, context: str | None) -> frozenset[str] | None:
    """The only resource attributes that a statement leaves; `None` if it is no such statement."""
    match = _KEEP_KEYS.search(text)
    if match is None or not is_about_resource((match["owner"] or "").rstrip("."), context):
        return None
    return frozenset(_STRING.findall(match["names"]))


def written_by(text: str, context: str | None) -> frozenset[str]:
    """Resource attributes that a statement sets."""
    return frozenset(
        match["name"]
        for match in _WRITTEN.finditer(text)
        if is_about_resource((match["owner"] or "").rstrip("."), context)
    )


def conjuncts(text: str) -> tuple[str, ...]:
    """The parts that all must hold; empty if it is not a plain conjunction."""
    parts: list[str] = []
    depth, start, offset = 0, 0, 0
    while offset < len(text):
        if text[offset] == '"':
            quoted = _STRING.match(text, offset)
            offset = quoted.end() if quoted else len(text)
            continue
        depth += (text[offset] in "([") - (text[offset] in ")]")
        if depth == 0 and text.startswith(" or ", offset):
            return ()
        if depth == 0 and text.startswith(" and ", offset):
            parts.append(text[start:offset].strip())
            start = offset + 5
            offset = start
            continue
        offset += 1
    return (*parts, text[start:].strip())


def _texts(value: Value, path: Path) -> Iterator[tuple[Path, str]]:
    for at, entry in _entries(value, path):
        if isinstance(entry, str):
            yield at, entry


def _entries(value: Value, path: Path) -> Iterator[tuple[Path, Value]]:
    if isinstance(value, str):
        yield path, value
    for index, entry in enumerate(value if isinstance(value, tuple) else ()):
        yield (*path, index), entry
