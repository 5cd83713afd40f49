"""Metrics that critical processes lose behind the candidate, though the processes stay visible.

They are listed; the retention guardrail aborts only for those that the plan names. What the baseline
does not let out either is no loss: nobody has it today.
"""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from phoenix_platform.analysis.plans import Plan
from phoenix_platform.metering.samples import KeptMetric, ProcessInstance, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class LostMetric:
    metric: str
    is_critical: bool
    """Whether the plan names it, so that its loss aborts."""
    intervals: int
    """Hosts and intervals in which a critical process lost it."""
    processes: int
    """Most critical processes that lost it in one of them."""
    host: str
    scrape: int
    """Where it was lost first."""
    process: str
    """Executable name of one that lost it there."""
    pid: int


@dataclass(slots=True)
class LostMetrics:
    plan: Plan
    _lost: dict[str, LostMetric] = field(default_factory=dict[str, LostMetric])
    _had: set[str] = field(default_factory=set[str])
    """Metrics that any critical process had."""

    @property
    def is_broken(self) -> bool:
        return any(lost.is_critical for lost in self._lost.values())

    def take(self, baseline: Sample, candidate: Sample) -> None:
        """Take in a pair whose variants both saw the same scrapes whole."""
        self._had.update(candidate.critical_metrics)
        for metric, kept in candidate.critical_metrics.items():
            processes = _lost_behind(kept, baseline.critical_metrics.get(metric))
            if processes > 0 and kept.example is not None:
                self._add(metric, processes, candidate, kept.example)

    def results(self) -> tuple[LostMetric, ...]:
        """Those that the plan names first, then by name."""
        return tuple(
            sorted(self._lost.values(), key=lambda lost: (not lost.is_critical, lost.metric))
        )

    def unknown(self) -> tuple[str, ...]:
        """Names of the plan that fit no metric of any critical process so far."""
        return tuple(
            pattern
            for pattern in self.plan.critical_metrics
            if not any(fnmatchcase(metric, pattern) for metric in self._had)
        )

    def _add(
        self, metric: str, processes: int, candidate: Sample, example: ProcessInstance
    ) -> None:
        known = self._lost.get(metric)
        patterns = self.plan.critical_metrics
        self._lost[metric] = LostMetric(
            metric=metric,
            is_critical=any(fnmatchcase(metric, pattern) for pattern in patterns),
            intervals=1 + (known.intervals if known else 0),
            processes=max(processes, known.processes if known else 0),
            host=known.host if known else candidate.host,
            scrape=known.scrape if known else candidate.scrape,
            process=known.process if known else example.name,
            pid=known.pid if known else example.pid,
        )


def _lost_behind(candidate: KeptMetric, baseline: KeptMetric | None) -> int:
    """How many processes more than behind the baseline lost it; 0 or less for none."""
    shown_by_baseline = 0 if baseline is None else baseline.had - baseline.lost
    return min(candidate.lost, shown_by_baseline - (candidate.had - candidate.lost))
