"""From two configurations to the three collectors of a trial, as a pure function.

The source scrapes for both. Each variant runs the user's own processors and connectors behind an OTLP
receiver that takes relayed scrapes, and every exporter sends to the meter instead. What cannot be tried like
that exactly is refused or named. `phoenix trial` calls `plan_topology`; the parts are `tried_pipelines`
(what runs), `scrapes` (what the source scrapes), `streams` (where exporters lead).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Kind, Target, parse_component_id
from phoenix_platform.pipelines.configurations import Configuration
from phoenix_platform.pipelines.documents import Value, thawed
from phoenix_platform.pipelines.environment import references_in
from phoenix_platform.pipelines.host_metrics import RECEIVER
from phoenix_platform.pipelines.relaying import plan_relaying
from phoenix_platform.pipelines.scrapes import Scrape, plan_scrape
from phoenix_platform.pipelines.self_telemetry import self_telemetry
from phoenix_platform.pipelines.streams import RETRY
from phoenix_platform.pipelines.topologies import SOURCE_PATH, Topology, TopologyRequest
from phoenix_platform.pipelines.variant_collectors import PlannedVariant, VariantCollector

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
    variants = (
        VariantCollector.read("baseline", baseline, request.baseline, request),
        VariantCollector.read("candidate", candidate, request.candidate, request),
    )
    relaying = plan_relaying(
        {variant.name: tuple(variant.receivers.values()) for variant in variants},
        interval=request.interval,
        ignore=request.ignore,
    )
    scrape = plan_scrape(
        [receiver for variant in variants for receiver in variant.receivers.values()],
        [reading for variant in variants for reading in variant.readings()],
        interval=request.interval,
        ignore=request.ignore,
    )
    source = _source(scrape, request)
    planned = [variant.plan(scrape, relaying.every[variant.name]) for variant in variants]
    _refuse_lacking(source, variants, planned, request.target)
    environment = _dummies(planned, request.environment)
    return Topology(
        source=thawed(source),
        source_path=SOURCE_PATH,
        baseline=planned[0].topology,
        candidate=planned[1].topology,
        environment=environment,
        not_measured=tuple(
            f"{variant.name}: {line}" for variant in variants for line in variant.tried.not_measured
        ),
        ignored=(*scrape.ignored, *relaying.ignored),
        notes=(
            *relaying.notes,
            *(note for variant in planned for note in variant.notes),
            *(
                f"{name} is not set; the trial sets it to {value!r}"
                for name, value in environment.items()
            ),
        ),
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


def _refuse_lacking(
    source: Mapping[str, Value],
    variants: Sequence[VariantCollector],
    planned: Sequence[PlannedVariant],
    target: Target,
) -> None:
    """Refuse what the target does not have: by type, with the first place where a user asks for it."""
    lacking: dict[str, str] = {}
    for kind, id_ in _component_ids(source):
        _note_lacking(lacking, kind, id_, "", target)
    for variant, plan in zip(variants, planned, strict=True):
        components = variant.configuration.components
        for kind, id_ in _component_ids(plan.written):
            place = next(
                (
                    f" ({variant.configuration.document.place(component.path)})"
                    for component in components[kind].values()
                    if target.id_to_write(kind, component.id) == id_
                ),
                "",
            )
            _note_lacking(lacking, kind, id_, place, target)
    if lacking:
        named = ", ".join(f"{part}{place}" for part, place in lacking.items())
        raise InvalidInputError(
            f"the collector lacks {named}; name one that has them with --collector PATH"
        )


def _note_lacking(
    lacking: dict[str, str], kind: Kind, id_: str, place: str, target: Target
) -> None:
    type_ = parse_component_id(id_, field=kind.value).type
    if not target.has(kind, type_):
        part = f"the {kind.value} {type_}"
        lacking[part] = lacking.get(part) or place


def _component_ids(config: Mapping[str, Value]) -> Iterator[tuple[Kind, str]]:
    for kind in Kind:
        section = config.get(kind.section)
        if isinstance(section, Mapping):
            yield from ((kind, id_) for id_ in section)


def _dummies(
    planned: Iterable[PlannedVariant], environment: Mapping[str, str]
) -> Mapping[str, str]:
    """Values for variables without default that are not set; the collector would read nothing for them."""
    names = {
        reference.name
        for plan in planned
        for reference in references_in(plan.written)
        if reference.default is None and reference.name not in environment
    }
    return dict.fromkeys(sorted(names), _DUMMY)
