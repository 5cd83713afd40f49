"""A user's configuration as the agent runs it in production: what it says, with ports and telemetry of its own.

Two collectors stand side by side for a moment when a configuration is changed, so that no interval is
missed. What cannot be there twice (a port that others send to, a file that is locked) is named: then the old
one must go before the new one comes. `agent.production` calls it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from phoenix_platform.pipelines.components import Kind, Target
from phoenix_platform.pipelines.configurations import Component, Configuration
from phoenix_platform.pipelines.documents import Value, thawed
from phoenix_platform.pipelines.rehearsals import plan_rehearsal
from phoenix_platform.pipelines.self_telemetry import self_telemetry

_FIXED_EXPORTERS: Final[Mapping[str, str]] = {
    "file": "writes a file",
    "prometheus": "listens on a port that is scraped",
}
_FIXED_EXTENSIONS: Final[Mapping[str, str]] = {
    "file_storage": "locks its folder",
    "opamp": "speaks for the collector under one id",
}
_PRODUCING: Final = frozenset({"host_metrics"})
"""Receivers that produce a second after the start, whatever others send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductionPlan:
    config: dict[str, Any]
    """Plain dicts and lists, to be written as YAML."""
    telemetry_port: int
    singles: tuple[str, ...]
    """What cannot be there twice, one sentence each; empty: old and new may overlap."""
    moved: tuple[str, ...]
    """Extensions that listen on another port than is written, one sentence each."""
    produces: bool
    """Whether data points come by themselves, soon after the start."""


def plan_production(
    configuration: Configuration,
    *,
    next_port: Callable[[], int],
    target: Target,
    instance: str,
) -> ProductionPlan:
    """Make the configuration that is started.

    Args:
        configuration: What the user wrote.
        next_port: Gives another free port of this host at each call.
        target: The collector that will run it.
        instance: Its `service.instance.id`, where the configuration says none.
    """
    # The rehearsal knows which components listen: those whose settings it had to change.
    rehearsed = plan_rehearsal(
        configuration, next_port=next_port, folder="/nowhere", target=target
    ).config
    telemetry_port = next_port()
    extensions: dict[str, Any] = thawed(configuration.root.get("extensions") or {})
    moved: list[str] = []
    for id_ in configuration.extensions:
        component = configuration.components[Kind.EXTENSION][id_]
        if component.type in _FIXED_EXTENSIONS:
            continue
        other = rehearsed.get("extensions", {}).get(id_)
        if other is not None and other != thawed(dict(component.settings)):
            extensions[_written(configuration, component)] = other
            moved.append(f"extension {id_} listens on {other.get('endpoint', 'another port')}")
    service: dict[str, Any] = thawed(configuration.root["service"])
    service["telemetry"] = _telemetry(configuration.telemetry, telemetry_port, instance)
    config: dict[str, Any] = {**thawed(configuration.root), "service": service}
    if extensions:
        config["extensions"] = extensions
    return ProductionPlan(
        config=config,
        telemetry_port=telemetry_port,
        singles=tuple(_singles(configuration, rehearsed)),
        moved=tuple(moved),
        produces=any(
            component.type in _PRODUCING for component in _used(configuration, Kind.RECEIVER)
        ),
    )


def _singles(configuration: Configuration, rehearsed: Mapping[str, Any]) -> Iterator[str]:
    receivers = rehearsed.get("receivers", {})
    for receiver in _used(configuration, Kind.RECEIVER):
        other = receivers.get(receiver.id)
        if other is not None and other != thawed(dict(receiver.settings)):
            yield f"receiver {receiver.id} listens on a port that others send to"
    for exporter in _used(configuration, Kind.EXPORTER):
        if exporter.type in _FIXED_EXPORTERS:
            yield f"exporter {exporter.id} {_FIXED_EXPORTERS[exporter.type]}"
    for id_ in configuration.extensions:
        extension = configuration.components[Kind.EXTENSION][id_]
        if extension.type in _FIXED_EXTENSIONS:
            yield f"extension {id_} {_FIXED_EXTENSIONS[extension.type]}"


def _used(configuration: Configuration, kind: Kind) -> Iterator[Component]:
    """Components of a kind that a pipeline names: the others are never started."""
    named = {
        id_
        for pipeline in configuration.pipelines.values()
        for id_ in (pipeline.receivers if kind is Kind.RECEIVER else pipeline.exporters)
    }
    for id_, component in configuration.components[kind].items():
        if id_ in named:
            yield component


def _written(configuration: Configuration, component: Component) -> str:
    """The key of a component as it stands in the document: with the spaces that its id has lost."""
    section = configuration.root[component.kind.section]
    assert isinstance(section, Mapping)
    return next(key for key in section if key.replace(" ", "") == component.id)


def _telemetry(written: Mapping[str, Value], port: int, instance: str) -> dict[str, Any]:
    """The user's, with a port of our own in place of one that two collectors would want at once."""
    ours: dict[str, Any] = thawed(self_telemetry(port=port, instance=instance))
    user: dict[str, Any] = thawed(dict(written))
    metrics: dict[str, Any] = user.get("metrics") or {}
    readers: list[dict[str, Any]] = metrics.get("readers") or []
    pushing = [reader for reader in readers if "pull" not in reader]
    level = metrics.get("level", "normal")
    return {
        **ours,
        **user,
        "metrics": {
            **{key: value for key, value in metrics.items() if key != "address"},
            "level": "normal" if level == "none" else level,
            "readers": [*ours["metrics"]["readers"], *pushing],
        },
    }
