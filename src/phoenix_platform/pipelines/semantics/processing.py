"""Processors with a plain effect as facts: attributes, temporality, grouping, timing.

`filters` and `statements` read the two with a language of their own.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from phoenix_platform.pipelines.configurations import Component
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.secrets import MASK, is_secret_key
from phoenix_platform.pipelines.semantics.facts import (
    Area,
    Fact,
    Reading,
    entries,
    joined,
    mapping,
    numbered,
    shown,
    texts,
    without,
)
from phoenix_platform.pipelines.semantics.masking import digest_of, is_secret
from phoenix_platform.pipelines.semantics.scraping import interval_fact

_NO_EFFECT: Final = (Area.OPERATION, "No effect on the data.")
_ACTIONS: Final[Mapping[str, str]] = {
    "insert": "The attribute is set where it is missing.",
    "update": "The attribute is changed where it is there.",
    "upsert": "The attribute is set.",
    "delete": "The attribute is deleted.",
    "hash": "The attribute's value is replaced by its hash.",
    "extract": "Attributes are made of parts of this one.",
    "convert": "The attribute gets another type.",
}


def read_resource(component: Component) -> Reading:
    return _actions(component, "attributes", "resource attribute")


def read_attributes(component: Component) -> Reading:
    reading = _actions(component, "actions", "attribute of points, spans and log records")
    effect = (Area.ATTRIBUTES, "The actions concern other data.")
    return Reading(
        facts=reading.facts,
        rest=reading.rest,
        effects={"include": effect, "exclude": effect},
    )


def _actions(component: Component, section: str, noun: str) -> Reading:
    facts: list[Fact] = []
    for entry in entries(component.settings.get(section)):
        action = mapping(entry)
        key = shown(action.get("key")) if action.get("key") else shown(action.get("pattern"))
        verb = shown(action.get("action"))
        facts.append(
            Fact(
                area=Area.ATTRIBUTES,
                what=f"{noun} {key}",
                value=_action_value(key, verb, action),
                compared=digest_of(shown(action)),
                effect=_ACTIONS.get(verb, "The effect of this action is not known."),
                gone="The attribute stays as it came.",
            )
        )
    return Reading(facts=numbered(facts), rest=without(component.settings, section))


def _action_value(key: str, verb: str, action: Mapping[str, Value]) -> str:
    parts = [verb]
    for name, value in without(action, "key", "action").items():
        text = shown(value)
        hide = name == "value" and is_secret_key(key) and is_secret(text)
        parts.append(f"{name} {MASK if hide else text}")
    return " ".join(parts)


def read_cumulative_to_delta(component: Component) -> Reading:
    settings = component.settings
    return Reading(
        facts=(
            Fact(
                area=Area.TEMPORALITY,
                what="monotonic sums",
                value="delta",
                effect="Monotonic sums leave as deltas; the first point of a series may be lost.",
                gone="Monotonic sums leave as they came, cumulative from the receiver.",
            ),
            *_chosen_metrics(settings, "become deltas", Area.TEMPORALITY),
        ),
        rest=without(settings, "include", "exclude"),
        effects={
            "initial_value": (
                Area.TEMPORALITY,
                "Whether the first point of a series leaves, with what it had counted before.",
            ),
            "max_staleness": (
                Area.TEMPORALITY,
                "After how long without points a series begins anew.",
            ),
        },
    )


def _chosen_metrics(settings: Mapping[str, Value], verb: str, area: Area) -> Iterator[Fact]:
    for key in ("include", "exclude"):
        if settings.get(key) is None:
            continue
        section = mapping(settings[key])
        is_pattern = section.get("match_type") == "regexp"
        names = [f"/{one}/" if is_pattern else one for one in texts(section.get("metrics"))]
        names += [f"type {one}" for one in texts(section.get("metric_types"))]
        yield Fact(
            area=area,
            what=f"metrics {key}d",
            value=joined(names),
            members=frozenset(names),
            effect=f"Only these metrics {verb}."
            if key == "include"
            else f"These metrics do not {verb}.",
            gone=f"Which metrics {verb} is no longer limited by this.",
        )


def read_delta_to_rate(component: Component) -> Reading:
    names = texts(component.settings.get("metrics"))
    return Reading(
        facts=(
            Fact(
                area=Area.TEMPORALITY,
                what="delta sums",
                value=f"rates of {joined(names)}",
                members=frozenset(names),
                effect="These delta sums leave as gauges, per second.",
                gone="Delta sums stay sums.",
            ),
        ),
        rest=without(component.settings, "metrics"),
    )


def read_groupbyattrs(component: Component) -> Reading:
    keys = texts(component.settings.get("keys"))
    return Reading(
        facts=(
            Fact(
                area=Area.IDENTITY,
                what="resources grouped by",
                value=joined(keys) if keys else "equal resource attributes",
                members=frozenset(keys),
                effect="These point attributes become resource attributes; equal resources become one."
                if keys
                else "Resources with the same attributes become one.",
                gone="Resources stay apart as they came.",
            ),
        ),
        rest=without(component.settings, "keys"),
    )


_METRIC_OPERATIONS: Final[Mapping[str, tuple[Area, str]]] = {
    "aggregate_labels": (Area.IDENTITY, "Points that differ in other labels only become one."),
    "aggregate_label_values": (Area.IDENTITY, "Points with these label values become one."),
    "add_label": (Area.ATTRIBUTES, "A label is added."),
    "update_label": (Area.ATTRIBUTES, "A label or its values are renamed."),
    "delete_label_value": (Area.POINTS, "Points with this label value are dropped."),
    "toggle_scalar_data_type": (Area.VALUES, "Integers become floats, or floats integers."),
    "experimental_scale_value": (Area.VALUES, "Values are multiplied."),
}
_METRIC_ACTIONS: Final[Mapping[str, str]] = {
    "update": "The metric is changed in place.",
    "insert": "A changed copy of the metric is added.",
    "combine": "Several metrics become one.",
    "group": "Metrics become a resource of their own.",
}


def read_metrics_transform(component: Component) -> Reading:
    facts: list[Fact] = []
    for entry in entries(component.settings.get("transforms")):
        transform = mapping(entry)
        name = f"metric {shown(transform.get('include'))}"
        action = shown(transform.get("action"))
        details = without(transform, "include", "action", "operations")
        facts.append(
            Fact(
                area=Area.METRICS,
                what=name,
                value=" ".join([action, *(f"{key} {shown(details[key])}" for key in details)]),
                effect=_METRIC_ACTIONS.get(action, "The effect of this action is not known."),
                gone="The metric stays as it came.",
            )
        )
        for operation in map(mapping, entries(transform.get("operations"))):
            verb = shown(operation.get("action"))
            area, effect = _METRIC_OPERATIONS.get(
                verb, (Area.UNKNOWN, "The effect of this operation is not known.")
            )
            label = f" {shown(operation['label'])}" if operation.get("label") else ""
            settings = without(operation, "action", "label")
            facts.append(
                Fact(
                    area=area,
                    what=f"{name}: {verb}{label}",
                    value=shown(settings) if settings else "runs",
                    effect=effect,
                    gone=f"No longer so: {effect}",
                )
            )
    return Reading(facts=numbered(facts), rest=without(component.settings, "transforms"))


def read_interval(component: Component) -> Reading:
    effect = "Cumulative and gauge metrics leave once per this time, with their latest value; deltas and non-monotonic sums pass through."
    fact = interval_fact("interval", component.settings.get("interval"), "60s", effect)
    return Reading(
        facts=(fact,),
        rest=without(component.settings, "interval"),
        effects={"pass_through": (Area.TIMING, "Which metrics pass at once instead.")},
    )


def read_resource_detection(component: Component) -> Reading:
    names = texts(component.settings.get("detectors"))
    return Reading(
        facts=(
            Fact(
                area=Area.ATTRIBUTES,
                what="resource attributes detected by",
                value=joined(names),
                members=frozenset(names),
                effect="Resource attributes of these detectors are added.",
                gone="Resource attributes are no longer detected.",
            ),
        ),
        rest=without(component.settings, "detectors"),
        effects={
            "override": (Area.ATTRIBUTES, "Whether detected attributes replace those that came."),
            "timeout": (Area.OPERATION, "How long detection may take."),
        },
        otherwise=(Area.ATTRIBUTES, "Which attributes a detector adds."),
    )


def read_batch(component: Component) -> Reading:
    return Reading(
        rest=component.settings,
        otherwise=(Area.DELIVERY, "No effect on the data: it leaves in other pieces, or later."),
        effects={
            "metadata_keys": (Area.DELIVERY, "No effect on the data: batches by client metadata.")
        },
    )


def read_memory_limiter(component: Component) -> Reading:
    return Reading(
        rest=component.settings,
        otherwise=(
            Area.OPERATION,
            "No effect on the data below the limit; above it, data is refused.",
        ),
    )
