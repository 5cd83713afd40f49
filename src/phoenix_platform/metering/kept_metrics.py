"""Which metrics critical processes keep while they stay visible, and which they lose.

A process can keep a series of its own and still lose what is asked of it. The meter calls this once for
each variant and span; the raw stream says which metrics there were.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.metering.processes import Process
from phoenix_platform.metering.retention import CriticalIdentity, Visible, groups_showing
from phoenix_platform.metering.samples import KeptMetric, ProcessInstance
from phoenix_platform.metering.scrapes import ProcessMetrics, Scrape
from phoenix_platform.metering.sets import sorted_once


@dataclass(slots=True)
class KeptMetrics:
    """What the raw scrapes of a span and the output of them show of some critical instances."""

    instances: Sequence[ProcessInstance]
    """Sorted; those that stayed visible, so that each is in a scrape of the span."""
    names: Sequence[str]
    """Metric names, by the numbers of the raw stream."""
    identity: CriticalIdentity
    _had: list[NDArray[np.int64]] = field(default_factory=list[NDArray[np.int64]])
    _shown: list[NDArray[np.int64]] = field(default_factory=list[NDArray[np.int64]])
    """Instance and metric as one number each."""

    def take(self, scrape: Scrape, visible: Visible) -> None:
        """Take in one raw scrape, and what the variant let out of it."""
        present = [
            (instance.pid, number)
            for number, instance in enumerate(self.instances)
            if instance in scrape.critical
        ]
        if not present:
            return
        pids, numbers = np.array(sorted(present), np.int64).T
        self._had.append(self._pairs(scrape.critical_metrics, pids, numbers))
        self._shown.append(self._pairs(visible.metrics, pids, numbers))
        if visible.groups:
            self._shown.append(self._in_groups(scrape, visible, dict(present)))

    def by_metric(self) -> Mapping[str, KeptMetric]:
        """By name, every metric that any of the instances had."""
        had = sorted_once(np.concatenate(self._had))
        lost = had[~_is_in(had, sorted_once(np.concatenate(self._shown)))]
        width = len(self.names)
        had_by_metric = np.bincount(had % width, minlength=width).tolist()
        lost_by_metric = np.bincount(lost % width, minlength=width).tolist()
        losers: list[int] = (lost // width).tolist()
        metrics: list[int] = (lost % width).tolist()
        example_of: dict[int, ProcessInstance] = {}
        for loser, metric in zip(losers, metrics, strict=True):  # the first of each stays
            example_of.setdefault(metric, self.instances[loser])
        return {
            self.names[metric]: KeptMetric(count, lost_by_metric[metric], example_of.get(metric))
            for metric, count in enumerate(had_by_metric)
            if count
        }

    def _pairs(
        self, of: ProcessMetrics, pids: NDArray[np.int64], numbers: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        places = np.minimum(np.searchsorted(pids, of.pids), len(pids) - 1)
        chosen = (pids[places] == of.pids) & (of.metrics >= 0)
        pairs: NDArray[np.int64] = numbers[places[chosen]] * len(self.names) + of.metrics[chosen]
        return pairs

    def _in_groups(
        self, scrape: Scrape, visible: Visible, number_of: Mapping[int, int]
    ) -> NDArray[np.int64]:
        process_of: dict[int | None, Process] = {each.pid: each for each in scrape.processes}
        metric_numbers = {name: number for number, name in enumerate(self.names)}
        return np.array(
            [
                number * len(self.names) + metric_numbers[name]
                for pid, number in number_of.items()
                for group in groups_showing(process_of[pid], scrape, visible.groups, self.identity)
                for name in visible.groups[group]
                if name in metric_numbers
            ],
            np.int64,
        )


def _is_in(values: NDArray[np.int64], members: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the values are among these, which rise."""
    if not len(members):
        return np.zeros(len(values), bool)
    places = np.minimum(np.searchsorted(members, values), len(members) - 1)
    is_there: NDArray[np.bool_] = members[places] == values
    return is_there
