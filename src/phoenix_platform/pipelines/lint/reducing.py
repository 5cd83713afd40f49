"""Rules about `reduce`: what before or after it breaks the totals it holds, and what it cannot work with.

Each looks along one pipeline; what goes on behind a connector is not followed. Called by `linting`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Component, Pipeline
from phoenix_platform.pipelines.documents import Path, Value
from phoenix_platform.pipelines.environment import references_in
from phoenix_platform.pipelines.findings import Severity
from phoenix_platform.pipelines.host_metrics import PROCESS, RECEIVER
from phoenix_platform.pipelines.lint.order import misplaced
from phoenix_platform.pipelines.lint.renaming import texts_in
from phoenix_platform.pipelines.lint.subjects import Found, Subject
from phoenix_platform.pipelines.reduce_settings import (
    CHOICES,
    IDENTITY,
    KEYS,
    REDUCE,
    SCRAPER_OF_CONDITION,
)
from phoenix_platform.pipelines.semantics.facts import Area, entries, mapping, texts
from phoenix_platform.pipelines.semantics.filters import TYPE as FILTER
from phoenix_platform.pipelines.semantics.filters import read_filter


def reduce_in_its_place(subject: Subject) -> Iterator[Found]:
    """Behind a batch, beside a filter of processes, twice, or without process ids."""
    for pipeline in subject.configuration.pipelines.values():
        processors = subject.processors(pipeline)
        places = [index for index, one in enumerate(processors) if one.type == REDUCE]
        if not places:
            continue
        first = places[0]
        yield from _behind_batch(subject, pipeline, processors[:first], processors[first])
        yield from _beside_filters(subject, processors, first)
        yield from _without_pids(subject, pipeline, processors[first])
        for index in places[1:]:
            yield _found(
                subject, "second-reduce", pipeline, processors[index],
                f"runs after {processors[first].id!r}, which has summed processes already: sums have no process id and pass, and only those kept are ranked again",
                "put both choices into one reduce",
            )  # fmt: skip


def reduce_settings(subject: Subject) -> Iterator[Found]:
    """Keys and words that the processor refuses when the collector starts."""
    for component in _reduces(subject):
        yield from _unknown_keys(subject, component, component.settings, (), component.path)
        for key, known in CHOICES.items():
            written = component.settings.get(key)
            if (
                isinstance(written, str)
                and written not in known
                and not any(references_in(written))
            ):
                choices = ", ".join(repr(one) for one in sorted(known))
                yield _setting(subject, component, (key,), f"{key} is {written!r}, which reduce refuses", f"write one of {choices}")  # fmt: skip
        if texts(component.settings.get("group_by")) and entries(
            component.settings.get("categories")
        ):
            yield _setting(
                subject, component, ("categories",), "group_by and categories both name the sums, which reduce refuses",
                "remove one of them",
            )  # fmt: skip
        for index, key in enumerate(texts(component.settings.get("group_by"))):
            if key in {IDENTITY, "process.parent_pid", "process.command_line"}:
                yield _setting(
                    subject, component, ("group_by", index), f"{key} is another one for nearly every process, which reduce refuses",
                    "group by process.executable.name or process.owner",
                )  # fmt: skip


def levels_that_can_be_met(subject: Subject) -> Iterator[Found]:
    """Conditions on metrics that nothing in the pipeline scrapes; the processor then stays at level 0."""
    for pipeline in subject.configuration.pipelines.values():
        receivers = subject.receivers(pipeline)
        if not receivers or any(one.type != RECEIVER for one in receivers):
            continue
        if len(receivers) != len(pipeline.receivers):
            continue  # a connector may bring them
        scraped = {type_ for one in receivers for type_ in mapping(one.settings.get("scrapers"))}
        for component in subject.processors(pipeline):
            if component.type == REDUCE:
                yield from _unmet(subject, component, scraped)


def shared_ledgers(subject: Subject) -> Iterator[Found]:
    """Two instances of the processor that write one file: a component runs once per pipeline that names it."""
    instances = [
        component
        for pipeline in subject.configuration.pipelines.values()
        for component in subject.processors(pipeline)
        if component.type == REDUCE
    ]
    paths = Counter(_ledger_of(one) for one in instances)
    for component in _reduces(subject):
        path = _ledger_of(component)
        if path is not None and paths[path] > 1:
            yield _setting(
                subject, component, ("ledger", "path"), f"{paths[path]} instances of reduce write {path}: each pipeline runs its own",
                "give each pipeline a reduce of its own with a ledger of its own", rule="shared-ledger", severity=Severity.WARNING,
            )  # fmt: skip


def _behind_batch(
    subject: Subject, pipeline: Pipeline, before: Sequence[Component], reduce: Component
) -> Iterator[Found]:
    for component in before:
        if component.type == "batch":
            others = [one for one in pipeline.processors if one != component.id]
            yield misplaced(
                subject, "reduce-after-batch", Severity.WARNING, pipeline, component,
                f"runs before {reduce.id!r}: a scrape then arrives there in pieces, and the choice is made for each piece",
                f"name {component.id} last", [*others, component.id],
            )  # fmt: skip


def _beside_filters(
    subject: Subject, processors: Sequence[Component], reduce: int
) -> Iterator[Found]:
    for index, component in enumerate(processors):
        if component.type != FILTER or not _drops_processes(component):
            continue
        if index < reduce:
            message = (
                f"drops processes before {processors[reduce].id!r} sums them: they are in no total"
            )
            fix = f"remove it, and name them in never_keep of {processors[reduce].id}"
        else:
            message = f"drops what {processors[reduce].id!r} lets out: totals lack it"
            fix = f"name them in never_keep of {processors[reduce].id} instead, so that they are summed"
        yield subject.found(
            "totals-lost", Severity.WARNING, component.path, message, fix=fix, component=component.id
        )  # fmt: skip


def _drops_processes(component: Component) -> bool:
    by_name = any(fact.area is Area.PROCESSES for fact in read_filter(component).facts)
    quoted = ('attributes["process.', "attributes['process.")
    return by_name or any(sign in text for text in texts_in(component.settings) for sign in quoted)


def _without_pids(subject: Subject, pipeline: Pipeline, reduce: Component) -> Iterator[Found]:
    for receiver in subject.receivers(pipeline):
        path = ("scrapers", PROCESS, "resource_attributes", IDENTITY)
        value: Value = receiver.settings
        for key in path:
            value = mapping(value).get(key)
        if receiver.type == RECEIVER and mapping(value).get("enabled") is False:
            yield subject.found(
                "reduce-without-pid", Severity.WARNING, (*receiver.path, *path),
                f"{IDENTITY} is off, and {reduce.id!r} lets everything pass that has none",
                fix="leave it on; sums have none anyway", component=receiver.id,
            )  # fmt: skip


def _unknown_keys(
    subject: Subject, component: Component, value: Value, within: tuple[str, ...], path: Path
) -> Iterator[Found]:
    for index, entry in enumerate(entries(value)):
        yield from _unknown_keys(subject, component, entry, within, (*path, index))
    known = KEYS.get(within)
    if known is None or not isinstance(value, Mapping):
        return
    for key, member in value.items():
        if key not in known:
            where = ".".join(within) or "reduce"
            yield subject.found(
                "unknown-setting", Severity.ERROR, (*path, key), f"{where} has no setting {key!r}",
                fix=f"there are {', '.join(sorted(known))}", component=component.id,
            )  # fmt: skip
        else:
            yield from _unknown_keys(subject, component, member, (*within, key), (*path, key))


def _unmet(subject: Subject, component: Component, scraped: set[str]) -> Iterator[Found]:
    for index, level in enumerate(entries(component.settings.get("levels"))):
        for condition, scraper in SCRAPER_OF_CONDITION.items():
            if condition in mapping(mapping(level).get("enter")) and scraper not in scraped:
                path = (*component.path, "levels", index, "enter", condition)
                yield subject.found(
                    "level-never-met", Severity.WARNING, path,
                    f"the pipeline has no {scraper} scraper, so {condition} is never known and this never met",
                    fix=f"add the {scraper} scraper to its host_metrics receiver", component=component.id,
                )  # fmt: skip


def _reduces(subject: Subject) -> Iterator[Component]:
    processors = subject.configuration.components[Kind.PROCESSOR].values()
    return (component for component in processors if component.type == REDUCE)


def _ledger_of(component: Component) -> str | None:
    path = mapping(component.settings.get("ledger")).get("path")
    return path if isinstance(path, str) else None


def _found(
    subject: Subject, rule: str, pipeline: Pipeline, component: Component, message: str, fix: str
) -> Found:
    index = pipeline.processors.index(component.id)
    path = ("service", "pipelines", pipeline.id, Kind.PROCESSOR.section, index)
    return subject.found(
        rule, Severity.WARNING, path, f"pipeline {pipeline.id}: {message}", fix=fix, component=component.id
    )  # fmt: skip


def _setting(
    subject: Subject,
    component: Component,
    path: Path,
    message: str,
    fix: str,
    *,
    rule: str = "refused-setting",
    severity: Severity = Severity.ERROR,
) -> Found:
    return subject.found(
        rule, severity, (*component.path, *path), message, fix=fix, component=component.id
    )
