"""How many processes of each name there were, and how many of them each variant showed one by one.

A host may start thirty processes a second for hours: of processes that are gone only counts are kept, by
name. The meter calls it; `phoenix trial` shows the result as what was lost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from phoenix_platform.metering.counters import CounterNumbers
from phoenix_platform.metering.samples import Variant

MOST_NAMES: Final = 10_000
"""Names counted one by one: random names of short-lived processes must not fill the memory."""
OTHER_NAMES: Final = "(other names)"
"""Takes the processes whose names came after that many: then there were at least so many names."""


class Instance(NamedTuple):
    """A process as long as it has series; the same id and name after a minute's absence is a new one."""

    pid: int
    name: str


@dataclass(frozen=True, slots=True)
class NameLoss:
    """Processes of one executable name: how many were there, how many stayed visible one by one."""

    name: str
    processes: int
    """In the raw stream since the start."""
    visible: Mapping[Variant, int]


class NameLosses:
    """Counts processes when they leave the raw stream; those still there are counted on demand."""

    def __init__(self, raw: CounterNumbers, outputs: Mapping[Variant, CounterNumbers]) -> None:
        """Take the instances that have series now, in the raw stream and in each output."""
        self._raw = raw
        self._outputs = outputs
        self._shown = {variant: set[Instance]() for variant in outputs}
        """Instances still in the raw stream whose series have left the output again."""
        self._counts: dict[str, list[int]] = {}
        """By name: processes that are gone, and how many of them each variant showed."""

    def output_lost(self, variant: Variant, instances: Iterable[Instance]) -> None:
        """These have no series in the output of the variant any more."""
        self._shown[variant].update(each for each in instances if each in self._raw)

    def raw_lost(self, instances: Iterable[Instance]) -> None:
        """These have no series in the raw stream any more."""
        for instance in instances:
            self._count(self._counts, instance)
            for shown in self._shown.values():
                shown.discard(instance)

    def losses(self) -> list[NameLoss]:
        """Every name of the raw stream, those that lost most processes first."""
        counts = {name: list(row) for name, row in self._counts.items()}
        for key in self._raw.in_use():
            assert isinstance(key, Instance)
            self._count(counts, key)
        losses = [
            NameLoss(name, processes, dict(zip(self._outputs, visible, strict=True)))
            for name, (processes, *visible) in counts.items()
        ]
        return sorted(
            losses, key=lambda loss: (min(loss.visible.values()) - loss.processes, loss.name)
        )

    def _count(self, counts: dict[str, list[int]], instance: Instance) -> None:
        is_known = instance.name in counts or len(counts) < MOST_NAMES
        name = instance.name if is_known else OTHER_NAMES
        row = counts.setdefault(name, [0] * (1 + len(self._outputs)))
        row[0] += 1
        for position, (variant, output) in enumerate(self._outputs.items(), 1):
            row[position] += instance in output or instance in self._shown[variant]
