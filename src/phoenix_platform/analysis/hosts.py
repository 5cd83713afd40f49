"""What a run says about hosts that were not in it: a second statement, made once, at the stop.

The confidence sequence speaks for the hosts of the run. Whether others would save as much is a question
about the spread between hosts, answered by one t test over their log ratios. It is no sequential test:
looked at while the run goes on it would be wrong in up to 44 % of runs, so `verdicts` asks for it only
when there is a verdict.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from scipy.special import stdtr, stdtrit  # type: ignore[import-untyped]  # SciPy ships no types

from phoenix_platform.analysis.plans import Plan

FEWEST_HOSTS: Final = 3
_ROUNDING: Final = 1e-12
"""Spread of log ratios below this is rounding, not a difference between hosts."""


class HostConclusion(StrEnum):
    MORE = "more"
    """Hosts like these surely save more than the target, on average."""
    LESS = "less"
    OPEN = "open"
    NOT_ENOUGH_HOSTS = "not_enough_hosts"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatement:
    """Reductions are shares; the mean is that of log ratios, a geometric mean of what is kept."""

    conclusion: HostConclusion
    hosts: int
    """With a log ratio: both variants let something out."""
    reduction_low: float | None
    """At the level `Plan.host_alpha`; None without enough hosts."""
    reduction: float | None
    reduction_high: float | None
    p_value: float | None
    """Two-sided, of "hosts like these save the target on average"."""


def host_statement(log_ratios: Sequence[float], plan: Plan) -> HostStatement:
    """One t test over the log ratios of the hosts, candidate / baseline of the objective.

    Equals `scipy.stats.ttest_1samp(log_ratios, log(1 - target_reduction))`. Assumes that the hosts of
    the run are a random draw of those meant. Without any spread the mean is taken as it is.
    """
    hosts = len(log_ratios)
    if hosts < FEWEST_HOSTS:
        return HostStatement(
            conclusion=HostConclusion.NOT_ENOUGH_HOSTS,
            hosts=hosts,
            reduction_low=None,
            reduction=None,
            reduction_high=None,
            p_value=None,
        )
    mean = math.fsum(log_ratios) / hosts
    variance = math.fsum((one - mean) ** 2 for one in log_ratios) / (hosts - 1)
    error, distance = math.sqrt(variance / hosts), mean - math.log1p(-plan.target_reduction)
    critical = float(stdtrit(hosts - 1, 1 - plan.host_alpha / 2))
    return HostStatement(
        conclusion=_conclusion(distance, critical * error),
        hosts=hosts,
        reduction_low=-math.expm1(mean + critical * error),
        reduction=-math.expm1(mean),
        reduction_high=-math.expm1(mean - critical * error),
        p_value=_p_value(distance, error, hosts),
    )


def _conclusion(distance: float, width: float) -> HostConclusion:
    if abs(distance) <= max(width, _ROUNDING):
        return HostConclusion.OPEN
    return HostConclusion.MORE if distance < 0 else HostConclusion.LESS


def _p_value(distance: float, error: float, hosts: int) -> float:
    if error < _ROUNDING:
        return 1.0 if abs(distance) <= _ROUNDING else 0.0
    return 2 * float(stdtr(hosts - 1, -abs(distance) / error))


@dataclass(slots=True)
class HostTotals:
    """The objective of each host over the window."""

    _baseline: dict[str, int] = field(default_factory=dict[str, int])
    _candidate: dict[str, int] = field(default_factory=dict[str, int])

    def take(self, host: str, *, baseline: int, candidate: int) -> None:
        self._baseline[host] = self._baseline.get(host, 0) + baseline
        self._candidate[host] = self._candidate.get(host, 0) + candidate

    def log_ratios(self) -> list[float]:
        """Of the hosts where both variants let something out, in order of their names."""
        return [
            math.log(self._candidate[host] / baseline)
            for host, baseline in sorted(self._baseline.items())
            if baseline and self._candidate[host]
        ]
