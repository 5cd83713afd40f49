"""What is worth saying about a configuration that reads without fault: a collector would start on it.

Faults are raised by `configurations`. Called by `phoenix pipeline validate`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Kind, canonical_type, parse_component_id
from phoenix_platform.pipelines.configurations import Component, Configuration
from phoenix_platform.pipelines.environment import references_in
from phoenix_platform.pipelines.tried_pipelines import tried_pipelines


class Severity(StrEnum):
    ERROR = "error"
    """A collector does not start on it."""
    WARNING = "warning"
    """It starts, and probably does not do what was meant."""
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    severity: Severity
    place: str
    """`name:line:column`, or the name alone."""
    component: str
    """`type[/name]`; empty where it concerns the whole configuration."""
    message: str


def findings_in(configuration: Configuration) -> tuple[Finding, ...]:
    """Everything found, in the order of the document."""
    return (
        *_unused(configuration),
        *_renamed(configuration),
        *_environment(configuration),
        *_not_tried(configuration),
    )


def _unused(configuration: Configuration) -> Iterator[Finding]:
    used = {
        id_
        for pipeline in configuration.pipelines.values()
        for id_ in (*pipeline.receivers, *pipeline.processors, *pipeline.exporters)
    } | set(configuration.extensions)
    for component in _components(configuration):
        if component.id not in used:
            where = "service.extensions" if component.kind is Kind.EXTENSION else "a pipeline"
            yield _about(
                configuration,
                component,
                Severity.WARNING,
                f"defined and not used; name it in {where} or remove it",
            )


def _renamed(configuration: Configuration) -> Iterator[Finding]:
    for component in _components(configuration):
        written = parse_component_id(component.id, field=component.kind).type
        if canonical_type(component.kind, written) != written:
            yield _about(
                configuration,
                component,
                Severity.NOTE,
                f"{written} is the old name of {component.type}; newer collectors accept it with a warning",
            )


def _environment(configuration: Configuration) -> Iterator[Finding]:
    names = {
        reference.name
        for reference in references_in(configuration.root)
        if reference.default is None
    }
    for name in sorted(names):
        yield Finding(
            severity=Severity.NOTE,
            place=configuration.name,
            component="",
            message=f"needs the environment variable {name}; without it the value is empty",
        )


def _not_tried(configuration: Configuration) -> Iterator[Finding]:
    try:
        not_measured = tried_pipelines(configuration).not_measured
    except InvalidInputError as error:
        place, _, message = str(error).partition(": ")
        yield Finding(severity=Severity.NOTE, place=place, component="", message=message)
        return
    for line in not_measured:
        yield Finding(
            severity=Severity.NOTE,
            place=configuration.name,
            component="",
            message=f"not measured in a trial: {line}",
        )


def _components(configuration: Configuration) -> Iterator[Component]:
    return (one for kind in Kind for one in configuration.components[kind].values())


def _about(
    configuration: Configuration, component: Component, severity: Severity, message: str
) -> Finding:
    return Finding(
        severity=severity,
        place=configuration.document.place(component.path),
        component=component.id,
        message=message,
    )
