"""From two configurations to the three collectors of a trial, as a pure function.

The source scrapes for both. Each variant runs the user's own processors and connectors behind an OTLP
receiver that takes relayed scrapes, and every exporter sends to the meter instead. What cannot be tried like
that exactly is refused or named. `phoenix trial` calls `plan_topology`; the parts are `tried_pipelines`
(what runs), `scrapes` (what the source scrapes), `streams` (where exporters lead).
"""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Kind, Target, parse_component_id
from phoenix_platform.pipelines.configurations import Component, Configuration, Pipeline
from phoenix_platform.pipelines.documents import Value, thawed
from phoenix_platform.pipelines.environment import escaped, expanded, references_in
from phoenix_platform.pipelines.host_metrics import RECEIVER, HostMetrics, read_host_metrics
from phoenix_platform.pipelines.own_folders import with_own_folder
from phoenix_platform.pipelines.scalars import parse_go_duration
from phoenix_platform.pipelines.scrapes import (
    COLLECTION_INTERVAL,
    Reading,
    Scrape,
    StandIn,
    plan_scrape,
)
from phoenix_platform.pipelines.self_telemetry import LOOPBACK, self_telemetry
from phoenix_platform.pipelines.streams import RETRY, Stream, plan_streams
from phoenix_platform.pipelines.topologies import (
    SOURCE_PATH,
    Topology,
    TopologyRequest,
    VariantPlaces,
    VariantTopology,
)
from phoenix_platform.pipelines.tried_pipelines import TriedPipelines, tried_pipelines

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

_MAX_REQUEST_BYTES: Final = 64 * 2**20
"""A scrape of 10,000 processes with all metrics is about 30 MB; the receiver's default limit is 20 MiB."""
_SOURCE_QUEUE: Final[Mapping[str, Value]] = {"enabled": True, "num_consumers": 1, "queue_size": 64}
"""In scrapes. One consumer keeps their order; what does not fit is lost and counted by the collector."""
_DUMMY: Final = "phoenix-dummy"


def plan_topology(
    baseline: Configuration, candidate: Configuration, request: TopologyRequest
) -> Topology:
    """Plan the three collectors of a trial.

    Raises:
        InvalidInputError: If a configuration has nothing to try, the two need different scrapes that no
            processor can make up for, the exporter is not clear, or the target lacks a component. The
            message names the place and the fix.
    """
    variants = [
        _Variant.read("baseline", baseline, request.baseline, request),
        _Variant.read("candidate", candidate, request.candidate, request),
    ]
    every, interval_notes = _relay_every(variants, request)
    scrape = plan_scrape(
        [receiver for variant in variants for receiver in variant.receivers.values()],
        [reading for variant in variants for reading in variant.readings()],
        interval=request.interval,
        ignore=request.ignore,
    )
    planned = [variant.plan(scrape, n) for variant, n in zip(variants, every, strict=True)]
    source = _source(scrape, request)
    _refuse_lacking(variants, [source, *(variant.written for variant in variants)], request.target)
    environment = _dummies([variant.written for variant in variants], request.environment)
    return Topology(
        source=thawed(source),
        source_path=SOURCE_PATH,
        baseline=planned[0],
        candidate=planned[1],
        environment=environment,
        not_measured=tuple(
            f"{variant.name}: {line}" for variant in variants for line in variant.tried.not_measured
        ),
        ignored=(*scrape.ignored, *interval_notes.ignored),
        notes=(
            *interval_notes.notes,
            *(note for variant in variants for note in variant.notes),
            *(
                f"{name} is not set; the trial sets it to {value!r}"
                for name, value in environment.items()
            ),
        ),
    )


@dataclass(slots=True)
class _Variant:
    """One configuration on its way to a collector of the trial."""

    name: str
    tried: TriedPipelines
    receivers: Mapping[str, HostMetrics]
    """The `host_metrics` receivers by id."""
    places: VariantPlaces
    request: TopologyRequest
    notes: list[str] = field(default_factory=list[str])
    written: Mapping[str, Value] = field(default_factory=dict[str, Value])
    """The configuration of its collector, once planned."""

    @classmethod
    def read(
        cls,
        name: str,
        configuration: Configuration,
        places: VariantPlaces,
        request: TopologyRequest,
    ) -> "_Variant":
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

    def plan(self, scrape: Scrape, relay_every: int) -> VariantTopology:
        request = self.request
        streams = plan_streams(
            self.configuration,
            self.tried.exporters,
            variant=self.name,
            meter_url=request.meter_url,
            chosen=request.exporter,
            target=request.target,
        )
        self.notes += [note for stream in streams for note in stream.notes]
        judged = next(stream for stream in streams if stream.stream.is_judged)
        stand_ins = self._stand_ins(scrape)
        extensions, folders = self._extensions(streams)
        self.written = self._config(stand_ins, streams, extensions)
        return VariantTopology(
            config=thawed(self.written),
            exporters=tuple(stream.stream for stream in streams),
            relay_every=relay_every,
            emits_every=self._emits_every(judged.stream.id, relay_every),
            holds_for=judged.holds_for
            + self.tried.longest_to(judged.stream.id, self._batching, operator.add),
            stand_ins=tuple(id_ for processors in stand_ins.values() for id_ in processors),
            drops_with=tuple(dict.fromkeys(self._dropping(judged.stream.id, scrape, stand_ins))),
            folders=folders,
        )

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
    ) -> Mapping[str, Value]:
        target, pipelines = self.request.target, self.tried.pipelines.values()
        receiver = "otlp/phoenix"
        exporter_of = {stream.stream.id: stream.stream.component for stream in streams}
        connectors = self.configuration.components[Kind.CONNECTOR]
        used_connectors = dict.fromkeys(
            id_ for one in pipelines for id_ in one.exporters if id_ in connectors
        )
        used_processors = dict.fromkeys(id_ for one in pipelines for id_ in one.processors)
        config: dict[str, Value] = {
            "receivers": {receiver: _otlp_receiver(self.places.otlp_port)},
            "processors": {
                **{
                    id_: settings
                    for processors in stand_ins.values()
                    for id_, settings in processors.items()
                },
                **self._written(Kind.PROCESSOR, used_processors),
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

    def _extensions(self, streams: Sequence[Stream]) -> tuple[Mapping[str, Value], tuple[str, ...]]:
        """Extensions that something kept refers to, and the folders they need."""
        known = self.configuration.components[Kind.EXTENSION]
        kept_processors = {
            id_ for pipeline in self.tried.pipelines.values() for id_ in pipeline.processors
        }
        waiting: list[Value] = [
            *(
                self.configuration.components[Kind.PROCESSOR][id_].settings
                for id_ in kept_processors
            ),
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

    def _emits_every(self, exporter: str, relay_every: int) -> timedelta:
        relayed = relay_every * self.request.interval
        gathered = self.tried.longest_to(exporter, self._gathering, max)
        if gathered > relayed:
            self.notes.append(
                f"{self.name}: an interval processor emits every {gathered.total_seconds():g} s, which is "
                f"{gathered / relayed:g} scrapes of the trial"
            )
        return max(relayed, gathered)

    def _batching(self, pipeline: Pipeline) -> timedelta:
        return sum(
            (
                self._duration(one, "timeout", "200ms")
                for one in self._processors(pipeline)
                if one.type == "batch"
            ),
            timedelta(0),
        )

    def _gathering(self, pipeline: Pipeline) -> timedelta:
        found = (
            self._duration(one, "interval", "60s")
            for one in self._processors(pipeline)
            if one.type == "interval"
        )
        return max(found, default=timedelta(0))

    def _duration(self, component: Component, key: str, default: str) -> timedelta:
        place = f"{self.configuration.document.place((*component.path, key))}: {key}"
        value = expanded(
            component.settings.get(key, default), self.request.environment, field=place
        )
        return parse_go_duration(value, field=place)


@dataclass(frozen=True, slots=True)
class _IntervalNotes:
    notes: tuple[str, ...]
    ignored: tuple[str, ...]


def _relay_every(
    variants: Sequence[_Variant], request: TopologyRequest
) -> tuple[tuple[int, ...], _IntervalNotes]:
    """The n of each variant: its `collection_interval` / the shorter of the two."""
    is_accepted = COLLECTION_INTERVAL in request.ignore
    ignored: list[str] = []
    chosen: list[HostMetrics] = []
    for variant in variants:
        first, *others = sorted(variant.receivers.values(), key=lambda receiver: receiver.interval)
        chosen.append(first)
        for other in others:
            if other.interval != first.interval:
                difference = _difference(first, other)
                if not is_accepted:
                    raise other.place.below(COLLECTION_INTERVAL).refusal(
                        f"{difference}: all host_metrics receivers of a variant are relayed together; give them one "
                        f"interval, or scrape all at the shorter one with --ignore {COLLECTION_INTERVAL}"
                    )
                ignored.append(f"{difference}; both ran with the first")
    shorter, longer = sorted(chosen, key=lambda receiver: receiver.interval)
    ratio, rest = divmod(longer.interval, shorter.interval)
    if rest and not is_accepted:
        raise longer.place.below(COLLECTION_INTERVAL).refusal(
            f"{_difference(shorter, longer)}: every n-th scrape is relayed, and the ratio is no whole number; make "
            f"the longer a multiple of the shorter, or relay every scrape to both with --ignore {COLLECTION_INTERVAL}"
        )
    if rest:
        ignored.append(f"{_difference(shorter, longer)}; both got every scrape")
        ratio = 1
    every = tuple(ratio if receiver is longer else 1 for receiver in chosen)
    stands_for = (
        f"the trial's interval of {request.interval.total_seconds():g} s stands for a collection_interval of "
        f"{shorter.interval.total_seconds():g} s"
    )
    relayed = (
        f"{variant.name}: gets every {n}th scrape (collection_interval {receiver.interval.total_seconds():g} s)"
        + (
            "; process.cpu.utilization covers the last scrape only"
            if _has_utilization(receiver)
            else ""
        )
        for variant, receiver, n in zip(variants, chosen, every, strict=True)
        if n > 1
    )
    return every, _IntervalNotes((stands_for, *relayed), tuple(ignored))


def _difference(first: HostMetrics, second: HostMetrics) -> str:
    return (
        f"collection_interval: {first.interval.total_seconds():g} s at {first.place}, "
        f"{second.interval.total_seconds():g} s at {second.place}"
    )


def _has_utilization(receiver: HostMetrics) -> bool:
    """Whether it emits a gauge that the scraper computes since its own last scrape."""
    return any(
        scraper.emits(f"{prefix}.cpu.utilization") is True
        for scraper in receiver.scrapers.values()
        for prefix in ("process", "system")
    )


def _source(scrape: Scrape, request: TopologyRequest) -> Mapping[str, Value]:
    receiver = request.target.type_to_write(Kind.RECEIVER, RECEIVER)
    exporter = request.target.type_to_write(Kind.EXPORTER, "otlp_http")
    config: dict[str, Value] = {
        "receivers": {receiver: scrape.receiver},
        "exporters": {
            exporter: {
                "metrics_endpoint": f"{request.meter_url.rstrip('/')}{SOURCE_PATH}",
                "compression": "none",
                "sending_queue": _SOURCE_QUEUE,
                "retry_on_failure": RETRY,
            }
        },
        "service": {
            "pipelines": {"metrics": {"receivers": (receiver,), "exporters": (exporter,)}},
            "telemetry": self_telemetry(
                port=request.source_telemetry_port, instance=f"{request.instance}-source"
            ),
        },
    }
    return config


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


def _refuse_lacking(
    variants: Sequence[_Variant], configs: Iterable[Mapping[str, Value]], target: Target
) -> None:
    lacking = dict.fromkeys(
        _lacking_of(kind, id_, variants)
        for config in configs
        for kind in Kind
        for id_ in _ids_of(config.get(kind.section))
        if not target.has(kind, parse_component_id(id_, field=kind.value).type)
    )
    if lacking:
        raise InvalidInputError(
            f"the collector lacks {', '.join(lacking)}; name one that has them with --collector PATH"
        )


def _ids_of(section: Value) -> Iterator[str]:
    if isinstance(section, Mapping):
        yield from section


def _lacking_of(kind: Kind, id_: str, variants: Sequence[_Variant]) -> str:
    named = f"the {kind.value} {parse_component_id(id_, field=kind.value).type}"
    for variant in variants:
        component = variant.configuration.components[kind].get(id_)
        if component is not None:
            return f"{named} ({variant.configuration.document.place(component.path)})"
    return named


def _dummies(
    configs: Iterable[Mapping[str, Value]], environment: Mapping[str, str]
) -> Mapping[str, str]:
    """Values for variables without default that are not set; the collector would read nothing for them."""
    names = sorted(
        reference.name
        for config in configs
        for reference in references_in(config)
        if reference.default is None and reference.name not in environment
    )
    return dict.fromkeys(names, _DUMMY)
