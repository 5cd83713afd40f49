"""How much of a signal stays in processes that keep their name (docs/statistics.md, fidelity 2 and 3).

The raw stream says what every process used, an output says which processes it still names; the meter
puts both together for each span.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.metering.metrics import ADDITIVITY_OF, Additivity
from phoenix_platform.metering.processes import UNNAMED, Process
from phoenix_platform.metering.samples import Visibility

METRIC_OF_SIGNAL: Final[Mapping[str, str]] = {
    "cpu": "process.cpu.time",
    "rss": "process.memory.usage",
    "io": "process.disk.io",
}
"""The same in the old and the new semantic conventions; only the names of point attributes differ."""

SIGNALS: Final = tuple(METRIC_OF_SIGNAL)
NUMBER_OF_SIGNAL_METRIC: Final = {metric: n for n, metric in enumerate(METRIC_OF_SIGNAL.values())}
TOP: Final = 10


@dataclass(frozen=True, slots=True)
class Uses:
    """What every process of one scrape used."""

    processes: Sequence[Process]
    pids: NDArray[np.int64]
    """Of the processes, in their order."""
    values: Mapping[str, NDArray[np.float64]]
    """By signal, shape [processes], the metric's unit: increases of counters, current values of the
    others. A signal without a point in the scrape is not there."""


@dataclass(frozen=True, slots=True)
class Named:
    """What the output of a span names for one signal."""

    pids: NDArray[np.int64]
    """Process ids that have a series of their own, each at least once."""
    names: frozenset[str]
    """Executable names of series that stand for all processes of that name."""


@dataclass(frozen=True, slots=True)
class SignalUse:
    """What every process of a span used of one signal; one shape."""

    values: NDArray[np.float64]
    pids: NDArray[np.int64]
    names: Sequence[str]

    def visibility(self, named: Named) -> Visibility:
        """How much of it is in processes that the output names."""
        kept = np.isin(self.pids, named.pids)
        if named.names:
            kept |= np.fromiter((name in named.names for name in self.names), bool, len(kept))
        # Equal use is ordered by process id, so that every look gives the same ten.
        order = np.lexsort((self.pids, -self.values))[:TOP]
        top = order[self.values[order] > 0]
        unnamed = float(self.values[~kept].sum())
        return Visibility(
            raw=float(self.values.sum()),
            named=float(self.values[kept].sum()),
            top=len(top),
            top_named=int(kept[top].sum()),
            effective_raw=_effective_number(self.values),
            effective_named=_effective_number(np.append(self.values[kept], unnamed)),
        )


def signal_uses(scrapes: Sequence[Uses]) -> Mapping[str, SignalUse]:
    """By signal, over the scrapes of a span: work adds up; of a state, the last value stands."""
    uses: dict[str, SignalUse] = {}
    for signal, metric in METRIC_OF_SIGNAL.items():
        having = [scrape for scrape in scrapes if signal in scrape.values]
        if having and ADDITIVITY_OF[metric] is Additivity.CURRENT_VALUES:
            having = having[-1:]
        if having:
            uses[signal] = _joined(having, signal)
    return uses


def group_names(groups: Iterable[Process]) -> frozenset[str]:
    """The executable names these groups carry."""
    return frozenset(group.name for group in groups if group.name != UNNAMED)


def _joined(scrapes: Sequence[Uses], signal: str) -> SignalUse:
    if len(scrapes) == 1:
        (scrape,) = scrapes
        names = [process.name for process in scrape.processes]
        return SignalUse(scrape.values[signal], scrape.pids, names)
    sums: dict[tuple[int, str], float] = {}
    for scrape in scrapes:
        values = scrape.values[signal].tolist()
        for process, pid, value in zip(scrape.processes, scrape.pids.tolist(), values, strict=True):
            key = (pid, process.name)
            sums[key] = sums.get(key, 0.0) + value
    return SignalUse(
        np.fromiter(sums.values(), float, len(sums)),
        np.fromiter((pid for pid, _ in sums), np.int64, len(sums)),
        [name for _, name in sums],
    )


def _effective_number(values: NDArray[np.float64]) -> float:
    """exp(H) of the shares of the values above 0 (Shannon's entropy, natural logarithm); 0 without any."""
    used = values[values > 0]
    if not len(used):
        return 0.0
    shares = used / used.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
