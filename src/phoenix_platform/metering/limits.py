"""At which an agent ends an experiment by itself: what must not go on, with or without a control plane.

The invariants and hard caps alone; whatever needs statistics is judged by `analysis`. Each limit is
the one that the verdict has too, so that an agent without its control plane ends what that would end.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from phoenix_platform.core.units import show_share
from phoenix_platform.metering.samples import Sample, Variant

LOSS_INTERVALS: Final = 3
"""Intervals in a row with loss, or without any output: fewer may be a restart of the receiving side."""
DISCARDED_SCRAPES: Final = 2
"""After a start: caches fill, first deltas are missing."""


class LimitName(StrEnum):
    CRITICAL_RETENTION = "critical_retention"
    DATA_LOSS = "data_loss"
    HOST_CPU = "host_cpu"


@dataclass(frozen=True, slots=True)
class BrokenLimit:
    name: LimitName
    reason: str
    """One sentence with the numbers."""


@dataclass(slots=True, kw_only=True)
class LimitWatch:
    """The limits of one run of an experiment on one host; remembers only what is in a row."""

    max_host_cpu_share: float
    """Share of the whole host (0 to 1)."""
    aborts_on_critical_miss: bool = True
    first_scrape: int = 0
    """Number of the run's first scrape."""
    _baselines: dict[int, Sample] = field(default_factory=dict[int, Sample])
    _losses_in_a_row: int = 0
    _gaps_in_a_row: int = 0

    def take(self, samples: Iterable[Sample]) -> BrokenLimit | None:
        """What these new samples break; the first, if they break several."""
        for sample in samples:
            if sample.scrape < self.first_scrape + DISCARDED_SCRAPES:
                continue
            if sample.variant is Variant.BASELINE:
                self._baselines = {sample.scrape: sample}
                continue
            baseline = self._baselines.get(sample.scrape)
            if baseline is not None and (broken := self._look(baseline, sample)) is not None:
                return broken
        return None

    def take_host_cpu(self, share: float | None) -> BrokenLimit | None:
        """Whether the experiment uses more of the host than it may; None before that is known."""
        if share is None or share <= self.max_host_cpu_share:
            return None
        return BrokenLimit(
            LimitName.HOST_CPU,
            f"The experiment used {show_share(share)} of this host's CPU, more than the allowed "
            f"{show_share(self.max_host_cpu_share)}.",
        )

    def _look(self, baseline: Sample, candidate: Sample) -> BrokenLimit | None:
        return self._critical_miss(baseline, candidate) or self._data_loss(baseline, candidate)

    def _critical_miss(self, baseline: Sample, candidate: Sample) -> BrokenLimit | None:
        """Confirmed only where both took the scrape whole, and something came out of one of them."""
        is_compared = baseline.acknowledged and candidate.acknowledged
        is_held_up = not (baseline.output_points or candidate.output_points)
        missing = candidate.critical_missing
        if not self.aborts_on_critical_miss or not is_compared or is_held_up or len(missing) == 0:
            return None
        first = missing[0]
        more = f" ({len(missing) - 1} more with it)" if len(missing) > 1 else ""
        return BrokenLimit(
            LimitName.CRITICAL_RETENTION,
            f"Critical process {first.name} (pid {first.pid}) is missing from the candidate's "
            f"output of scrape {candidate.scrape}{more}.",
        )

    def _data_loss(self, baseline: Sample, candidate: Sample) -> BrokenLimit | None:
        is_gap = bool(
            candidate.input_points and not candidate.output_points and baseline.output_points
        )
        self._gaps_in_a_row = self._gaps_in_a_row + 1 if is_gap else 0
        lost = (candidate.refused_points or 0) + (candidate.dropped_points or 0)
        is_loss = lost > 0 and candidate.queue_full is True
        self._losses_in_a_row = self._losses_in_a_row + 1 if is_loss else 0
        if self._losses_in_a_row >= LOSS_INTERVALS:
            what = "The candidate lost points with its queue full"
        elif self._gaps_in_a_row >= LOSS_INTERVALS:
            what = "Nothing came out of the candidate"
        else:
            return None
        reason = f"{what} in {LOSS_INTERVALS} intervals in a row."
        return BrokenLimit(LimitName.DATA_LOSS, reason)
