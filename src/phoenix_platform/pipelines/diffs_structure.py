"""What differs as it is written: settings by path, and the lists of pipelines. Called by `diffs`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Configuration, Pipeline
from phoenix_platform.pipelines.diffs_pairing import Key, PartnerKeys
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.secrets import is_secret_key
from phoenix_platform.pipelines.semantics.facts import shown
from phoenix_platform.pipelines.semantics.masking import masked


@dataclass(frozen=True, slots=True)
class Difference:
    path: tuple[str, ...]
    before: str | None
    """`None` where it is not written. Secrets are masked."""
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineDifference:
    pipeline: str
    what: str
    before: str | None
    after: str | None
    effect: str


def differences(
    before: Mapping[str, Value], after: Mapping[str, Value], prefix: tuple[str, ...] = ()
) -> Iterator[Difference]:
    """Settings that differ, each at the deepest path that says it; the order of keys is none."""
    for key in dict.fromkeys((*before, *after)):
        path = (*prefix, key)
        if key not in before or key not in after:
            yield _difference(path, before, after)
            continue
        old, new = before[key], after[key]
        if isinstance(old, Mapping) and isinstance(new, Mapping) and old and new:
            yield from differences(old, new, path)
        elif not _is_equal(old, new):
            yield _difference(path, before, after)


def _is_equal(old: Value, new: Value) -> bool:
    """Equal as the collector sees it: true is not 1, but 1 is 1.0 spelled otherwise."""
    return shown(old) == shown(new) and isinstance(old, str) is isinstance(new, str)


def _difference(
    path: tuple[str, ...], before: Mapping[str, Value], after: Mapping[str, Value]
) -> Difference:
    is_secret = any(map(is_secret_key, path))
    sides = [
        shown(masked(side[path[-1]], is_below_secret=is_secret)) if path[-1] in side else None
        for side in (before, after)
    ]
    return Difference(path, sides[0], sides[1])


def pipeline_differences(
    before: Configuration, after: Configuration, keys: PartnerKeys
) -> Iterator[PipelineDifference]:
    """Pipelines that come, go or get another name, and the components each names."""
    earlier = {id_: _lists(before, one, keys.before) for id_, one in before.pipelines.items()}
    later = {id_: _lists(after, one, keys.after) for id_, one in after.pipelines.items()}
    new_name_of = dict(_renamed(earlier, later))
    for id_, lists in earlier.items():
        name = id_ if id_ in later else new_name_of.get(id_)
        if name is None:
            yield _whole(id_, lists, came=False)
            continue
        if name != id_:
            effect = "The same pipeline under another name."
            yield PipelineDifference(
                pipeline=f"pipeline {name}", what="name", before=id_, after=name, effect=effect
            )
        yield from _of_lists(name, lists, later[name])
    for id_, lists in later.items():
        if id_ not in earlier and id_ not in new_name_of.values():
            yield _whole(id_, lists, came=True)


@dataclass(frozen=True, slots=True)
class _Lists:
    signal: str
    receivers: tuple[str, ...]
    processors: tuple[str, ...]
    exporters: tuple[str, ...]

    def __str__(self) -> str:
        chain = (", ".join(sorted(self.receivers)), *self.processors, ", ".join(sorted(self.exporters)))  # fmt: skip
        return " → ".join(chain)


def _lists(configuration: Configuration, pipeline: Pipeline, names: Mapping[Key, str]) -> _Lists:
    def named(ids: tuple[str, ...], kind: Kind) -> tuple[str, ...]:
        connectors = configuration.components[Kind.CONNECTOR]
        return tuple(
            f"connector {names[Kind.CONNECTOR, id_]}"
            if kind is not Kind.PROCESSOR and id_ in connectors
            else names[kind, id_]
            for id_ in ids
        )

    return _Lists(
        pipeline.signal,
        named(pipeline.receivers, Kind.RECEIVER),
        named(pipeline.processors, Kind.PROCESSOR),
        named(pipeline.exporters, Kind.EXPORTER),
    )


def _renamed(
    earlier: Mapping[str, _Lists], later: Mapping[str, _Lists]
) -> Iterator[tuple[str, str]]:
    left = {id_: lists for id_, lists in later.items() if id_ not in earlier}
    for id_, lists in earlier.items():
        if id_ in later:
            continue
        equal = [name for name, other in left.items() if _sorted(other) == _sorted(lists)]
        if equal:
            del left[equal[0]]
            yield id_, equal[0]


def _sorted(lists: _Lists) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    return (
        lists.signal,
        tuple(sorted(lists.receivers)),
        lists.processors,
        tuple(sorted(lists.exporters)),
    )


def _whole(id_: str, lists: _Lists, *, came: bool) -> PipelineDifference:
    return PipelineDifference(
        pipeline=f"pipeline {id_}",
        what="pipeline",
        before=None if came else str(lists),
        after=str(lists) if came else None,
        effect="The pipeline runs now." if came else "The pipeline runs no more.",
    )


def _of_lists(name: str, before: _Lists, after: _Lists) -> Iterator[PipelineDifference]:
    for what, verb, old, new in (
        ("receivers", "gets data from", before.receivers, after.receivers),
        ("exporters", "sends data to", before.exporters, after.exporters),
    ):
        if set(old) != set(new):
            yield PipelineDifference(
                pipeline=f"pipeline {name}",
                what=what,
                before=", ".join(sorted(old)),
                after=", ".join(sorted(new)),
                effect=_of_sets(verb, set(old), set(new)),
            )
    if before.processors != after.processors:
        yield PipelineDifference(
            pipeline=f"pipeline {name}",
            what="processors",
            before=" → ".join(before.processors) or "none",
            after=" → ".join(after.processors) or "none",
            effect=_of_order(before.processors, after.processors),
        )


def _of_sets(verb: str, old: set[str], new: set[str]) -> str:
    sentences = [f"It now also {verb} {', '.join(sorted(new - old))}."] if new - old else []
    if old - new:
        sentences.append(f"It no longer {verb} {', '.join(sorted(old - new))}.")
    return " ".join(sentences)


def _of_order(old: tuple[str, ...], new: tuple[str, ...]) -> str:
    sentences: list[str] = []
    if came := [one for one in new if one not in old]:
        sentences.append(f"New in it: {', '.join(came)}.")
    if gone := [one for one in old if one not in new]:
        sentences.append(f"No longer in it: {', '.join(gone)}.")
    kept_old = [one for one in old if one in new]
    kept_new = [one for one in new if one in old]
    if kept_old != kept_new:
        moved = [one for one, other in zip(kept_new, kept_old, strict=True) if one != other]
        sentences.append(
            f"Moved: {', '.join(moved)}; what a processor sees is what those before it leave."
        )
    return " ".join(sentences)
