"""Whether two texts of a configuration mean the same: what holds `--fix` to its promise.

Called by `linting` after every change that it makes.
"""

from collections.abc import Mapping
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import (
    Component,
    Configuration,
    Pipeline,
    read_configuration,
)
from phoenix_platform.pipelines.documents import Value

VERBOSITY_OF: Final[Mapping[str, str]] = {
    "debug": "detailed",
    "info": "normal",
    "warn": "basic",
    "error": "basic",
}
"""What `loglevel` of the logging exporter is as `verbosity` of the debug exporter."""


def means_the_same(before: str, after: str, *, name: str) -> bool:
    """Whether they define the same components and pipelines, whatever the spelling and the order of processors."""
    old, old_faults = read_configuration(before, name=name)
    try:
        new, new_faults = read_configuration(after, name=name)
    except InvalidInputError:
        return False
    return (
        len(new_faults) <= len(old_faults)
        and old.extensions == new.extensions
        and old.telemetry == new.telemetry
        and _components(old) == _components(new)
        and _pipelines(old) == _pipelines(new)
    )


def _components(configuration: Configuration) -> Mapping[object, Value]:
    return {
        (kind, *_identity(component)): _settings(component)
        for kind, members in configuration.components.items()
        for component in members.values()
    }


def _pipelines(configuration: Configuration) -> object:
    return {id_: _members(configuration, one) for id_, one in configuration.pipelines.items()}


def _members(configuration: Configuration, pipeline: Pipeline) -> object:
    lists = {
        Kind.RECEIVER: pipeline.receivers,
        Kind.PROCESSOR: tuple(sorted(pipeline.processors)),
        Kind.EXPORTER: pipeline.exporters,
    }
    connectors = configuration.components[Kind.CONNECTOR]
    return sorted(
        (kind, *_identity_of(id_, {**connectors, **configuration.components[kind]}))
        for kind, ids in lists.items()
        for id_ in ids
    )


def _identity_of(id_: str, known: Mapping[str, Component]) -> tuple[str, str]:
    return _identity(known[id_]) if id_ in known else (id_, "")


def _identity(component: Component) -> tuple[str, str]:
    type_ = "debug" if _is_logging(component) else component.type
    return type_, component.id.partition("/")[2]


def _settings(component: Component) -> Mapping[str, Value]:
    level = component.settings.get("loglevel")
    if not _is_logging(component) or not isinstance(level, str):
        return component.settings
    rest = {key: value for key, value in component.settings.items() if key != "loglevel"}
    return {**rest, "verbosity": VERBOSITY_OF.get(level)}


def _is_logging(component: Component) -> bool:
    return component.kind is Kind.EXPORTER and component.type == "logging"
