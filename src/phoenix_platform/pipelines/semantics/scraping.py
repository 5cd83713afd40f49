"""The host_metrics receiver as facts: which metrics and attributes it emits, of which processes, how often.

Defaults stand in for what is not written, so that writing a default is no change. References to the
environment stay text: what they stand for is known on the host only.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.configurations import Component
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.host_metrics import (
    DEFAULT_ATTRIBUTES,
    DEFAULT_INTERVAL,
    DEFAULT_METRICS,
    HARMLESS_OPTIONS,
    MUTING_PREFIX,
    OPTIONAL_ATTRIBUTES,
    OPTIONAL_METRICS,
    PROCESS,
)
from phoenix_platform.pipelines.scalars import parse_go_duration, show_go_duration
from phoenix_platform.pipelines.semantics.facts import (
    OFF,
    Area,
    Fact,
    Reading,
    entries,
    joined,
    mapping,
    shown,
    texts,
    without,
)

_ON: Final = "on"
_UNSET: Final = "the release's default"
_OPTION_EFFECTS: Final[Mapping[str, tuple[Area, str]]] = {
    "root_path": (Area.PROCESSES, "Another host's or container's processes are read."),
    "timeout": (Area.TIMING, "A scrape that takes longer is given up."),
    **{key: (Area.OPERATION, f"No effect on the data: {why}.") for key, why in HARMLESS_OPTIONS.items()},
}  # fmt: skip


def read_host_metrics_effects(component: Component) -> Reading:
    """What the receiver scrapes."""
    settings = component.settings
    return Reading(
        facts=(_interval(settings.get("collection_interval")), *_scrapers(settings)),
        rest=without(settings, "collection_interval", "scrapers"),
        effects=_OPTION_EFFECTS,
    )


def interval_fact(what: str, written: Value, default: Value, effect: str) -> Fact:
    """A time between two outputs; its ratio says how many points there are."""
    value = default if written is None else written
    try:
        duration = parse_go_duration(value, field=what)
    except InvalidInputError:
        return Fact(area=Area.TIMING, what=what, value=shown(value), effect=effect)
    return Fact(
        area=Area.TIMING,
        what=what,
        value=show_go_duration(duration),
        number=duration.total_seconds() or None,
        effect=effect,
    )


def _interval(written: Value) -> Fact:
    default = show_go_duration(DEFAULT_INTERVAL)
    return interval_fact(
        "collection_interval", written, default, "The time between two scrapes changes."
    )


def _scrapers(settings: Mapping[str, Value]) -> Iterator[Fact]:
    written = mapping(settings.get("scrapers"))
    for type_ in sorted({*written, *DEFAULT_METRICS}):
        scraper = mapping(written.get(type_))
        is_there = type_ in written
        yield from _metrics(type_, scraper, is_there=is_there)
        if is_there:
            yield from _attributes(type_, scraper)
            yield from _others(type_, scraper)


def _metrics(type_: str, scraper: Mapping[str, Value], *, is_there: bool) -> Iterator[Fact]:
    written = mapping(scraper.get("metrics"))
    defaults = DEFAULT_METRICS.get(type_, frozenset())
    optional = OPTIONAL_METRICS.get(type_, frozenset())
    if not defaults:
        yield Fact(
            area=Area.METRICS,
            what=f"scraper {type_}",
            value=_ON,
            effect="It emits the metrics of its release's default.",
            gone="Its metrics are no longer emitted.",
        )
    for metric in sorted({*defaults, *optional, *written}):
        settings = mapping(written.get(metric))
        is_on = _state(settings.get("enabled"), metric, defaults, optional)
        value = is_on if is_there else OFF
        yield Fact(
            area=Area.METRICS,
            what=f"metric {metric}",
            value=value,
            effect=_effect(value, f"The metric {metric} ({type_} scraper)"),
        )
        for key in without(settings, "enabled"):
            yield Fact(
                area=Area.VALUES if key == "aggregation_strategy" else Area.IDENTITY,
                what=f"metric {metric}: {key}",
                value=shown(settings[key]),
                members=frozenset(texts(settings[key])) if entries(settings[key]) else None,
                effect="The points of the metric are other aggregates of what was scraped.",
                gone="The points of the metric are those of the receiver's default.",
            )


def _attributes(type_: str, scraper: Mapping[str, Value]) -> Iterator[Fact]:
    written = mapping(scraper.get("resource_attributes"))
    known: frozenset[str] = frozenset()
    if type_ == PROCESS:
        known = DEFAULT_ATTRIBUTES | OPTIONAL_ATTRIBUTES
    for name in sorted({*known, *written}):
        settings = mapping(written.get(name))
        value = _state(settings.get("enabled"), name, DEFAULT_ATTRIBUTES, OPTIONAL_ATTRIBUTES)
        yield Fact(
            area=Area.ATTRIBUTES,
            what=f"resource attribute {name}",
            value=value,
            effect=_effect(value, f"The resource attribute {name}"),
        )
        for key in without(settings, "enabled"):
            yield Fact(
                area=Area.PROCESSES,
                what=f"resource attribute {name}: {key}",
                value=shown(settings[key]),
                effect=f"Which processes have metrics is chosen by {name}.",
                gone=f"Which processes have metrics is no longer chosen by {name}.",
            )


def _others(type_: str, scraper: Mapping[str, Value]) -> Iterator[Fact]:
    for key in without(scraper, "metrics", "resource_attributes"):
        what = f"scraper {type_}: {key}"
        if type_ == PROCESS and key in ("include", "exclude"):
            settings = mapping(scraper[key])
            members = _patterns(settings)
            yield Fact(
                area=Area.PROCESSES,
                what=what,
                value=joined(members),
                members=members,
                effect="Only processes of these executable names are scraped."
                if key == "include"
                else "Processes of these executable names are not scraped.",
                gone="Which processes are scraped is no longer limited by this.",
            )
        elif key.startswith(MUTING_PREFIX):
            value, effect = shown(scraper[key]), "No effect on the data: it keeps errors out of the log."  # fmt: skip
            yield Fact(area=Area.OPERATION, what=what, value=value, effect=effect, gone=effect)
        elif key == "scrape_process_delay":
            yield Fact(
                area=Area.PROCESSES,
                what=what,
                value=shown(scraper[key]),
                effect="Processes younger than this are not scraped.",
                gone="Young processes are scraped too.",
            )
        else:
            yield Fact(
                area=Area.POINTS,
                what=what,
                value=shown(scraper[key]),
                effect="What this scraper reads is chosen or computed by another setting.",
                gone="What this scraper reads is that of its default.",
            )


def _patterns(settings: Mapping[str, Value]) -> frozenset[str]:
    is_pattern = settings.get("match_type") == "regexp"
    return frozenset(f"/{name}/" if is_pattern else name for name in texts(settings.get("names")))


def _state(enabled: Value, name: str, defaults: frozenset[str], optional: frozenset[str]) -> str:
    match enabled:
        case True:
            return _ON
        case False:
            return OFF
        case None if name in defaults:
            return _ON
        case None if name in optional:
            return OFF
        case None:
            return _UNSET
        case _:
            return shown(enabled)


def _effect(value: str, subject: str) -> str:
    if value == _ON:
        return f"{subject} is emitted."
    return (
        f"{subject} is not emitted." if value == OFF else f"{subject} is emitted or not: {value}."
    )
