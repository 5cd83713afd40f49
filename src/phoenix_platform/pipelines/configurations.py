"""A collector's configuration, parsed: which components there are, and how its pipelines join them.

Read from text by `parse_configuration`; every fault is reported with line and column. It knows the
shape every configuration has, not the settings of components: those are the business of whoever reads them.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

from phoenix_platform.core.canonical_json import Json
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.hashing import content_hash
from phoenix_platform.pipelines.components import (
    ComponentId,
    Kind,
    canonical_type,
    parse_component_id,
)
from phoenix_platform.pipelines.documents import Document, Fault, Path, Value, read_document

SIGNALS: Final = ("metrics", "logs", "traces", "profiles")
_SECTIONS: Final = frozenset({*(kind.section for kind in Kind), "service"})
_MAX_EXACT_INTEGER: Final = 2**53


@dataclass(frozen=True, slots=True)
class Component:
    kind: Kind
    id: str
    """As pipelines name it: `type[/name]` with the type as written, spaces dropped."""
    type: str
    """The newest name of its type, whichever was written."""
    settings: Mapping[str, Value]
    path: Path
    """Where it stands in the document, for messages."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    id: str
    signal: str
    receivers: tuple[str, ...]
    """Ids of receivers, and of connectors that other pipelines export to."""
    processors: tuple[str, ...]
    exporters: tuple[str, ...]
    """Ids of exporters, and of connectors that other pipelines receive from."""


@dataclass(frozen=True)
class Configuration:
    document: Document
    components: Mapping[Kind, Mapping[str, Component]]
    pipelines: Mapping[str, Pipeline]
    extensions: tuple[str, ...]
    """Ids of the extensions that run (`service.extensions`)."""
    telemetry: Mapping[str, Value]
    """`service.telemetry`, as written."""

    @property
    def name(self) -> str:
        return self.document.name

    @property
    def root(self) -> Mapping[str, Value]:
        assert isinstance(self.document.root, Mapping)
        return self.document.root

    @cached_property
    def hash(self) -> str:
        """Content hash: the same whatever the order of keys, comments and spelling of scalars."""
        return content_hash(_json_of(self.root))

    def place(self, *path: str | int) -> str:
        return self.document.place(path)

    def refusal(self, path: Path, reason: str) -> InvalidInputError:
        """An error that names the place; the caller raises it."""
        return InvalidInputError(f"{self.document.place(path)}: {reason}")

    def fed_by(self, pipeline: Pipeline) -> Iterator[Pipeline]:
        """Pipelines that this one's output reaches through a connector."""
        connectors = self._connectors(pipeline.exporters)
        return (other for other in self.pipelines.values() if connectors & set(other.receivers))

    def _connectors(self, ids: tuple[str, ...]) -> set[str]:
        return {id_ for id_ in ids if id_ in self.components[Kind.CONNECTOR]}


def parse_configuration(text: str, *, name: str) -> Configuration:
    """Read the text of a configuration; `name` is what messages call it.

    Raises:
        InvalidInputError: If it is not YAML that a collector reads, has an unknown top-level key, a malformed
            component id, a pipeline without receivers or exporters, one that names a component that is not
            defined, a connector used on one side only, or a cycle. The message starts with
            `name:line:column`.
    """
    document = read_document(text, name=name)
    if not isinstance(document.root, Mapping):
        raise InvalidInputError(
            f"{document.place(())}: not a configuration: the top is not a mapping"
        )
    faults: list[Fault] = []
    configuration = _Parser(document, document.root, faults).configuration()
    if faults:
        first = faults[0]
        raise InvalidInputError(f"{name}:{first.mark.line}:{first.mark.column}: {first.reason}")
    return configuration


def read_configuration(text: str, *, name: str) -> tuple[Configuration, tuple[Fault, ...]]:
    """Read as much of a configuration as can be understood, and every fault of it in the order of the text.

    What is faulty is left out: `phoenix pipeline lint` goes on with the rest.

    Raises:
        InvalidInputError: If it is not YAML, or nothing of a configuration.
    """
    faults: list[Fault] = []
    document = read_document(text, name=name, faults=faults)
    if not isinstance(document.root, Mapping):
        raise InvalidInputError(
            f"{document.place(())}: not a configuration: the top is not a mapping", line=1, column=1
        )
    configuration = _Parser(document, document.root, faults).configuration()
    return configuration, tuple(sorted(faults))


class _Parser:
    """Reads what is sound and notes what is not; whoever calls it decides what a fault means."""

    def __init__(self, document: Document, root: Mapping[str, Value], faults: list[Fault]) -> None:
        self._document = document
        self._root = root
        self._faults = faults

    def configuration(self) -> Configuration:
        for key in self._root:
            if key not in _SECTIONS:
                known = ", ".join(sorted(_SECTIONS))
                reason = f"unknown top-level key {key!r}; there are {known}"
                self._fault("unknown-section", (key,), reason)
        components = {kind: self._components(kind) for kind in Kind}
        self._note_shared_ids(components)
        service = self._mapping(self._root.get("service"), ("service",))
        configuration = Configuration(
            self._document,
            MappingProxyType(components),
            MappingProxyType(self._pipelines(service, components)),
            self._ids(service.get("extensions"), ("service", "extensions")),
            self._mapping(service.get("telemetry"), ("service", "telemetry")),
        )
        for index, id_ in enumerate(configuration.extensions):
            if id_ not in components[Kind.EXTENSION]:
                path = ("service", "extensions", index)
                reason = f"the extension {id_!r} is not defined under extensions"
                self._fault("undefined-component", path, reason, id_)
        self._note_half_connectors(configuration)
        self._note_cycles(configuration)
        return configuration

    def _components(self, kind: Kind) -> Mapping[str, Component]:
        section = self._mapping(self._root.get(kind.section), (kind.section,))
        found: dict[str, Component] = {}
        for id_, settings in section.items():
            path = (kind.section, id_)
            parsed = self._component_id(id_, path)
            if parsed is None:
                continue
            if str(parsed) in found:
                reason = f"duplicate key {str(parsed)!r} once spaces are dropped; keep one"
                self._fault("duplicate-key", path, reason, str(parsed))
                continue
            type_ = canonical_type(kind, parsed.type)
            found[str(parsed)] = Component(
                kind, str(parsed), type_, self._mapping(settings, path), path
            )
        return MappingProxyType(found)

    def _component_id(self, text: str, path: Path) -> ComponentId | None:
        try:
            return parse_component_id(text, field="")
        except InvalidInputError as error:
            self._fault("bad-component-id", path, str(error).removeprefix(": "))
            return None

    def _pipelines(
        self, service: Mapping[str, Value], components: Mapping[Kind, Mapping[str, Component]]
    ) -> dict[str, Pipeline]:
        path: Path = ("service", "pipelines")
        section = self._mapping(service.get("pipelines"), path)
        if not section:
            reason = "service.pipelines: there is no pipeline; define one, such as metrics"
            self._fault("no-pipeline", path, reason)
        pipelines = (self._pipeline(id_, value, components) for id_, value in section.items())
        return {pipeline.id: pipeline for pipeline in pipelines if pipeline is not None}

    def _pipeline(
        self, id_: str, value: Value, components: Mapping[Kind, Mapping[str, Component]]
    ) -> Pipeline | None:
        path: Path = ("service", "pipelines", id_)
        parsed = self._component_id(id_, path)
        if parsed is None:
            return None
        if parsed.type not in SIGNALS:
            reason = f"pipeline {id_!r}: unknown signal; there are {', '.join(SIGNALS)}"
            self._fault("unknown-signal", path, reason)
        settings = self._mapping(value, path)
        lists: dict[Kind, tuple[str, ...]] = {}
        for kind in (Kind.RECEIVER, Kind.PROCESSOR, Kind.EXPORTER):
            written, under = settings.get(kind.section), (*path, kind.section)
            lists[kind] = self._ids(written, under)
            self._note_undefined(lists[kind], kind, under, components)
            if not written and kind is not Kind.PROCESSOR:
                reason = f"pipeline {id_!r} has no {kind.section}; name at least one"
                self._fault("incomplete-pipeline", path, reason)
        return Pipeline(
            id_, parsed.type, lists[Kind.RECEIVER], lists[Kind.PROCESSOR], lists[Kind.EXPORTER]
        )

    def _note_undefined(
        self,
        ids: tuple[str, ...],
        kind: Kind,
        path: Path,
        components: Mapping[Kind, Mapping[str, Component]],
    ) -> None:
        connectors: Mapping[str, Component] = (
            {} if kind is Kind.PROCESSOR else components[Kind.CONNECTOR]
        )
        for index, id_ in enumerate(ids):
            if id_ not in components[kind] and id_ not in connectors:
                reason = f"the {kind.value} {id_!r} is not defined under {kind.section}"
                self._fault("undefined-component", (*path, index), reason, id_)
            if id_ in ids[:index]:
                reason = f"{id_!r} is named twice; name it once"
                self._fault("named-twice", (*path, index), reason, id_)

    def _note_shared_ids(self, components: Mapping[Kind, Mapping[str, Component]]) -> None:
        for id_, connector in components[Kind.CONNECTOR].items():
            for kind in (Kind.RECEIVER, Kind.EXPORTER):
                if id_ in components[kind]:
                    reason = f"{id_!r} is a connector and a {kind.value}; rename one"
                    self._fault("shared-id", connector.path, reason, id_)

    def _note_half_connectors(self, configuration: Configuration) -> None:
        pipelines = configuration.pipelines.values()
        receiving = {id_ for pipeline in pipelines for id_ in pipeline.receivers}
        exporting = {id_ for pipeline in pipelines for id_ in pipeline.exporters}
        for id_, connector in configuration.components[Kind.CONNECTOR].items():
            if (id_ in receiving) != (id_ in exporting):
                used, missing = (
                    ("receiver", "exporter") if id_ in receiving else ("exporter", "receiver")
                )
                reason = f"the connector {id_!r} is used as {used} only; use it as {missing} of a pipeline too"
                self._fault("half-connector", connector.path, reason, id_)

    def _note_cycles(self, configuration: Configuration) -> None:
        done: set[str] = set()

        def visit(pipeline: Pipeline, above: tuple[str, ...]) -> None:
            if pipeline.id in above:
                cycle = " -> ".join((*above[above.index(pipeline.id) :], pipeline.id))
                path = ("service", "pipelines", pipeline.id)
                self._fault("cycle", path, f"pipelines form a cycle: {cycle}")
            elif pipeline.id not in done:
                for following in configuration.fed_by(pipeline):
                    visit(following, (*above, pipeline.id))
                done.add(pipeline.id)

        for pipeline in configuration.pipelines.values():
            visit(pipeline, ())

    def _mapping(self, value: Value, path: Path) -> Mapping[str, Value]:
        if isinstance(value, Mapping):
            return value
        if value is not None:
            reason = f"{'.'.join(map(str, path))}: expected a mapping, not {_shown(value)}"
            self._fault("wrong-shape", path, reason)
        return MappingProxyType({})

    def _ids(self, value: Value, path: Path) -> tuple[str, ...]:
        entries = () if value is None else value
        if not isinstance(entries, tuple):
            reason = f"{'.'.join(map(str, path))}: expected a list, not {_shown(value)}"
            self._fault("wrong-shape", path, reason)
            return ()
        found: list[str] = []
        for index, entry in enumerate(entries):
            if not isinstance(entry, str):
                reason = f"expected a component id, not {_shown(entry)}"
                self._fault("bad-component-id", (*path, index), reason)
                continue
            parsed = self._component_id(entry, (*path, index))
            if parsed is not None:
                found.append(str(parsed))
        return tuple(found)

    def _fault(self, rule: str, path: Path, reason: str, component: str = "") -> None:
        self._faults.append(Fault(self._document.mark(path), rule, reason, component))


def _shown(value: Value) -> str:
    match value:
        case Mapping():
            return "a mapping"
        case tuple():
            return "a list"
        case _:
            return repr(value)


def _json_of(value: Value) -> Json:
    """Canonical JSON has neither integers beyond 2^53 nor infinities: they are spelled under a key of their own."""
    match value:
        case Mapping():
            return {key: _json_of(member) for key, member in value.items()}
        case tuple():
            return [_json_of(member) for member in value]
        case float() if not math.isfinite(value):
            return {"yaml.float": repr(value)}
        case int() if abs(value) > _MAX_EXACT_INTEGER:
            return {"yaml.integer": str(value)}
        case _:
            return value
