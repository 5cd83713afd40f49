"""The transform processor as facts: which keys its statements set, delete or keep, what they merge.

The order of statements matters; where two configurations have the same ones in another order, that is a
fact of its own.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from phoenix_platform.pipelines.configurations import Component
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.secrets import MASK, is_secret_key
from phoenix_platform.pipelines.semantics.conditions import subject_of
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
from phoenix_platform.pipelines.semantics.masking import digest_of, masked_text

_SIGNALS: Final = ("metric", "trace", "log", "profile")
_CALL: Final = re.compile(r"\s*(?P<function>\w+)\((?P<arguments>.*)\)\s*", re.DOTALL)
_PIECE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[()\[\]]|\bwhere\b')
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')

_KEY_SETS: Final[Mapping[str, tuple[str, str]]] = {
    "keep_keys": ("keys kept", "Only these keys are kept; all others are deleted."),
    "keep_matching_keys": ("keys kept by pattern", "Only keys that match are kept."),
    "delete_key": ("keys deleted", "These keys are deleted."),
    "delete_keys": ("keys deleted", "These keys are deleted."),
    "delete_matching_keys": ("keys deleted by pattern", "Keys that match are deleted."),
}
_TIMES: Final = frozenset({"time", "time_unix_nano", "start_time", "start_time_unix_nano"})
_FUNCTIONS: Final[Mapping[str, tuple[Area, str]]] = {
    "aggregate_on_attributes": (Area.IDENTITY, "Points that differ in other attributes only become one."),
    "aggregate_on_attribute_value": (Area.IDENTITY, "Points with these attribute values become one."),
    "convert_sum_to_gauge": (Area.TEMPORALITY, "Sums become gauges."),
    "convert_gauge_to_sum": (Area.TEMPORALITY, "Gauges become sums."),
    "scale_metric": (Area.VALUES, "Values are multiplied."),
    "replace_pattern": (Area.ATTRIBUTES, "Parts of the value are replaced."),
    "replace_all_patterns": (Area.ATTRIBUTES, "Parts of keys or values are replaced."),
    "replace_match": (Area.ATTRIBUTES, "Values that match are replaced."),
    "replace_all_matches": (Area.ATTRIBUTES, "Values that match are replaced."),
    "truncate_all": (Area.ATTRIBUTES, "Long values are cut off."),
    "limit": (Area.ATTRIBUTES, "Keys beyond the limit are deleted."),
    "merge_maps": (Area.ATTRIBUTES, "Keys of another map are added."),
    "flatten": (Area.ATTRIBUTES, "Nested keys become flat ones."),
    "extract_sum_metric": (Area.METRICS, "A metric is added."),
    "extract_count_metric": (Area.METRICS, "A metric is added."),
    "copy_metric": (Area.METRICS, "A metric is added."),
}  # fmt: skip


def read_transform(component: Component) -> Reading:
    """The processor's statements as facts."""
    settings = component.settings
    keys = [f"{signal}_statements" for signal in _SIGNALS]
    found = [
        (context, statement) for key in keys for context, statement in _statements(settings, key)
    ]
    facts = _united(_fact(context, statement) for context, statement in found)
    order = tuple(f"{context}: {' '.join(statement.split())}" for context, statement in found)
    return Reading(
        facts=(*numbered(facts), *_order(order)),
        rest=without(settings, *keys),
        effects={
            "error_mode": (
                Area.VALUES,
                "What happens to data whose statement fails: propagate drops the batch, ignore and silent keep it.",
            )
        },
    )


def _order(statements: tuple[str, ...]) -> Iterator[Fact]:
    if len(statements) > 1:
        masked = tuple(map(masked_text, statements))
        yield Fact(
            area=Area.VALUES,
            what="order of statements",
            value="; ".join(masked),
            members=frozenset(masked),
            is_order=True,
            effect="Statements run in another order, which changes what later ones see.",
        )


def _statements(settings: Mapping[str, Value], key: str) -> Iterator[tuple[str, str]]:
    for entry in entries(settings.get(key)):
        group = mapping(entry)
        if not group:
            yield "inferred context", shown(entry)
            continue
        context = shown(group.get("context")) if group.get("context") else "inferred context"
        conditions = texts(group.get("conditions"))
        suffix = f" where ({' or '.join(conditions)})" if conditions else ""
        for statement in texts(group.get("statements")):
            yield context, statement + suffix


def _fact(context: str, statement: str) -> Fact:
    call, where = _split(statement)
    found = _CALL.fullmatch(call)
    if found is None:
        return _unknown(context, statement)
    function, arguments = found["function"], found["arguments"]
    condition = f" where {' '.join(where.split())}" if where else ""
    if function in _KEY_SETS:
        return _key_set(context, function, arguments, condition)
    if function == "set":
        return _set(context, arguments, condition)
    if function in _FUNCTIONS:
        area, effect = _FUNCTIONS[function]
        return Fact(
            area=area,
            what=f"{context}: {function}{condition}",
            value=masked_text(f"({arguments})"),
            compared=digest_of(arguments),
            effect=effect,
            gone=f"No longer so: {effect}",
        )
    return _unknown(context, statement)


def _split(statement: str) -> tuple[str, str]:
    """The call and what stands behind its `where`; a text or a pair of brackets may hold the word too."""
    depth = 0
    for piece in _PIECE.finditer(statement):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(piece[0], 0)
        if piece[0] == "where" and depth == 0:
            return statement[: piece.start()], statement[piece.end() :].strip()
    return statement, ""


def _key_set(context: str, function: str, arguments: str, condition: str) -> Fact:
    target, _, keys = arguments.partition(",")
    words, effect = _KEY_SETS[function]
    members = frozenset(key.replace("\\", "") for key in _QUOTED.findall(keys))
    return Fact(
        area=Area.ATTRIBUTES,
        what=f"{_full(context, target.strip())}: {words}{condition}",
        value=joined(members),
        members=members,
        effect=effect,
        gone=f"No longer so: {effect}",
    )


def _set(context: str, arguments: str, condition: str) -> Fact:
    target, _, value = arguments.partition(",")
    target, value = target.strip(), " ".join(value.split())
    compared = digest_of(value)
    key = subject_of(target)
    if key is not None and is_secret_key(key):
        value = MASK
    name = _full(context, target)
    leaf = target.rpartition(".")[2]
    if leaf in _TIMES:
        area, effect = Area.TIMING, "The times of the points are others."
    elif leaf == "name":
        area, effect = Area.METRICS, "The metric gets this name."
    elif "attributes[" in target:
        area, effect = Area.ATTRIBUTES, "The attribute gets this value."
    else:
        area, effect = Area.VALUES, "This field gets this value."
    return Fact(
        area=area,
        what=f"{name} set{condition}",
        value=value,
        compared=compared,
        effect=effect,
        gone="It keeps the value it came with.",
    )


def _full(context: str, path: str) -> str:
    """A path with its context, so that `attributes` of points and of resources are two things."""
    return (
        path
        if "." in path.partition("[")[0] or context == "inferred context"
        else f"{context}.{path}"
    )


def _unknown(context: str, statement: str) -> Fact:
    return Fact(
        area=Area.UNKNOWN,
        what=f"{context}: {masked_text(' '.join(statement.split()))}",
        value="runs",
        effect="The effect of this statement is not known.",
        gone="This statement, whose effect is not known, runs no more.",
    )


def _united(facts: Iterator[Fact]) -> Iterator[Fact]:
    """Deleting two keys in two statements is deleting both in one."""
    deleted: dict[str, Fact] = {}
    for fact in facts:
        if fact.members is None or ": keys deleted" not in fact.what:
            yield fact
            continue
        before = deleted.get(fact.what)
        members = fact.members | ((before and before.members) or frozenset())
        deleted[fact.what] = Fact(
            area=fact.area,
            what=fact.what,
            value=joined(members),
            members=members,
            effect=fact.effect,
            gone=fact.gone,
        )
    yield from deleted.values()
