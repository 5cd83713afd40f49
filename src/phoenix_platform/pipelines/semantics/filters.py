"""The filter processor as facts: what it drops, by name where a condition chooses by name.

Both forms are read: OTTL conditions per signal and context, and the older `include` and `exclude`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Component
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.semantics.conditions import (
    METRIC_NAME,
    Choice,
    choice_of,
    names_of,
)
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

TYPE: Final = "filter"
_SIGNALS: Final[Mapping[str, tuple[str, ...]]] = {
    "metrics": ("resource", "metric", "datapoint"),
    "traces": ("resource", "span", "spanevent"),
    "logs": ("resource", "log_record"),
    "profiles": ("resource", "profile"),
}
_FLAT: Final = tuple(f"{one}_conditions" for one in ("metric", "trace", "log", "profile"))
"""Keys of the form without contexts."""
_EFFECTS: Final = {
    "error_mode": (
        Area.POINTS,
        "What happens to data whose condition cannot be evaluated: propagate drops the batch, ignore and silent keep it.",
    ),
}


def read_filter(component: Component) -> Reading:
    """The processor's conditions as facts."""
    assert component.kind is Kind.PROCESSOR
    settings = component.settings
    return Reading(
        facts=numbered(_united(_facts(settings))),
        rest=without(settings, *_SIGNALS, "spans", *_FLAT),
        effects=_EFFECTS,
    )


def _facts(settings: Mapping[str, Value]) -> Iterator[Fact]:
    for signal, contexts in _SIGNALS.items():
        section = mapping(settings.get(signal))
        for context in contexts:
            for condition in texts(section.get(context)):
                yield _dropped(condition, context)
        for key in ("include", "exclude"):
            if section.get(key) is not None:
                yield from _old_form(mapping(section[key]), signal, keeps=key == "include")
        for key in without(section, *contexts, "include", "exclude"):
            yield _opaque(f"{signal}.{key}", shown(section[key]))
    spans = mapping(settings.get("spans"))
    for key in spans:
        yield _opaque(f"spans.{key}", shown(spans[key]))
    for key in _FLAT:
        for entry in entries(settings.get(key)):
            group = mapping(entry)
            context = shown(group.get("context")) if group else "any"
            for condition in texts(group.get("conditions")) if group else (shown(entry),):
                yield _dropped(condition, context)


def _dropped(condition: str, context: str) -> Fact:
    choice = choice_of(condition)
    if choice is not None:
        return fact_of_choice(choice)
    return _opaque(f"{context} dropped where {condition}", "dropped")


def _opaque(what: str, value: str) -> Fact:
    return Fact(
        area=Area.POINTS,
        what=what,
        value=value,
        effect="What matches this condition is dropped.",
        gone="What matched this condition is no longer dropped here.",
    )


def fact_of_choice(choice: Choice) -> Fact:
    """The fact that some names are dropped, or that only some are kept."""
    noun, area = _noun(choice.subject)
    if choice.keeps:
        return Fact(
            area=area,
            what=f"{choice.subject}: kept only",
            value=joined(choice.members),
            members=choice.members,
            effect=f"Only {noun} of these names are kept; all others are dropped.",
            gone=f"{noun.capitalize()} of all names are kept here.",
        )
    return Fact(
        area=area,
        what=f"{choice.subject}: dropped",
        value=joined(choice.members),
        members=choice.members,
        effect=f"{noun.capitalize()} of these names are dropped.",
        gone=f"{noun.capitalize()} of these names are no longer dropped here.",
    )


def _noun(subject: str) -> tuple[str, Area]:
    if subject == METRIC_NAME:
        return "metrics", Area.METRICS
    if subject.startswith("process."):
        return f"processes (by {subject})", Area.PROCESSES
    return f"data with {subject}", Area.POINTS


def _old_form(section: Mapping[str, Value], signal: str, *, keeps: bool) -> Iterator[Fact]:
    is_pattern = section.get("match_type") == "regexp"
    names = texts(section.get("metric_names"))
    if names and section.get("match_type") in ("regexp", "strict"):
        members = names_of_each(names, is_pattern=is_pattern)
        yield fact_of_choice(Choice(METRIC_NAME, members, keeps))
        section = without(section, "metric_names", "match_type")
    for entry in entries(section.get("resource_attributes")):
        attribute = mapping(entry)
        key, value = shown(attribute.get("key")), shown(attribute.get("value"))
        yield fact_of_choice(Choice(key, names_of_each((value,), is_pattern=is_pattern), keeps))
    word = "include" if keeps else "exclude"
    for key in without(section, "resource_attributes", "match_type"):
        yield Fact(
            area=Area.POINTS,
            what=f"{signal}.{word}.{key}",
            value=shown(section[key]),
            effect="Kept is only what matches." if keeps else "What matches is dropped.",
            gone="No longer chosen by this.",
        )


def names_of_each(names: tuple[str, ...], *, is_pattern: bool) -> frozenset[str]:
    if not is_pattern:
        return frozenset(names)
    # The regular expressions of `include` match whole and partial alike; only anchored ones are names.
    return frozenset[str]().union(*(names_of(name.replace("$$", "$")) for name in names))


def _united(facts: Iterator[Fact]) -> Iterator[Fact]:
    """Names dropped by several conditions are one set; what each keeps stays apart."""
    dropped: dict[str, frozenset[str]] = {}
    others: list[Fact] = []
    template: dict[str, Fact] = {}
    for fact in facts:
        if fact.members is not None and fact.what.endswith(": dropped"):
            dropped[fact.what] = dropped.get(fact.what, frozenset()) | fact.members
            template[fact.what] = fact
        else:
            others.append(fact)
    for what, members in dropped.items():
        subject = what.removesuffix(": dropped")
        yield fact_of_choice(Choice(subject, members, keeps=False))
    yield from others
