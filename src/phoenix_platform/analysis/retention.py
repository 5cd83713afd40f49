"""Guardrail: every critical process stays visible one to one."""

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

from scipy.special import betaincinv  # type: ignore[import-untyped]  # SciPy ships no types

from phoenix_platform.analysis.guardrails import (
    GuardrailResult,
    GuardrailStatus,
    status_without_data,
)
from phoenix_platform.analysis.lost_metrics import LostMetrics
from phoenix_platform.analysis.plans import GuardrailName, Plan
from phoenix_platform.core.units import show_share
from phoenix_platform.metering.samples import ProcessInstance, Sample

ASSURANCE_ALPHA: Final = 0.05
"""Error rate of the statement on critical processes; zero misses may be stated at any time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assurance:
    """What the checks of critical processes say about those not seen yet."""

    checks: int
    """Instance and interval, each pair counted."""
    instances: int
    """Distinct (host, process instance) that were checked: looking again proves nothing new."""
    independent_instances: int
    """Of these, thinned by τ: of one name on one host only those that begin τ intervals apart."""
    misses: int
    miss_rate_below: float | None
    """Upper bound at `ASSURANCE_ALPHA`; None without a check."""


def miss_rate_bound(checks: int, misses: int) -> float:
    """What the miss rate is below, after `misses` in `checks` >= 1 independent checks.

    Without a miss 1 - α^(1/n); else the quantile 1 - α of Beta(misses + 1, checks - misses),
    Clopper and Pearson, Biometrika 26 (1934).
    """
    if not misses:
        return float(-math.expm1(math.log(ASSURANCE_ALPHA) / checks))
    if misses == checks:
        return 1.0
    return float(betaincinv(misses + 1, checks - misses, 1 - ASSURANCE_ALPHA))


@dataclass(frozen=True, slots=True)
class _Miss:
    host: str
    scrape: int
    process: ProcessInstance


@dataclass(slots=True)
class CriticalRetention:
    """Every critical process stays visible one to one: an invariant, not a test."""

    plan: Plan
    _checks: int = 0
    _instances: set[tuple[str, ProcessInstance]] = field(
        default_factory=set[tuple[str, ProcessInstance]]
    )
    _births: dict[tuple[str, str], list[int]] = field(
        default_factory=dict[tuple[str, str], list[int]]
    )
    """By host and name: the intervals, rising and each once, in which an instance was first checked."""
    _misses: list[_Miss] = field(default_factory=list[_Miss])
    metrics: LostMetrics = field(init=False)
    """Of those that stayed visible."""

    def __post_init__(self) -> None:
        self.metrics = LostMetrics(self.plan)

    @property
    def is_broken(self) -> bool:
        return bool(self._misses) or self.metrics.is_broken

    def take(self, candidate: Sample, *, interval: int) -> None:
        """Take in a sample whose input was acknowledged whole, and the number of its interval."""
        for process in (*candidate.critical_seen, *candidate.critical_missing):
            self._checks += 1
            self._meet(candidate.host, process, interval)
        for process in candidate.critical_missing:
            self._misses.append(_Miss(candidate.host, candidate.scrape, process))

    def _meet(self, host: str, process: ProcessInstance, interval: int) -> None:
        if (host, process) in self._instances:
            return
        self._instances.add((host, process))
        births = self._births.setdefault((host, process.name), [])
        if not births or births[-1] < interval:
            births.append(interval)

    def assurance(self, tau: float | None) -> Assurance:
        """The counts so far, with the correlation time in intervals (None: not known yet)."""
        independent, misses = self._independent_instances(tau), len(self._misses)
        return Assurance(
            checks=self._checks,
            instances=len(self._instances),
            independent_instances=independent,
            misses=misses,
            miss_rate_below=miss_rate_bound(max(independent, misses), misses)
            if independent
            else None,
        )

    def _independent_instances(self, tau: float | None) -> int:
        """While τ is not known, instances of one name on one host count once."""
        if tau is None:
            return len(self._births)
        count = 0
        for births in self._births.values():
            place = 0
            while place < len(births):
                count += 1
                # Intervals are whole and τ is at least 1, so this is the next that is τ or more later.
                place = bisect_left(births, births[place] + math.ceil(tau), place + 1)
        return count

    def result(self, tau: float | None) -> GuardrailResult:
        assurance = self.assurance(tau)
        status, reason = self._status(assurance)
        return GuardrailResult(
            name=GuardrailName.CRITICAL_RETENTION,
            status=status,
            value=float(assurance.misses) if assurance.checks else None,
            bound=assurance.miss_rate_below,
            limit=0.0,
            unit="{miss}",
            reason=reason,
        )

    def _status(self, assurance: Assurance) -> tuple[GuardrailStatus, str]:
        if self._misses:
            return GuardrailStatus.ABORT, self._describe_misses()
        if self.metrics.is_broken:
            return GuardrailStatus.ABORT, self._describe_lost_metric()
        if assurance.checks and (unknown := self.metrics.unknown()):
            return status_without_data(self.plan, GuardrailName.CRITICAL_RETENTION), (
                f"No critical process had a metric named {', '.join(unknown)}: is it written as the "
                "collector names it?"
            )
        if assurance.miss_rate_below is not None:
            return GuardrailStatus.PASS, (
                f"All critical processes stayed visible in {assurance.checks} checks of "
                f"{assurance.instances} process instances, of which "
                f"{assurance.independent_instances} independent; among others the miss rate is "
                f"below {show_share(assurance.miss_rate_below)}."
            )
        if not self.plan.critical_patterns:
            return GuardrailStatus.NOT_MEASURED, "No critical process was named."
        patterns = ", ".join(self.plan.critical_patterns)
        return status_without_data(self.plan, GuardrailName.CRITICAL_RETENTION), (
            f"No process matched the critical patterns {patterns}."
        )

    def _describe_lost_metric(self) -> str:
        first = self.metrics.results()[0]
        return (
            f"Critical process {first.process} (pid {first.pid}) on host {first.host} lost its "
            f"metric {first.metric} in the candidate's output of scrape {first.scrape}; the plan names this "
            "metric as critical."
        )

    def _describe_misses(self) -> str:
        first, others = self._misses[0], len(self._misses) - 1
        more = f" ({others} more such misses)" if others else ""
        return (
            f"Critical process {first.process.name} (pid {first.process.pid}) on host {first.host} "
            f"is missing from the candidate's output of scrape {first.scrape}{more}."
        )
