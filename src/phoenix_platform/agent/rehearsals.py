"""A configuration as it may be started beside the one in production: same parts, nothing shared.

Exporters lead nowhere, listeners get free ports on loopback, storage gets a folder of its own. Pure;
`validation` starts what comes out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.pipelines.components import Kind, Target
from phoenix_platform.pipelines.configurations import Component, Configuration
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.self_telemetry import LOOPBACK, self_telemetry

_LISTENING: Final = frozenset(
    {
        (Kind.RECEIVER, "otlp"),
        (Kind.RECEIVER, "jaeger"),
        (Kind.RECEIVER, "opencensus"),
        (Kind.RECEIVER, "zipkin"),
        (Kind.RECEIVER, "statsd"),
        (Kind.RECEIVER, "influxdb"),
        (Kind.EXTENSION, "health_check"),
        (Kind.EXTENSION, "healthcheckv2"),
        (Kind.EXTENSION, "pprof"),
        (Kind.EXTENSION, "zpages"),
    }
)
"""Types whose endpoint is a place they listen on, and not one they ask. Others keep their endpoints: if
they listen too, the collector itself says that the port is taken."""

_ENDPOINT_KEYS: Final = frozenset({"endpoint", "listen_address"})
_SINKS: Final = ("nop", "debug")
_KeyPath: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalPlaces:
    """What the rehearsal has for itself."""

    ports: tuple[int, ...]
    """As many free ports as `ports_needed` says."""
    folder: Path
    """A private folder, there already."""


def ports_needed(configuration: Configuration) -> int:
    """One for the collector's own metrics, one per place it would listen on."""
    listeners = (
        path for component in _components(configuration) for path in _endpoints_of(component)
    )
    return 1 + sum(1 for _ in listeners)


def rehearsal_of(
    configuration: Configuration, places: RehearsalPlaces, target: Target
) -> Mapping[str, Value]:
    """The configuration to start.

    Raises:
        UnavailableError: If the target has neither a nop nor a debug exporter.
    """
    sink = next((type_ for type_ in _SINKS if target.has(Kind.EXPORTER, type_)), None)
    if sink is None:
        raise UnavailableError(
            "the collector has neither a nop nor a debug exporter; a start with exporters replaced needs one"
        )
    telemetry_port, *ports = places.ports
    free = iter(ports)
    sections: dict[str, dict[str, Value]] = {}
    for component in _components(configuration):
        settings = _moved(component, free, places.folder)
        sections.setdefault(component.kind.section, {})[component.id] = settings
    sections[Kind.EXPORTER.section] = {
        _sink_id(sink, id_): {} for id_ in configuration.components[Kind.EXPORTER]
    }
    pipelines: dict[str, Value] = {
        pipeline.id: {
            "receivers": pipeline.receivers,
            "processors": pipeline.processors,
            "exporters": tuple(
                id_ if id_ in configuration.components[Kind.CONNECTOR] else _sink_id(sink, id_)
                for id_ in pipeline.exporters
            ),
        }
        for pipeline in configuration.pipelines.values()
    }
    service: dict[str, Value] = {
        "extensions": configuration.extensions,
        "pipelines": pipelines,
        "telemetry": self_telemetry(port=telemetry_port, instance="phoenix-rehearsal"),
    }
    return {**sections, "service": service}


def _components(configuration: Configuration) -> Iterator[Component]:
    """All but exporters."""
    for kind in Kind:
        if kind is not Kind.EXPORTER:
            yield from configuration.components[kind].values()


def _sink_id(sink: str, exporter: str) -> str:
    return f"{sink}/{exporter.replace('/', '_')}"


def _endpoints_of(component: Component) -> Iterator[_KeyPath]:
    """Where in its settings a listener's endpoints stand, or would stand if they were not left out."""
    if (component.kind, component.type) not in _LISTENING:
        return
    written = list(_endpoint_paths(component.settings, ()))
    yield from written
    protocols = component.settings.get("protocols")
    if isinstance(protocols, Mapping):
        for protocol in protocols:
            if not any(path[:2] == ("protocols", protocol) for path in written):
                yield ("protocols", protocol, "endpoint")
    elif not written:
        yield ("endpoint",)


def _endpoint_paths(value: Value, path: _KeyPath) -> Iterator[_KeyPath]:
    if not isinstance(value, Mapping):
        return
    for key, member in value.items():
        if key in _ENDPOINT_KEYS and isinstance(member, str):
            yield (*path, key)
        else:
            yield from _endpoint_paths(member, (*path, key))


def _moved(component: Component, free: Iterator[int], folder: Path) -> Mapping[str, Value]:
    settings: Mapping[str, Value] = component.settings
    for path in _endpoints_of(component):
        settings = _with(settings, path, f"{LOOPBACK}:{next(free)}")
    if component.type == "file_storage":
        settings = {"directory": str(folder), "create_directory": True}
    return settings


def _with(settings: Mapping[str, Value], path: _KeyPath, value: Value) -> Mapping[str, Value]:
    key, *rest = path
    if not rest:
        return {**settings, key: value}
    below = settings.get(key)
    return {**settings, key: _with(below if isinstance(below, Mapping) else {}, tuple(rest), value)}
