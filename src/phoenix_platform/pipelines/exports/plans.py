"""What an export changes in a user's configuration, decided on values; `exporting` then edits the text.

The processors of a catalog entry are made for the points of its own scrapers. Where the user's pipeline
carries other data too, they would drop or merge it; so such a pipeline is split, and the other data keeps its way.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import (
    ComponentId,
    Kind,
    Target,
    canonical_type,
    parse_component_id,
)
from phoenix_platform.pipelines.configurations import Component, Configuration, Pipeline
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.host_metrics import RECEIVER
from phoenix_platform.pipelines.semantics.facts import mapping

_FIRST = "memory_limiter"
_LAST = "batch"
_OWN = "phoenix"


@dataclass(frozen=True, slots=True)
class Chain:
    """What is taken from a catalog entry: one receiver, and the processors behind it in order."""

    configuration: Configuration
    receiver: Component
    processors: tuple[Component, ...]

    @property
    def scrapers(self) -> Mapping[str, Value]:
        return mapping(self.receiver.settings.get("scrapers"))


def chain_of(configuration: Configuration) -> Chain:
    """The one pipeline of a configuration that host_metrics feeds.

    Raises:
        InvalidInputError: If there is none, or it takes more than a receiver and a row of processors to say it.
    """
    receivers = configuration.components[Kind.RECEIVER]
    fed = [
        (pipeline, [id_ for id_ in pipeline.receivers if _is_host_metrics(receivers.get(id_))])
        for pipeline in configuration.pipelines.values()
        if pipeline.signal == "metrics"
    ]
    fed = [(pipeline, ids) for pipeline, ids in fed if ids]
    if len(fed) != 1 or len(fed[0][1]) != 1:
        raise configuration.refusal(
            ("service", "pipelines"),
            "not one metrics pipeline with one host_metrics receiver; export takes exactly one such pipeline",
        )
    pipeline, (receiver,) = fed[0][0], fed[0][1]
    if configuration.components[Kind.CONNECTOR].keys() & {*pipeline.exporters, *pipeline.receivers}:
        raise configuration.refusal(
            ("service", "pipelines", pipeline.id),
            "a connector; export takes a pipeline that ends in an exporter",
        )
    return Chain(
        configuration,
        receivers[receiver],
        tuple(configuration.components[Kind.PROCESSOR][id_] for id_ in pipeline.processors),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelinePlan:
    id: str
    is_new: bool
    receivers: tuple[str, ...]
    processors: tuple[str, ...]
    exporters: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPlan:
    chain: Chain
    settled: tuple[Component, ...]
    """Receivers of the user that get the chain's scrapers in place of their own."""
    stripped: tuple[Component, ...]
    """Receivers of the user that scrape other things too; they lose the chain's scrapers."""
    added: Mapping[str, Component]
    """Components that are new, by the id they get: receivers' settings are those of `receiver_settings`."""
    receiver_settings: Mapping[str, Mapping[str, Value]]
    pipelines: tuple[PipelinePlan, ...]
    dropped: tuple[Component, ...]
    """Processors of an earlier export that nothing uses any more."""


def plan_export(
    chain: Chain,
    into: Configuration,
    *,
    target: Target,
    exporter: str | None,
    others: Sequence[Chain] = (),
) -> ExportPlan:
    """Decide where the chain goes.

    Args:
        chain: What is exported.
        into: The user's configuration.
        target: Decides the type names of what is added.
        exporter: Id of the exporter that the chain leads to; needed if the user scrapes no processes and
            has several.
        others: Chains of earlier exports: where one stands, this one takes its place.

    Raises:
        InvalidInputError: If the exporter is unknown, or there are several and none is named.
    """
    return _Planner(chain, into, target, exporter, others).plan()


class _Planner:
    def __init__(
        self,
        chain: Chain,
        into: Configuration,
        target: Target,
        exporter: str | None,
        others: Sequence[Chain],
    ) -> None:
        self._chain = chain
        self._into = into
        self._target = target
        self._exporter = exporter
        self._others = others
        self._taken_pipelines = set(into.pipelines)
        self._taken = {id_ for kind in Kind for id_ in into.components[kind]}
        self._added: dict[str, Component] = {}
        self._receiver_settings: dict[str, Mapping[str, Value]] = {}
        self._ids: tuple[str, ...] | None = None

    def plan(self) -> ExportPlan:
        self._refuse_unknown_exporter()
        fed = self._fed()
        sources = {id_: one for id_, one in self._sources().items() if _is_named(id_, fed)}
        if sources:
            self._refuse_other_exporter(fed)
            alone = {id_ for id_, one in sources.items() if self._is_alone(one)}
            renamed = {id_: self._split(one) for id_, one in sources.items() if id_ not in alone}
            pipelines = tuple(
                plan for pipeline in fed for plan in self._of_pipeline(pipeline, alone, renamed)
            )
        else:
            alone, renamed = set[str](), dict[str, str]()
            pipelines = (self._new_pipeline(),)
        return ExportPlan(
            chain=self._chain,
            settled=tuple(sources[id_] for id_ in sources if id_ in alone),
            stripped=tuple(sources[id_] for id_ in renamed),
            added=self._added,
            receiver_settings=self._receiver_settings,
            pipelines=pipelines,
            dropped=tuple(self._dropped(pipelines)),
        )

    def _refuse_unknown_exporter(self) -> None:
        known = self._into.components[Kind.EXPORTER]
        if self._exporter is not None and self._exporter not in known:
            raise InvalidInputError(
                f"exporter: {self._into.name} has no {self._exporter!r}; there are {', '.join(known)}"
            )

    def _refuse_other_exporter(self, fed: Sequence[Pipeline]) -> None:
        leads_to = {id_ for pipeline in fed for id_ in pipeline.exporters}
        if self._exporter is not None and self._exporter not in leads_to:
            raise InvalidInputError(
                f"exporter: what host_metrics feeds in {self._into.name} leads to {', '.join(sorted(leads_to))}, "
                f"not to {self._exporter!r}; leave --exporter out, or change the pipeline first"
            )

    def _sources(self) -> dict[str, Component]:
        """The user's receivers that scrape what the chain scrapes."""
        return {
            id_: one
            for id_, one in self._into.components[Kind.RECEIVER].items()
            if _is_host_metrics(one)
            and self._chain.scrapers.keys() & mapping(one.settings.get("scrapers")).keys()
        }

    def _fed(self) -> list[Pipeline]:
        sources = self._sources()
        return [
            pipeline
            for pipeline in self._into.pipelines.values()
            if pipeline.signal == "metrics" and sources.keys() & set(pipeline.receivers)
        ]

    def _is_alone(self, source: Component) -> bool:
        """Whether the receiver scrapes nothing but what the chain scrapes."""
        return mapping(source.settings.get("scrapers")).keys() <= self._chain.scrapers.keys()

    def _split(self, source: Component) -> str:
        """A receiver of its own for the chain's scrapers, with the user's other settings."""
        kept = {key: value for key, value in source.settings.items() if key != "scrapers"}
        return self._add_receiver(kept)

    def _add_receiver(self, kept: Mapping[str, Value]) -> str:
        receiver = self._chain.receiver
        id_ = self._fresh(receiver, name="" if not kept else _OWN)
        self._added[id_] = receiver
        self._receiver_settings[id_] = {**kept, **receiver.settings}
        return id_

    def _of_pipeline(
        self, pipeline: Pipeline, alone: set[str], renamed: Mapping[str, str]
    ) -> Iterator[PipelinePlan]:
        ours = tuple(id_ for id_ in pipeline.receivers if id_ in alone)
        ours += tuple(renamed[id_] for id_ in pipeline.receivers if id_ in renamed)
        rest = tuple(id_ for id_ in pipeline.receivers if id_ not in alone)
        own = self._without_earlier(pipeline.processors)
        if not rest:
            yield PipelinePlan(
                id=pipeline.id,
                is_new=False,
                receivers=pipeline.receivers,
                processors=self._with_chain(own),
                exporters=pipeline.exporters,
            )
            return
        yield PipelinePlan(
            id=pipeline.id,
            is_new=False,
            receivers=rest,
            processors=own,
            exporters=pipeline.exporters,
        )
        yield PipelinePlan(
            id=self._fresh_pipeline(),
            is_new=True,
            receivers=ours,
            processors=self._with_chain(own),
            exporters=pipeline.exporters,
        )

    def _new_pipeline(self) -> PipelinePlan:
        exporter = self._chosen_exporter()
        like = next(
            (
                pipeline
                for pipeline in self._into.pipelines.values()
                if pipeline.signal == "metrics" and exporter in pipeline.exporters
            ),
            None,
        )
        kept = () if like is None else tuple(
            id_ for id_ in like.processors if self._type_of(id_) in (_FIRST, _LAST)
        )  # fmt: skip
        return PipelinePlan(
            id=self._fresh_pipeline(),
            is_new=True,
            receivers=(self._add_receiver({}),),
            processors=self._with_chain(kept),
            exporters=(exporter,),
        )

    def _chosen_exporter(self) -> str:
        if self._exporter is not None:
            return self._exporter
        known = self._into.components[Kind.EXPORTER]
        used = dict.fromkeys(
            id_
            for pipeline in self._into.pipelines.values()
            if pipeline.signal == "metrics"
            for id_ in pipeline.exporters
            if id_ in known
        )
        choices = tuple(used or known)
        if len(choices) != 1:
            raise InvalidInputError(
                f"exporter: {self._into.name} scrapes no processes and has several exporters; "
                f"name the one to send to with --exporter: {', '.join(choices)}"
            )
        return choices[0]

    def _with_chain(self, own: tuple[str, ...]) -> tuple[str, ...]:
        """The user's processors with the chain behind a memory_limiter, before all others."""
        wanted = [
            one
            for one in self._chain.processors
            if one.type not in (_FIRST, _LAST) or one.type not in map(self._type_of, own)
        ]
        if not wanted or self._window(own, wanted) is not None:
            return own
        ids = self._chain_ids(wanted, own)
        first = 0
        while first < len(own) and self._type_of(own[first]) == _FIRST:
            first += 1
        return (*own[:first], *ids, *own[first:])

    def _chain_ids(self, wanted: Sequence[Component], own: tuple[str, ...]) -> tuple[str, ...]:
        """Ids for the chain: what the user has with equal settings, else new ones."""
        ids: list[str] = []
        known = {**self._into.components[Kind.PROCESSOR], **self._added}
        for component in wanted:
            equal = (
                id_
                for id_, other in known.items()
                if id_ not in own and id_ not in ids and _is_equal(other, component)
            )
            id_ = next(equal, None)
            if id_ is None:
                id_ = self._fresh(component)
                self._added[id_] = component
            ids.append(id_)
        return tuple(ids)

    def _without_earlier(self, own: tuple[str, ...]) -> tuple[str, ...]:
        """The user's processors without the chains of earlier exports."""
        for other in self._others:
            wanted = [one for one in other.processors if one.type not in (_FIRST, _LAST)]
            at = self._window(own, wanted) if wanted else None
            if at is not None:
                own = (*own[:at], *own[at + len(wanted) :])
        return own

    def _window(self, own: tuple[str, ...], wanted: Sequence[Component]) -> int | None:
        """Where the components stand one behind the other."""
        known = {**self._into.components[Kind.PROCESSOR], **self._added}
        for at in range(len(own) - len(wanted) + 1):
            if all(
                _is_equal(known[id_], one)
                for id_, one in zip(own[at : at + len(wanted)], wanted, strict=True)
            ):
                return at
        return None

    def _dropped(self, pipelines: Sequence[PipelinePlan]) -> Iterator[Component]:
        planned = {plan.id for plan in pipelines}
        used = {id_ for plan in pipelines for id_ in plan.processors}
        before: set[str] = set()
        for pipeline in self._into.pipelines.values():
            if pipeline.id in planned:
                before |= set(pipeline.processors)
            else:
                used |= set(pipeline.processors)
        for id_ in sorted(before - used):
            yield self._into.components[Kind.PROCESSOR][id_]

    def _type_of(self, id_: str) -> str:
        written = parse_component_id(id_, field="processor").type
        return canonical_type(Kind.PROCESSOR, written)

    def _fresh(self, component: Component, *, name: str | None = None) -> str:
        """An id that nothing has yet, with the type name that the target knows."""
        type_ = self._target.type_to_write(component.kind, component.type)
        own = parse_component_id(component.id, field=component.kind.value).name
        name = own if name is None else name
        stem = f"{name}_{_OWN}" if name and name != _OWN else _OWN
        numbered = (f"{stem}_{number}" for number in range(2, len(self._taken) + 3))
        written = parse_component_id(component.id, field=component.kind.value).type
        types = {type_, component.type, written}
        chosen = next(
            candidate
            for candidate in (name, stem, *numbered)
            if not {str(ComponentId(one, candidate)) for one in types} & self._taken
        )
        id_ = str(ComponentId(type_, chosen))
        self._taken.add(id_)
        return id_

    def _fresh_pipeline(self) -> str:
        taken = self._taken_pipelines
        numbered = (f"metrics/{_OWN}_{number}" for number in range(2, len(taken) + 3))
        id_ = next(one for one in ("metrics", f"metrics/{_OWN}", *numbered) if one not in taken)
        taken.add(id_)
        return id_


def _is_host_metrics(component: Component | None) -> bool:
    return component is not None and component.type == RECEIVER


def _is_named(id_: str, pipelines: Sequence[Pipeline]) -> bool:
    return any(id_ in pipeline.receivers for pipeline in pipelines)


def _is_equal(one: Component, other: Component) -> bool:
    return one.type == other.type and one.settings == other.settings
