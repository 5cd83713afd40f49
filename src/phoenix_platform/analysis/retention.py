"""Guardrail: every critical process stays visible one to one."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from scipy.special import betaincinv  # type: ignore[import-untyped]  # SciPy ships no types

from phoenix_platform.analysis.guardrails import (
    GuardrailResult,
    GuardrailStatus,
    status_without_data,
)
from phoenix_platform.analysis.plans import GuardrailName, Plan
from phoenix_platform.core.units import show_share
from phoenix_platform.metering.samples import ProcessInstance, Sample

ASSURANCE_ALPHA: Final = 0.05
"""Error rate of the statement on critical processes; zero misses may be stated at any time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assurance:
    """What the checks of critical processes say about those not seen yet."""

    instances: int
    """Distinct process instances that were checked."""
    checks: int
    """Instance and interval, each pair counted."""
    independent_checks: int
    """One per instance and correlation time (τ intervals)."""
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
    _checks: Counter[tuple[str, ProcessInstance]] = field(
        default_factory=Counter[tuple[str, ProcessInstance]]
    )
    _misses: list[_Miss] = field(default_factory=list[_Miss])

    @property
    def is_broken(self) -> bool:
        return bool(self._misses)

    def take(self, candidate: Sample) -> None:
        """Take in a sample whose input was acknowledged whole."""
        for process in candidate.critical_seen:
            self._checks[candidate.host, process] += 1
        for process in candidate.critical_missing:
            self._checks[candidate.host, process] += 1
            self._misses.append(_Miss(candidate.host, candidate.scrape, process))

    def assurance(self, tau: float | None) -> Assurance:
        """The counts so far, with the correlation time in intervals (None: not known yet)."""
        independent = sum(
            max(1, int(checks / tau)) if tau else 1 for checks in self._checks.values()
        )
        misses = len(self._misses)
        return Assurance(
            instances=len(self._checks),
            checks=self._checks.total(),
            independent_checks=independent,
            misses=misses,
            miss_rate_below=miss_rate_bound(max(independent, misses), misses)
            if independent
            else None,
        )

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
        if assurance.miss_rate_below is not None:
            return GuardrailStatus.PASS, (
                f"All critical processes stayed visible: {assurance.instances} instances in "
                f"{assurance.checks} checks, of which {assurance.independent_checks} count as "
                f"independent; the miss rate is below {show_share(assurance.miss_rate_below)}."
            )
        if not self.plan.critical_patterns:
            return GuardrailStatus.NOT_MEASURED, "No critical process was named."
        patterns = ", ".join(self.plan.critical_patterns)
        return status_without_data(self.plan, GuardrailName.CRITICAL_RETENTION), (
            f"No process matched the critical patterns {patterns}."
        )

    def _describe_misses(self) -> str:
        first, others = self._misses[0], len(self._misses) - 1
        more = f" ({others} more such misses)" if others else ""
        return (
            f"Critical process {first.process.name} (pid {first.process.pid}) on host {first.host} "
            f"is missing from the candidate's output of scrape {first.scrape}{more}."
        )
