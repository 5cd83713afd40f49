"""The reduce processor as facts: who keeps a name, what becomes of the rest, and what the sums are.

Defaults stand in for what is not written, so that writing a default is no change. Called by `readings`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from phoenix_platform.pipelines.configurations import Component
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.reduce_settings import DEFAULTS, OTHER, RANKINGS, setting
from phoenix_platform.pipelines.semantics.facts import (
    OFF,
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

_CLASSES: Final[Mapping[str, tuple[str, str]]] = {
    "critical": ("Processes of these patterns keep their name, whatever they use.", "rank by what they use"),
    "always_keep": ("Processes of these patterns keep their name, whatever they use.", "rank by what they use"),
    "never_keep": ("Processes of these patterns go to a sum, whatever they use.", "rank by what they use"),
    "prefer": ("Processes of these patterns rank before all others.", "rank as all others do"),
}  # fmt: skip
_USE_OF: Final = {"cpu": "CPU rate", "rss": "resident memory", "io": "I/O rate"}
_UNIT_OF: Final = {
    "cpu_cores": "cores",
    "rss_bytes": "bytes",
    "io_bytes_per_second": "bytes per second",
}
_PLAIN: Final[Mapping[tuple[str, ...], tuple[Area, str]]] = {
    ("top_k", "margin"): (Area.PROCESSES, "How far below k a process may rank and keep its name."),
    ("top_k", "leave_after"): (Area.PROCESSES, "After how many scrapes at a lower rank a process goes to a sum."),
    ("host_totals",): (Area.METRICS, "Whether sums over all processes leave too, as phoenix.host.process.…"),
    ("on_unknown",): (Area.METRICS, "What becomes of metrics of summed processes that have no known sum."),
    ("output_temporality",): (Area.TEMPORALITY, "Temporality of the monotonic sums that leave; empty: as they came."),
    ("stale_markers",): (Area.POINTS, "Whether a series that ends gets a last point that says so."),
    ("bucket_linger",): (Area.POINTS, "For how many scrapes an empty sum is still reported."),
    ("forget_after",): (Area.OPERATION, "For how many scrapes a process may be missing without being taken for another."),
    ("max_processes",): (Area.OPERATION, "Beyond so many processes new ones go to a sum without what they did before."),
    ("ledger",): (Area.OPERATION, "No effect on the data: where and how much it records of who went where."),
    ("storage",): (Area.OPERATION, "Whether a restart of the collector loses the interval of the restart."),
}  # fmt: skip
_READ: Final = (*_CLASSES, "thresholds", "top_k", "levels", "group_by", "categories", "additive_metrics")  # fmt: skip


def read_reduce(component: Component) -> Reading:
    """Who is kept, in which sums the rest is, and how they leave."""
    settings = component.settings
    facts = (
        *_classes(settings),
        *_rankings(settings),
        *_thresholds(settings),
        *_levels(settings),
        _rest(settings),
        *_additive(settings),
        *_plain(settings),
    )
    rest = without(settings, *_READ, *(path[0] for path in _PLAIN))
    return Reading(facts=numbered(facts), rest=rest)


def _classes(settings: Mapping[str, Value]) -> Iterator[Fact]:
    for key, (effect, otherwise) in _CLASSES.items():
        patterns = texts(settings.get(key))
        if patterns:
            yield Fact(
                area=Area.PROCESSES,
                what=key,
                value=joined(patterns),
                members=frozenset(patterns),
                effect=effect,
                gone=f"Processes of these patterns {otherwise}.",
            )


def _rankings(settings: Mapping[str, Value]) -> Iterator[Fact]:
    for ranking in RANKINGS:
        k = setting(settings, "top_k", ranking)
        yield Fact(
            area=Area.PROCESSES,
            what=f"top_k {ranking}",
            value=OFF if k == 0 else f"first {shown(k)} by {_USE_OF[ranking]}",
            number=float(k) if isinstance(k, int) and k else None,
            effect=f"Beside those kept for other reasons, so many keep their name for their {_USE_OF[ranking]}.",
            gone=f"No process keeps its name for its {_USE_OF[ranking]}.",
        )


def _thresholds(settings: Mapping[str, Value]) -> Iterator[Fact]:
    for key, unit in _UNIT_OF.items():
        least = setting(settings, "thresholds", key)
        yield Fact(
            area=Area.PROCESSES,
            what=f"threshold {key}",
            value=OFF if least == 0 else f"{shown(least)} {unit}",
            effect="A process that uses so much or more keeps its name.",
            gone="No process keeps its name for reaching this.",
        )


def _levels(settings: Mapping[str, Value]) -> Iterator[Fact]:
    for place, entry in enumerate(entries(settings.get("levels")), 1):
        level = mapping(entry)
        name = shown(level["name"]) if level.get("name") else str(place)
        yield Fact(
            area=Area.PROCESSES,
            what=f"level {place}",
            value=f"{name}: {shown(without(level, 'name'))}",
            effect="While the host is so busy or crowded, other numbers of processes keep their name.",
            gone="The host's load no longer changes how many processes keep their name by this level.",
        )


def _rest(settings: Mapping[str, Value]) -> Fact:
    keys, categories = texts(settings.get("group_by")), entries(settings.get("categories"))
    if keys:
        value, members = f"by {joined(keys)}", frozenset(keys)
        effect = (
            "Processes that do not keep their name become one sum per value of these attributes."
        )
    elif categories:
        value, members = shown(categories), None
        effect = "Processes that do not keep their name become one sum per category."
    else:
        value, members = f"one sum, {OTHER}", None
        effect = (
            "Processes that do not keep their name become one sum; host totals stay as they are."
        )
    return Fact(
        area=Area.IDENTITY,
        what="the rest",
        value=value,
        members=members,
        effect=effect,
        gone="Every process that comes in leaves under its own name.",
    )


def _additive(settings: Mapping[str, Value]) -> Iterator[Fact]:
    names = texts(settings.get("additive_metrics"))
    if names:
        yield Fact(
            area=Area.VALUES,
            what="further metrics summed",
            value=joined(names),
            members=frozenset(names),
            effect="These metrics of several processes are added up too.",
            gone="These metrics of summed processes are treated as unknown ones.",
        )


def _plain(settings: Mapping[str, Value]) -> Iterator[Fact]:
    for path, (area, effect) in _PLAIN.items():
        value, default = setting(settings, *path), DEFAULTS.get(path)
        if value != default:
            yield Fact(
                area=area,
                what=" ".join(path),
                value=shown(value),
                effect=effect,
                gone=f"The default holds: {shown(default)}."
                if default is not None
                else "The default holds.",
            )
