"""How often each variant gets a scrape, so that `collection_interval` belongs to the variant.

The trial's interval stands for the shorter interval of the two; the other variant gets every n-th scrape.
Called by `variants`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from phoenix_platform.pipelines.host_metrics import HostMetrics

COLLECTION_INTERVAL: Final = "collection_interval"


@dataclass(frozen=True, slots=True)
class Relaying:
    every: Mapping[str, int]
    """n of each variant: it gets every n-th scrape."""
    notes: tuple[str, ...]
    ignored: tuple[str, ...]
    """Differences that `--ignore` accepted."""


def plan_relaying(
    receivers: Mapping[str, Sequence[HostMetrics]], *, interval: timedelta, ignore: frozenset[str]
) -> Relaying:
    """Find n of each variant: its `collection_interval` / the shorter of the two.

    Args:
        receivers: By variant; at least one each.
        interval: How often the source scrapes.
        ignore: Contains `collection_interval` if differences that cannot be reproduced are accepted.

    Raises:
        InvalidInputError: If a variant has several intervals, or the ratio is no whole number; with the place
            and the fix.
    """
    is_accepted = COLLECTION_INTERVAL in ignore
    ignored: list[str] = []
    chosen = {
        variant: _one_of(own, ignored, is_accepted=is_accepted)
        for variant, own in receivers.items()
    }
    shorter, *_, longer = sorted(chosen.values(), key=lambda receiver: receiver.interval)
    ratio, rest = divmod(longer.interval, shorter.interval)
    if rest:
        difference = _difference(shorter, longer)
        if not is_accepted:
            raise longer.place.below(COLLECTION_INTERVAL).refusal(
                f"{difference}: every n-th scrape is relayed, and the ratio is no whole number; make the longer a "
                f"multiple of the shorter, or relay every scrape to both with --ignore {COLLECTION_INTERVAL}"
            )
        ignored.append(f"{difference}; both got every scrape")
    every = {
        variant: ratio if receiver.interval > shorter.interval and not rest else 1
        for variant, receiver in chosen.items()
    }
    stands_for = (
        f"the trial's interval of {interval.total_seconds():g} s stands for a collection_interval of "
        f"{shorter.interval.total_seconds():g} s"
    )
    relayed = (
        f"{variant}: gets one scrape in {every[variant]} (collection_interval "
        f"{receiver.interval.total_seconds():g} s)" + _utilization_note(receiver)
        for variant, receiver in chosen.items()
        if every[variant] > 1
    )
    return Relaying(every, (stands_for, *relayed), tuple(ignored))


def _one_of(
    receivers: Sequence[HostMetrics], ignored: list[str], *, is_accepted: bool
) -> HostMetrics:
    """The receiver with the shortest interval; all others must have the same."""
    first, *others = sorted(receivers, key=lambda receiver: receiver.interval)
    for other in others:
        if other.interval != first.interval:
            difference = _difference(first, other)
            if not is_accepted:
                raise other.place.below(COLLECTION_INTERVAL).refusal(
                    f"{difference}: all host_metrics receivers of a variant are relayed together; give them one "
                    f"interval, or scrape all at the shorter one with --ignore {COLLECTION_INTERVAL}"
                )
            ignored.append(f"{difference}; both ran with the first")
    return first


def _difference(first: HostMetrics, second: HostMetrics) -> str:
    return (
        f"collection_interval: {first.interval.total_seconds():g} s at {first.place}, "
        f"{second.interval.total_seconds():g} s at {second.place}"
    )


def _utilization_note(receiver: HostMetrics) -> str:
    """A gauge that the scraper computes since its own last scrape covers only that in a trial."""
    has_it = any(
        scraper.emits(f"{prefix}.cpu.utilization") is True
        for scraper in receiver.scrapers.values()
        for prefix in ("process", "system")
    )
    return "; cpu.utilization covers the last scrape only" if has_it else ""
