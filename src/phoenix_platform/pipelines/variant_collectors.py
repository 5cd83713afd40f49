"""The collector of one variant: the user's own processors between a receiver and exporters of ours.

Called by `variants`, once per variant: `read` before the scrape is planned, `plan` after.
"""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Component, Configuration, Pipeline
from phoenix_platform.pipelines.documents import Value, thawed
from phoenix_platform.pipelines.environment import escaped, read_duration
from phoenix_platform.pipelines.host_metrics import HostMetrics, read_host_metrics
from phoenix_platform.pipelines.own_folders import with_own_folder
from phoenix_platform.pipelines.scrapes import Reading, Scrape, StandIn
from phoenix_platform.pipelines.self_telemetry import LOOPBACK, self_telemetry
from phoenix_platform.pipelines.streams import DEFAULT_FLUSH, Stream, plan_streams
from phoenix_platform.pipelines.topologies import TopologyRequest, VariantPlaces, VariantTopology
from phoenix_platform.pipelines.tried_pipelines import TriedPipelines, tried_pipelines
from phoenix_platform.pipelines.tried_processors import processors_of

KEEPS_PROCESSES: Final = frozenset(
    {
        "attributes",
        "batch",
        "cumulative_to_delta",
        "delta_to_cumulative",
        "delta_to_rate",
        "interval",
        "memory_limiter",
    }
)
"""Processors that never take a process out of a scrape or merge two. Any other may."""

_DEFAULT_GATHERING: Final = timedelta(seconds=60)
"""`interval` of an interval processor where it is not written."""
_MAX_REQUEST_BYTES: Final = 64 * 2**20
"""A scrape of 10,000 processes with all metrics is about 30 MB; the receiver's default limit is 20 MiB."""


@dataclass(frozen=True, slots=True)
class PlannedVariant:
    topology: VariantTopology
    written: Mapping[str, Value]
    """The configuration of its collector, still frozen."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VariantCollector:
    """One configuration on its way to a collector of the trial."""

    name: str
    tried: TriedPipelines
    receivers: Mapping[str, HostMetrics]
    """The `host_metrics` receivers by id."""
    places: VariantPlaces
    request: TopologyRequest

    @classmethod
    def read(
        cls,
        name: str,
        configuration: Configuration,
        places: VariantPlaces,
        request: TopologyRequest,
    ) -> "VariantCollector":
        tried = tried_pipelines(configuration)
        receivers = {
            component.id: read_host_metrics(configuration, component, request.environment)
            for component in tried.receivers
        }
        return cls(name, tried, receivers, places, request)

    @property
    def configuration(self) -> Configuration:
        return self.tried.configuration

    def readings(self) -> Iterator[Reading]:
        for pipeline in self.tried.pipelines.values():
            receivers = [self.receivers[id_] for id_ in pipeline.receivers if id_ in self.receivers]
            if not receivers:
                continue
            for index, receiver in enumerate(receivers):
                for other in receivers[:index]:
                    for type_ in receiver.scrapers.keys() & other.scrapers.keys():
                        raise receiver.scrapers[type_].place.refusal(
                            f"pipeline {pipeline.id} gets the scraper {type_} from {other.id} and {receiver.id}, "
                            "every point twice; remove one"
                        )
            scrapers = {
                type_: scraper
                for receiver in receivers
                for type_, scraper in receiver.scrapers.items()
            }
            yield Reading(self.name, pipeline.id, scrapers)

    def plan(self, scrape: Scrape, relay_every: int) -> PlannedVariant:
        request = self.request
        streams = plan_streams(
            self.configuration, self.tried.exporters, variant=self.name, request=request
        )
        judged = next(stream for stream in streams if stream.stream.is_judged)
        stand_ins = self._stand_ins(scrape)
        own = processors_of(
            self.tried, folder=self.places.folder, variant=self.name, target=request.target
        )
        extensions, folders = self._extensions(streams, own.settings)
        written = self._config(stand_ins, streams, extensions, own.settings)
        emits_every, slow = self._emits_every(judged.stream.id, relay_every)
        batched = self.tried.longest_to(judged.stream.id, self._batching, operator.add)
        topology = VariantTopology(
            config=thawed(written),
            exporters=tuple(stream.stream for stream in streams),
            relay_every=relay_every,
            emits_every=emits_every,
            holds_for=judged.holds_for + batched,
            stand_ins=tuple(id_ for processors in stand_ins.values() for id_ in processors),
            drops_with=tuple(dict.fromkeys(self._dropping(judged.stream.id, scrape, stand_ins))),
            folders=(*own.folders, *folders),
        )
        notes = (*(note for stream in streams for note in stream.notes), *own.notes, *slow)
        return PlannedVariant(topology, written, notes)

    def _stand_ins(self, scrape: Scrape) -> Mapping[str, Mapping[str, Mapping[str, Value]]]:
        """By pipeline: processors of ours, by id, in their order."""
        taken = self.configuration.components[Kind.PROCESSOR]
        pipelines = [pipeline for variant, pipeline in scrape.stand_ins if variant == self.name]
        found: dict[str, Mapping[str, Mapping[str, Value]]] = {}
        for pipeline in pipelines:
            name = "phoenix_receiver"
            if len(pipelines) > 1:
                name += "_" + pipeline.replace("/", "_")
            while any(f"{type_}/{name}" in taken for type_ in ("filter", "transform")):
                name += "_"
            found[pipeline] = _processors_of(scrape.stand_ins[self.name, pipeline], name)
        return found

    def _config(
        self,
        stand_ins: Mapping[str, Mapping[str, Mapping[str, Value]]],
        streams: Sequence[Stream],
        extensions: Mapping[str, Value],
        processors: Mapping[str, Mapping[str, Value]],
    ) -> Mapping[str, Value]:
        target, pipelines = self.request.target, self.tried.pipelines.values()
        receiver = "otlp/phoenix"
        exporter_of = {stream.stream.id: stream.stream.component for stream in streams}
        connectors = self.configuration.components[Kind.CONNECTOR]
        used_connectors = dict.fromkeys(
            id_ for one in pipelines for id_ in one.exporters if id_ in connectors
        )
        config: dict[str, Value] = {
            "receivers": {receiver: _otlp_receiver(self.places.otlp_port)},
            "processors": {
                **{id_: settings for ours in stand_ins.values() for id_, settings in ours.items()},
                **processors,
            },
            "exporters": {stream.stream.component: stream.settings for stream in streams},
            "connectors": self._written(Kind.CONNECTOR, used_connectors),
            "extensions": extensions,
            "service": {
                "extensions": tuple(extensions),
                "pipelines": {
                    pipeline.id: {
                        "receivers": tuple(
                            dict.fromkeys(
                                receiver
                                if id_ in self.receivers
                                else target.id_to_write(Kind.CONNECTOR, id_)
                                for id_ in pipeline.receivers
                            )
                        ),
                        "processors": (
                            *stand_ins.get(pipeline.id, {}),
                            *(
                                target.id_to_write(Kind.PROCESSOR, id_)
                                for id_ in pipeline.processors
                            ),
                        ),
                        "exporters": tuple(
                            exporter_of.get(id_) or target.id_to_write(Kind.CONNECTOR, id_)
                            for id_ in pipeline.exporters
                        ),
                    }
                    for pipeline in pipelines
                },
                "telemetry": self_telemetry(
                    port=self.places.telemetry_port, instance=f"{self.request.instance}-{self.name}"
                ),
            },
        }
        return {key: value for key, value in config.items() if value}

    def _written(self, kind: Kind, ids: Iterable[str]) -> Mapping[str, Value]:
        target, components = self.request.target, self.configuration.components[kind]
        return {target.id_to_write(kind, id_): components[id_].settings for id_ in ids}

    def _extensions(
        self, streams: Sequence[Stream], processors: Mapping[str, Mapping[str, Value]]
    ) -> tuple[Mapping[str, Value], tuple[str, ...]]:
        """Extensions that something kept refers to, and the folders they need."""
        known = self.configuration.components[Kind.EXTENSION]
        waiting: list[Value] = [
            *processors.values(),
            *(stream.settings for stream in streams),
        ]
        kept: dict[str, Value] = {}
        folders: list[str] = []
        while waiting:
            for id_ in _texts_in(waiting.pop()):
                if id_ in known and id_ not in kept:
                    settings, folder = with_own_folder(known[id_], self.places.folder)
                    kept[id_] = settings
                    folders += folder
                    waiting.append(settings)
        order = [id_ for id_ in self.configuration.components[Kind.EXTENSION] if id_ in kept]
        return {id_: kept[id_] for id_ in order}, tuple(folders)

    def _dropping(
        self, exporter: str, scrape: Scrape, stand_ins: Mapping[str, Mapping[str, object]]
    ) -> Iterator[str]:
        for pipeline in self.tried.leading_to(exporter):
            if (
                pipeline.id in stand_ins
                and scrape.stand_ins[self.name, pipeline.id].drops_processes
            ):
                yield next(iter(stand_ins[pipeline.id]))
            for component in self._processors(pipeline):
                if component.type not in KEEPS_PROCESSES:
                    yield self.request.target.id_to_write(Kind.PROCESSOR, component.id)

    def _processors(self, pipeline: Pipeline) -> Iterator[Component]:
        return (self.configuration.components[Kind.PROCESSOR][id_] for id_ in pipeline.processors)

    def _emits_every(self, exporter: str, relay_every: int) -> tuple[timedelta, tuple[str, ...]]:
        """Time between two outputs, and a note where that is not the time between two scrapes."""
        relayed = relay_every * self.request.interval
        gathered = self.tried.longest_to(exporter, self._gathering, max)
        if gathered <= relayed:
            return relayed, ()
        note = (
            f"{self.name}: an interval processor emits every {gathered.total_seconds():g} s, which is "
            f"{gathered / relayed:g} scrapes of the trial"
        )
        return gathered, (note,)

    def _batching(self, pipeline: Pipeline) -> timedelta:
        return sum(
            (
                self._duration(one, "timeout", DEFAULT_FLUSH)
                for one in self._processors(pipeline)
                if one.type == "batch"
            ),
            timedelta(0),
        )

    def _gathering(self, pipeline: Pipeline) -> timedelta:
        found = (
            self._duration(one, "interval", _DEFAULT_GATHERING)
            for one in self._processors(pipeline)
            if one.type == "interval"
        )
        return max(found, default=timedelta(0))

    def _duration(self, component: Component, key: str, default: timedelta) -> timedelta:
        place = self.configuration.document.place((*component.path, key))
        written = component.settings.get(key)
        return read_duration(
            written, self.request.environment, default=default, field=f"{place}: {key}"
        )


def _otlp_receiver(port: int) -> Mapping[str, Value]:
    endpoint: dict[str, Value] = {
        "endpoint": f"{LOOPBACK}:{port}",
        "max_request_body_size": _MAX_REQUEST_BYTES,
    }
    return {"protocols": {"http": endpoint}}


def _processors_of(stand_in: StandIn, name: str) -> Mapping[str, Mapping[str, Value]]:
    processors: dict[str, Mapping[str, Value]] = {}
    if stand_in.conditions:
        # The older spelling: releases before metric_conditions read it, and later ones do too.
        processors[f"filter/{name}"] = {
            "error_mode": "ignore",
            "metrics": {"metric": escaped(stand_in.conditions)},
        }
    if stand_in.attributes:
        statements = tuple(f'delete_key(attributes, "{name}")' for name in stand_in.attributes)
        processors[f"transform/{name}"] = {
            "error_mode": "ignore",
            "metric_statements": ({"context": "resource", "statements": statements},),
        }
    return processors


def _texts_in(value: Value) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for member in value.values():
                yield from _texts_in(member)
        case tuple():
            for member in value:
                yield from _texts_in(member)
        case _:
            return
