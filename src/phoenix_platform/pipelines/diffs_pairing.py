"""Which component of one configuration is which of another: by id, else by what it is. Called by `diffs`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from phoenix_platform.pipelines.components import Kind, canonical_type, parse_component_id
from phoenix_platform.pipelines.configurations import Component, Configuration

Key: TypeAlias = tuple[Kind, str]
"""A component's kind, and its id as its configuration writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    kind: Kind
    before: Component | None
    after: Component | None
    is_used_before: bool
    is_used_after: bool
    is_renamed: bool = False

    @property
    def id(self) -> str:
        component = self.after or self.before
        assert component is not None
        return component.id


@dataclass(frozen=True, slots=True)
class PartnerKeys:
    """One name per pair, for components of either side."""

    before: Mapping[Key, str] = field(default_factory=dict[Key, str])
    after: Mapping[Key, str] = field(default_factory=dict[Key, str])


def pairs_of(before: Configuration, after: Configuration) -> Iterator[Pair]:
    """Every component of both configurations, once."""
    for kind in Kind:
        yield from _pairs_of_kind(before, after, kind)


def partner_keys(pairs: tuple[Pair, ...]) -> PartnerKeys:
    return PartnerKeys(
        {(pair.kind, pair.before.id): pair.id for pair in pairs if pair.before is not None},
        {(pair.kind, pair.after.id): pair.id for pair in pairs if pair.after is not None},
    )


def _pairs_of_kind(before: Configuration, after: Configuration, kind: Kind) -> Iterator[Pair]:
    earlier = _by_id(before.components[kind])
    later = _by_id(after.components[kind])
    gone = {id_: one for id_, one in earlier.items() if id_ not in later}
    came = {id_: one for id_, one in later.items() if id_ not in earlier}
    renamed = dict(_renamed(gone, came))
    for id_, old in earlier.items():
        new = later.get(id_) or renamed.get(id_)
        yield _pair(before, after, old, new, is_renamed=id_ in renamed)
    taken = {component.id for component in renamed.values()}
    for new in came.values():
        if new.id not in taken:
            yield _pair(before, after, None, new, is_renamed=False)


def _by_id(components: Mapping[str, Component]) -> dict[str, Component]:
    """The components by their id with the newest type name; ids that then collide keep theirs."""
    found: dict[str, Component] = {}
    for id_, component in components.items():
        written = parse_component_id(id_, field=component.kind.value)
        type_ = canonical_type(component.kind, written.type)
        canonical = id_ if type_ == written.type else f"{type_}{id_[len(written.type) :]}"
        found[id_ if canonical in found or (canonical != id_ and canonical in components) else canonical] = component  # fmt: skip
    return found


def _renamed(
    gone: Mapping[str, Component], came: Mapping[str, Component]
) -> Iterator[tuple[str, Component]]:
    """What went and came under another id: equal settings first, then the only one of its type."""
    left, right = dict(gone), dict(came)
    for id_, old in gone.items():
        equal = [key for key, new in right.items() if _is_alike(old, new)]
        if equal:
            yield id_, right.pop(equal[0])
            del left[id_]
    for id_, old in left.items():
        same_type = [key for key, new in right.items() if new.type == old.type]
        is_only = sum(other.type == old.type for other in left.values()) == 1
        if is_only and len(same_type) == 1:
            yield id_, right.pop(same_type[0])


def _is_alike(old: Component, new: Component) -> bool:
    return old.type == new.type and old.settings == new.settings


def _pair(
    before: Configuration,
    after: Configuration,
    old: Component | None,
    new: Component | None,
    *,
    is_renamed: bool,
) -> Pair:
    component = new or old
    assert component is not None
    return Pair(
        kind=component.kind,
        before=old,
        after=new,
        is_used_before=old is not None and is_used(before, old),
        is_used_after=new is not None and is_used(after, new),
        is_renamed=is_renamed,
    )


def is_used(configuration: Configuration, component: Component) -> bool:
    """Whether a pipeline names it, or `service.extensions` does."""
    match component.kind:
        case Kind.EXTENSION:
            return component.id in configuration.extensions
        case Kind.RECEIVER:
            return any(component.id in one.receivers for one in configuration.pipelines.values())
        case Kind.PROCESSOR:
            return any(component.id in one.processors for one in configuration.pipelines.values())
        case _:
            return any(component.id in one.exporters for one in configuration.pipelines.values())
