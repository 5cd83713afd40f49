"""Which pipelines of a configuration a trial runs: those for metrics that `host_metrics` feeds.

A pipeline may be fed by the receiver itself or, through a connector, by another pipeline that is. The rest
of a configuration is left out and named. Called by `variants`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Component, Configuration, Pipeline
from phoenix_platform.pipelines.host_metrics import RECEIVER


@dataclass(frozen=True, slots=True)
class TriedPipelines:
    configuration: Configuration
    pipelines: Mapping[str, Pipeline]
    """As they run in the trial: other receivers and unused connectors are gone."""
    receivers: tuple[Component, ...]
    """The `host_metrics` receivers that feed them."""
    not_measured: tuple[str, ...]
    """What was left out, one sentence each."""

    @property
    def exporters(self) -> tuple[str, ...]:
        """Ids of all exporters, in the order of the pipelines."""
        known = self.configuration.components[Kind.EXPORTER]
        named = (id_ for pipeline in self.pipelines.values() for id_ in pipeline.exporters)
        return tuple(dict.fromkeys(id_ for id_ in named if id_ in known))

    def leading_to(self, exporter: str) -> tuple[Pipeline, ...]:
        """Pipelines whose output reaches the exporter, directly or through connectors."""
        found = {
            pipeline.id for pipeline in self.pipelines.values() if exporter in pipeline.exporters
        }
        while True:
            connectors = {id_ for found_id in found for id_ in self.pipelines[found_id].receivers}
            more = {
                pipeline.id
                for pipeline in self.pipelines.values()
                if connectors & set(pipeline.exporters)
            }
            if more <= found:
                return tuple(
                    pipeline for pipeline in self.pipelines.values() if pipeline.id in found
                )
            found |= more

    def longest_to(
        self,
        exporter: str,
        value_of: Callable[[Pipeline], timedelta],
        join: Callable[[timedelta, timedelta], timedelta],
    ) -> timedelta:
        """The largest value over all paths to the exporter; `join` makes one value of a path's two."""
        return max(
            self._along(pipeline, value_of, join)
            for pipeline in self.pipelines.values()
            if exporter in pipeline.exporters
        )

    def _along(
        self,
        pipeline: Pipeline,
        value_of: Callable[[Pipeline], timedelta],
        join: Callable[[timedelta, timedelta], timedelta],
    ) -> timedelta:
        before = (
            self._along(other, value_of, join)
            for other in self.pipelines.values()
            if set(other.exporters) & set(pipeline.receivers)
        )
        return join(value_of(pipeline), max(before, default=timedelta(0)))


def tried_pipelines(configuration: Configuration) -> TriedPipelines:
    """Choose the pipelines that a trial runs.

    Raises:
        InvalidInputError: If no metrics pipeline is fed by `host_metrics`, or none of them has an exporter.
    """
    sources = {
        id_: component
        for id_, component in configuration.components[Kind.RECEIVER].items()
        if component.type == RECEIVER
    }
    kept = _reached(configuration, frozenset(sources))
    while True:
        trimmed = {
            id_: _trimmed(pipeline, kept, frozenset(sources), configuration)
            for id_, pipeline in kept.items()
        }
        ending = {id_: pipeline for id_, pipeline in trimmed.items() if pipeline.exporters}
        if len(ending) == len(trimmed):
            break
        kept = {id_: kept[id_] for id_ in ending}
    if not trimmed:
        raise configuration.refusal(
            ("service", "pipelines"),
            "no metrics pipeline is fed by host_metrics and ends in an exporter; a trial compares such pipelines",
        )
    feeding = {id_ for pipeline in trimmed.values() for id_ in pipeline.receivers}
    return TriedPipelines(
        configuration,
        trimmed,
        tuple(component for id_, component in sources.items() if id_ in feeding),
        tuple(_left_out(configuration, trimmed)),
    )


def _reached(configuration: Configuration, sources: frozenset[str]) -> dict[str, Pipeline]:
    """Metrics pipelines fed by a source directly or through connectors, in the order of the configuration."""
    reached: set[str] = set()
    waiting = [
        pipeline
        for pipeline in configuration.pipelines.values()
        if sources & set(pipeline.receivers)
    ]
    while waiting:
        pipeline = waiting.pop()
        if pipeline.signal == "metrics" and pipeline.id not in reached:
            reached.add(pipeline.id)
            waiting += configuration.fed_by(pipeline)
    return {id_: pipeline for id_, pipeline in configuration.pipelines.items() if id_ in reached}


def _trimmed(
    pipeline: Pipeline,
    kept: Mapping[str, Pipeline],
    sources: frozenset[str],
    configuration: Configuration,
) -> Pipeline:
    connectors = configuration.components[Kind.CONNECTOR]
    exported = {id_ for other in kept.values() for id_ in other.exporters if id_ in connectors}
    received = {id_ for other in kept.values() for id_ in other.receivers if id_ in connectors}
    return replace(
        pipeline,
        receivers=tuple(id_ for id_ in pipeline.receivers if id_ in sources or id_ in exported),
        exporters=tuple(
            id_ for id_ in pipeline.exporters if id_ not in connectors or id_ in received
        ),
    )


def _left_out(configuration: Configuration, tried: Mapping[str, Pipeline]) -> Iterable[str]:
    for id_, pipeline in configuration.pipelines.items():
        place = configuration.place("service", "pipelines", id_)
        if id_ not in tried:
            reason = "another signal" if pipeline.signal != "metrics" else "not fed by host_metrics"
            yield f"pipeline {id_} ({place}): {reason}"
            continue
        for receiver in pipeline.receivers:
            if receiver not in tried[id_].receivers:
                yield f"receiver {receiver} of pipeline {id_} ({place}): another receiver than host_metrics"
        for exporter in pipeline.exporters:
            if exporter not in tried[id_].exporters:
                yield f"connector {exporter} of pipeline {id_} ({place}): it leads to what is not measured"
