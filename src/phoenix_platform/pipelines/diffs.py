"""What changes between two configurations: first what it means for the data, then what is written.

`phoenix pipeline diff` and the report of a trial show it. The facts come from `semantics`; here they are laid
side by side, component by component, so that the order of keys, the spelling of type names and written-out
defaults are no change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Component, Configuration
from phoenix_platform.pipelines.diffs_pairing import Pair, pairs_of, partner_keys
from phoenix_platform.pipelines.diffs_structure import differences, pipeline_differences
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.semantics.facts import OFF, Area, Fact, Reading, shown
from phoenix_platform.pipelines.semantics.masking import masked
from phoenix_platform.pipelines.semantics.readings import is_known, read_component

_AREAS: Final = tuple(Area)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that differs between two configurations."""

    area: Area
    component: str
    """`kind id`, `pipeline id` or `service.telemetry`; the later configuration's name where both have it."""
    what: str
    """What of it: a metric, an attribute, a set of names, or the path of a setting."""
    before: str | None
    """`None` where the earlier configuration has nothing of it. Secrets are masked."""
    after: str | None
    effect: str
    """A sentence: what the change means for the data."""


def semantic_diff(before: Configuration, after: Configuration) -> tuple[Change, ...]:
    """All that changes from `before` to `after`, what concerns processes and metrics first.

    Empty if both mean the same: the order of keys, old and new type names, comments and defaults written out
    make no change.
    """
    pairs = tuple(pairs_of(before, after))
    found = [change for pair in pairs for change in _of_pair(pair)]
    keys = partner_keys(pairs)
    found += [
        Change(
            area=Area.STRUCTURE,
            component=one.pipeline,
            what=one.what,
            before=one.before,
            after=one.after,
            effect=one.effect,
        )
        for one in pipeline_differences(before, after, keys)
    ]
    telemetry = (Area.OPERATION, "The collector's own telemetry; the data is the same.")
    reading = Reading(otherwise=telemetry)
    found += _of_settings(
        "service.telemetry", before.telemetry, after.telemetry, reading, prefix=()
    )
    return tuple(sorted(found, key=lambda change: _AREAS.index(change.area)))


def _of_pair(pair: Pair) -> Iterator[Change]:
    name = f"{pair.kind.value} {pair.id}"
    if pair.before is not None and pair.after is not None:
        yield from _renamed(pair, name, pair.before, pair.after)
        if pair.is_used_before != pair.is_used_after:
            yield from _used_on_one_side(pair, name)
        yield from _of_both(pair, name, pair.before, pair.after)
    else:
        yield from _used_on_one_side(pair, name)


def _renamed(pair: Pair, name: str, before: Component, after: Component) -> Iterator[Change]:
    if pair.is_renamed:
        yield Change(
            area=Area.STRUCTURE,
            component=name,
            what="name",
            before=before.id,
            after=after.id,
            effect="The same component under another name."
            if before.settings == after.settings
            else "Taken for one component: it is the only one of its type that went and came.",
        )


def _of_both(pair: Pair, name: str, before: Component, after: Component) -> Iterator[Change]:
    earlier, later = read_component(before), read_component(after)
    if not pair.is_used_before and not pair.is_used_after:
        reading = Reading(otherwise=(Area.STRUCTURE, "No effect: nothing uses the component."))
        yield from _of_settings(name, before.settings, after.settings, reading, prefix=())
        return
    if pair.is_used_before and pair.is_used_after:
        yield from _of_facts(name, earlier.facts, later.facts)
    yield from _of_settings(name, earlier.rest, later.rest, later, prefix=())


def _used_on_one_side(pair: Pair, name: str) -> Iterator[Change]:
    """A component that comes or goes, or that something begins or ceases to use."""
    came = pair.after is not None and (pair.before is None or pair.is_used_after)
    component = pair.after if came else pair.before
    assert component is not None
    is_used = pair.is_used_after if came else pair.is_used_before
    settings = _settings(component)
    reading = read_component(component)
    is_clear = is_known(component.kind, component.type)
    yield Change(
        area=Area.STRUCTURE if is_clear or not is_used else Area.UNKNOWN,
        component=name,
        what="component" if pair.before is None or pair.after is None else "use",
        before=None if came else settings,
        after=settings if came else None,
        effect=_coming_or_going(component.kind, is_used=is_used, is_clear=is_clear, came=came),
    )
    if is_used:
        facts = tuple(fact for fact in reading.facts if fact.value != OFF and not fact.is_order)
        yield from _of_facts(name, () if came else facts, facts if came else ())


def _coming_or_going(kind: Kind, *, is_used: bool, is_clear: bool, came: bool) -> str:
    if not is_used:
        return "No effect: nothing uses the component."
    verb = "runs now" if came else "runs no more"
    if not is_clear:
        return f"The {kind.value} {verb}; its effect on the data is not known."
    return f"The {kind.value} {verb}."


def _of_facts(name: str, before: tuple[Fact, ...], after: tuple[Fact, ...]) -> Iterator[Change]:
    earlier = {fact.what: fact for fact in before}
    later = {fact.what: fact for fact in after}
    for what in dict.fromkeys((*earlier, *later)):
        old, new = earlier.get(what), later.get(what)
        if _is_same(old, new):
            continue
        known = new or old
        assert known is not None
        yield Change(
            area=known.area,
            component=name,
            what=what,
            before=None if old is None else old.value,
            after=None if new is None else new.value,
            effect=_effect(old, new),
        )


def _is_same(old: Fact | None, new: Fact | None) -> bool:
    if old is not None and new is not None:
        if new.is_order and old.members != new.members:
            return True
        return (old.value, old.compared) == (new.value, new.compared)
    # An order alone says nothing: what came or went is a fact of its own.
    return (old or new) is not None and any(one is not None and one.is_order for one in (old, new))


def _effect(old: Fact | None, new: Fact | None) -> str:
    if new is None:
        assert old is not None
        return old.gone or f"No longer so: {old.effect}"
    sentences = [new.effect]
    if old is not None and old.members is not None and new.members is not None:
        if came := new.members - old.members:
            sentences.append(f"New: {', '.join(sorted(came))}.")
        if gone := old.members - new.members:
            sentences.append(f"No more: {', '.join(sorted(gone))}.")
    if old is not None and old.number and new.number:
        sentences.append(f"{old.number / new.number:.3g} times as many points leave per hour.")
    return " ".join(sentences)


def _of_settings(
    name: str,
    before: Mapping[str, Value],
    after: Mapping[str, Value],
    reading: Reading,
    *,
    prefix: tuple[str, ...],
) -> Iterator[Change]:
    for one in differences(before, after, prefix):
        area, effect = reading.effects.get(one.path[len(prefix)], reading.otherwise)
        yield Change(
            area=area,
            component=name,
            what=".".join(one.path),
            before=one.before,
            after=one.after,
            effect=effect,
        )


def _settings(component: Component) -> str:
    return shown(masked(component.settings))
