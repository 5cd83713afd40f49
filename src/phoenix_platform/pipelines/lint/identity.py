"""Rules about what happens to series on the way: identities that melt together, sums of what counts up.

Each looks along a pipeline, processor by processor. What goes on behind a connector is not followed: then
nothing is said. Called by `linting`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Component, Pipeline
from phoenix_platform.pipelines.documents import Path, Value
from phoenix_platform.pipelines.findings import Severity
from phoenix_platform.pipelines.host_metrics import RECEIVER
from phoenix_platform.pipelines.lint.statements import (
    Group,
    attributes_read,
    conditions_of,
    deleted_by,
    groups_of,
    is_about_resource,
    kept_by,
    written_by,
)
from phoenix_platform.pipelines.lint.subjects import Found, Subject
from phoenix_platform.pipelines.reduce_settings import REDUCE

_IDENTITY: Final = "process.pid"
_POINT_CONTEXTS: Final = frozenset({"datapoint", "metric"})


@dataclass(slots=True)
class _Walk:
    """What is known at a place of a pipeline."""

    deleted: dict[str, str] = field(default_factory=dict[str, str])
    """Resource attributes that are gone, with the processor that deleted them."""
    lost_identity: Found | None = None
    is_merged: bool = False
    """Whether series of several processes may stand in one resource."""
    is_delta: bool = False


def along_pipelines(subject: Subject) -> Iterator[Found]:
    """Attributes that are read after they are gone, lost identities, sums of cumulative values."""
    for pipeline in subject.configuration.pipelines.values():
        if pipeline.signal == "metrics":
            yield from _walked(subject, pipeline)


def flat_statements(subject: Subject) -> Iterator[Found]:
    """A resource attribute deleted while points still read it: only the first point sees it."""
    for component in subject.components():
        if component.type == "transform" and component.kind is Kind.PROCESSOR:
            for group in groups_of(component):
                yield from _read_and_deleted(subject, component, group)


def _walked(subject: Subject, pipeline: Pipeline) -> Iterator[Found]:
    receivers = [one for one in subject.receivers(pipeline) if one.type == RECEIVER]
    scrapes_processes = any(_scrapes_processes(one) for one in receivers)
    walk = _Walk()
    for component in subject.processors(pipeline):
        yield from _reads_deleted(subject, component, walk)
        match component.type:
            case "resource":
                _resource(subject, component, walk)
            case "transform":
                yield from _transform(subject, component, walk, scrapes_processes=scrapes_processes)
            case "metrics_transform":
                if _sums(component) and scrapes_processes and walk.is_merged and not walk.is_delta:
                    yield _cumulative_sum(subject, component, component.path)
                if _aggregates(component.settings):
                    walk.lost_identity = None
            case "cumulative_to_delta":
                walk.is_delta = True
            case "groupbyattrs":
                walk.is_merged = True
            case "interval":
                walk.lost_identity = None
            case _:
                pass
    connectors = subject.configuration.components[Kind.CONNECTOR]
    is_followed = any(id_ in connectors for id_ in pipeline.exporters)
    if scrapes_processes and walk.lost_identity is not None and not is_followed:
        yield walk.lost_identity


def _resource(subject: Subject, component: Component, walk: _Walk) -> None:
    actions = component.settings.get("attributes")
    for index, action in enumerate(actions if isinstance(actions, tuple) else ()):
        if not isinstance(action, Mapping) or not isinstance(key := action.get("key"), str):
            continue
        if action.get("action") == "delete":
            _delete(subject, component, walk, key, (*component.path, "attributes", index))
        elif action.get("action") in {"insert", "upsert"}:
            walk.deleted.pop(key, None)


def _transform(
    subject: Subject, component: Component, walk: _Walk, *, scrapes_processes: bool
) -> Iterator[Found]:
    for group in groups_of(component):
        for path, text in group.statements:
            is_certain = " where " not in text and not group.conditions
            if text.lstrip().startswith("aggregate_on_attribut"):
                is_sum = '("sum"' in text.replace(" ", "")
                if is_sum and scrapes_processes and walk.is_merged and not walk.is_delta:
                    yield _cumulative_sum(subject, component, path)
                walk.lost_identity = None
            for key in deleted_by(text, group.context) if is_certain else ():
                _delete(subject, component, walk, key, path)
            kept = kept_by(text, group.context)
            if kept is not None and is_certain and _IDENTITY not in kept:
                _delete(subject, component, walk, _IDENTITY, path)
            for key in written_by(text, group.context):
                walk.deleted.pop(key, None)


def _delete(subject: Subject, component: Component, walk: _Walk, key: str, path: Path) -> None:
    walk.deleted[key] = component.id
    if key == _IDENTITY:
        walk.lost_identity = subject.found(
            "identity-lost", Severity.WARNING, path,
            f"{_IDENTITY} is deleted and nothing aggregates afterwards: processes of one name become several series with one identity",
            fix="aggregate after it (groupbyattrs, then aggregate_on_attributes), or keep the attribute",
            component=component.id,
        )  # fmt: skip


def _reads_deleted(subject: Subject, component: Component, walk: _Walk) -> Iterator[Found]:
    for path, text, context in conditions_of(component):
        for owner, name in attributes_read(text):
            if is_about_resource(owner, context) and name in walk.deleted and "nil" not in text:
                yield _deleted_before(subject, component, path, name, walk.deleted[name])
    list_of_names = {"groupbyattrs": "keys", REDUCE: "group_by"}.get(component.type)
    if list_of_names is not None:
        keys = component.settings.get(list_of_names)
        for index, key in enumerate(keys if isinstance(keys, tuple) else ()):
            if isinstance(key, str) and key in walk.deleted:
                path = (*component.path, list_of_names, index)
                yield _deleted_before(subject, component, path, key, walk.deleted[key])
    if component.type == REDUCE and _IDENTITY in walk.deleted:
        by = walk.deleted[_IDENTITY]
        yield _deleted_before(subject, component, component.path, _IDENTITY, by)


def _deleted_before(
    subject: Subject, component: Component, path: Path, name: str, by: str
) -> Found:
    return subject.found(
        "attribute-already-deleted", Severity.WARNING, path,
        f"the resource attribute {name!r} is already deleted by {by!r} when this runs",
        fix=f"move it before {by}, or delete the attribute later", component=component.id,
    )  # fmt: skip


def _read_and_deleted(subject: Subject, component: Component, group: Group) -> Iterator[Found]:
    texts = [text for _, text in group.statements]
    is_per_point = group.context in _POINT_CONTEXTS or (
        group.context is None and any("datapoint." in text or "metric." in text for text in texts)
    )
    if not is_per_point:
        return
    read = {
        name
        for text in texts
        for owner, name in attributes_read(text)
        if owner == "resource" and name not in written_by(text, None)
    }
    for path, text in group.statements:
        kept = kept_by(text, None)
        gone = read & deleted_by(text, None) if kept is None else read - kept
        if gone:
            name = min(gone)
            how = "a flat list runs in one context" if group.is_flat else "the group runs per point"
            yield subject.found(
                "deleted-after-first-point", Severity.WARNING, path,
                f"deletes the resource attribute {name!r} that the same statements read: {how}, so only the first point of a resource sees it",
                fix="delete it in a group of its own with `context: resource`, after the one that reads it",
                component=component.id,
            )  # fmt: skip


def _cumulative_sum(subject: Subject, component: Component, path: Path) -> Found:
    return subject.found(
        "sum-of-cumulative", Severity.WARNING, path,
        "sums cumulative values over processes: the sum goes down when one exits",
        fix="run cumulative_to_delta before it", component=component.id,
    )  # fmt: skip


def _sums(component: Component) -> bool:
    return _mentions(component.settings, "aggregation_type", "sum")


def _aggregates(settings: Mapping[str, Value]) -> bool:
    return _mentions(settings, "action", "aggregate_labels") or _mentions(
        settings, "action", "combine"
    )


def _mentions(value: Value, key: str, wanted: str) -> bool:
    match value:
        case Mapping():
            return value.get(key) == wanted or any(
                _mentions(member, key, wanted) for member in value.values()
            )
        case tuple():
            return any(_mentions(member, key, wanted) for member in value)
        case _:
            return False


def _scrapes_processes(receiver: Component) -> bool:
    scrapers = receiver.settings.get("scrapers")
    return isinstance(scrapers, Mapping) and "process" in scrapers
