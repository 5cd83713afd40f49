"""What the collectors of the story do with the scrapes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from tests.ground_truth.story import DROPPED_NAMES, IO, Point

from phoenix_platform.metering.meter import VariantTiming
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.documents import thawed

SECOND: Final = timedelta(seconds=1)
EVERY_SCRAPE: Final = VariantTiming(emits_every=SECOND)


def as_given(points: Sequence[Point]) -> Sequence[Point]:
    return points


def without_dropped(points: Sequence[Point]) -> Sequence[Point]:
    """Nor the I/O of anybody."""
    kept = [p for p in points if dict(p.resource)["process.executable.name"] not in DROPPED_NAMES]
    return [point for point in kept if point.metric != IO]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One pipeline, and what must leave it."""

    name: str
    processors: Mapping[str, Any] = field(default_factory=dict[str, Any])
    timing: VariantTiming = EVERY_SCRAPE
    model: Callable[[Sequence[Point]], Sequence[Point]] | None = as_given
    """What leaves of a scrape; None where only the captured requests tell."""


def cases() -> list[Case]:
    stock: Any = thawed(catalog.get("process-aggregated-stock-v1").configuration.root)
    return [
        Case(name="pass-through"),
        Case(
            name="filter by name and metric",
            processors={
                "filter/names": {
                    "metrics": {
                        "metric": [
                            f'name == "{IO}"',
                            *(
                                f'resource.attributes["process.executable.name"] == "{name}"'
                                for name in DROPPED_NAMES
                            ),
                        ]
                    }
                }
            },
            model=without_dropped,
        ),
        Case(
            name="batch, merging",
            processors={"batch": {"timeout": "2500ms", "send_batch_size": 100_000}},
            timing=VariantTiming(emits_every=SECOND, holds_for=2.5 * SECOND),
        ),
        Case(
            name="batch, splitting",
            processors={
                "batch": {"timeout": "200ms", "send_batch_size": 17, "send_batch_max_size": 17}
            },
            timing=VariantTiming(emits_every=SECOND, holds_for=0.2 * SECOND),
        ),
        Case(
            name="every third scrape",
            timing=VariantTiming(relay_every=3, emits_every=3 * SECOND),
        ),
        Case(
            name="roll-up by name (stock)",
            processors=stock["processors"],
            model=None,
        ),
        Case(
            name="interval processor, 3 s",
            processors={"interval": {"interval": "3s"}},
            timing=VariantTiming(emits_every=3 * SECOND, holds_for=3 * SECOND),
            model=None,
        ),
    ]
