"""Which change of a configuration would keep a process that `reduce` sums. Called by `phoenix ledger why`."""

from collections.abc import Iterator, Sequence

import msgspec

from phoenix_platform.analysis.ledgers import Place
from phoenix_platform.pipelines.emission import write_document


class Change(msgspec.Struct, frozen=True, kw_only=True):
    effect: str
    """What it does, without a full stop."""
    lines: tuple[str, ...]
    """YAML below `processors`, to be merged with what stands there."""


def changes_for(found: Sequence[Place]) -> tuple[Change, ...]:
    """The changes for those that are summed now, the surest first; none if nobody is."""
    rest = [place for place in found if not place.is_kept]
    return tuple(_changes(rest)) if rest else ()


def _changes(rest: Sequence[Place]) -> Iterator[Change]:
    names = sorted({place.name for place in rest if place.name})
    rules = {place.rule.partition(" ")[0] for place in rest}
    if names:
        listed = ", ".join(write_document(name).strip() for name in names)
        yield Change(
            effect="Always kept, whatever it uses",
            lines=("reduce:", f"  critical: [{listed}]"),
        )
    if "never_keep" in rules:
        patterns = sorted({place.rule for place in rest if place.rule.startswith("never_keep")})
        yield Change(
            effect="Ranked as all others, if its pattern is taken out of never_keep",
            lines=tuple(f"# remove: {pattern.partition(' ')[2]}" for pattern in patterns),
        )
    if "no_room" in rules:
        yield Change(
            effect="Ranked as all others, if there is room for its state; raise it above the processes of all hosts",
            lines=("reduce:", "  max_processes: # above the default of 100,000"),
        )
    yield from _by_use(rest)
    yield Change(
        effect="Not kept one by one, but summed by its own name",
        lines=("reduce:", "  group_by: [process.executable.name]"),
    )


def _by_use(rest: Sequence[Place]) -> Iterator[Change]:
    """Thresholds that the greatest use recorded would have reached, and the k of its best ranks."""
    ranked = [place for place in rest if place.rule.partition(" ")[0] == "rest"]
    rss = max((place.rss_bytes or 0 for place in ranked), default=0)
    cpu = max((place.cpu_cores or 0 for place in ranked), default=0)
    lines = [f"    rss_bytes: {rss:.0f}"] if rss >= 1 else []
    lines += [f"    cpu_cores: {cpu:.4g}"] if cpu > 0 else []
    if lines:
        yield Change(
            effect="Kept while it uses as much as it did then, and all that use as much with it",
            lines=("reduce:", "  thresholds: # one of them is enough", *lines),
        )
    if not ranked:
        return
    best = best_ranks(ranked)
    if best:
        yield Change(
            effect="Kept if it ranks as it did then; one of them is enough",
            lines=("reduce:", "  top_k:", *(f"    {by}: {rank}" for by, rank in best.items())),
        )
    else:
        yield Change(
            effect="Kept if it ranks high enough: which k that takes is not known, no rank near k is in the ledger",
            lines=("reduce:", "  top_k: # raise cpu, rss or io"),
        )


def best_ranks(places: Sequence[Place]) -> dict[str, int]:
    """By ranking, the highest rank that one of these had; without those that none had a rank in."""
    found: dict[str, int] = {}
    for place in places:
        for by, one in place.ranks.items():
            if one.rank is not None:
                found[by] = min(one.rank, found.get(by, one.rank))
    return found
