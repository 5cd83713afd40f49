"""Guardrails: the candidate's collector stays within its CPU and memory."""

import math
from collections.abc import Sequence
from datetime import timedelta

from phoenix_platform.analysis.guardrails import (
    GuardrailResult,
    GuardrailStatus,
    status_without_data,
)
from phoenix_platform.analysis.means import CAP_BATCHES, CAP_FACTOR, MeanSequence, levels_of
from phoenix_platform.analysis.plans import GuardrailName, Plan
from phoenix_platform.core.units import show_bytes, show_share
from phoenix_platform.metering.samples import Sample


class MeanGuardrail:
    """CPU and memory: the mean must lie below its limit, and is shown to do so or not to."""

    def __init__(self, name: GuardrailName, plan: Plan, interval: timedelta) -> None:
        self._name = name
        self._plan = plan
        self._limit = plan.cpu_limit_cores if name is GuardrailName.CPU else plan.rss_margin_bytes
        self._sequence = MeanSequence(limit=self._limit, levels=levels_of(plan), interval=interval)

    @property
    def is_broken(self) -> bool:
        return self._status() is GuardrailStatus.ABORT

    @property
    def batches(self) -> int:
        """Full ones, of which its bounds are made."""
        return self._sequence.batches

    def take(self, values: Sequence[float]) -> None:
        """Take in one interval: its value on each host that measured it; none if none did."""
        if values:
            self._sequence.take(math.fsum(values) / len(values))

    def result(self) -> GuardrailResult:
        look = self._sequence.look
        status = self._status()
        bound = None if look is None else look.high
        if status is GuardrailStatus.ABORT:
            bound = None if look is None else look.low
        return GuardrailResult(
            name=self._name,
            status=status,
            value=self._sequence.mean,
            bound=bound if bound is not None and math.isfinite(bound) else None,
            limit=float(self._limit),
            unit="{core}" if self._name is GuardrailName.CPU else "By",
            reason=self._reason(status),
        )

    def _status(self) -> GuardrailStatus:
        if not len(self._sequence):
            return status_without_data(self._plan, self._name)
        if self._sequence.is_surely_above:
            return GuardrailStatus.ABORT
        if self._sequence.is_surely_below:
            return GuardrailStatus.PASS
        return GuardrailStatus.PENDING

    def _reason(self, status: GuardrailStatus) -> str:
        subject, mean, limit = self._subject(), self._sequence.mean, self._show(self._limit)
        if mean is None:
            return f"{subject} was not measured."
        seen = f"{subject} is {self._show(mean)} on average"
        match status:
            case GuardrailStatus.PASS:
                return f"{seen}, surely below the limit of {limit}."
            case GuardrailStatus.ABORT if self._sequence.is_beyond_cap:
                time = f"{CAP_BATCHES} batches of {self._sequence.cap_length} intervals in a row"
                return f"{subject} was above {CAP_FACTOR} times the limit of {limit} in {time}."
            case GuardrailStatus.ABORT:
                return f"{seen}, surely above the limit of {limit}."
            case _:
                return f"{seen}; not yet known to be below the limit of {limit}."

    def _subject(self) -> str:
        if self._name is GuardrailName.CPU:
            seconds = self._plan.production_interval.total_seconds()
            return f"The candidate's CPU use at an interval of {seconds:g} s"
        return "The candidate's memory above the baseline's"

    def _show(self, value: float) -> str:
        if self._name is GuardrailName.CPU:
            return f"{show_share(value)} of a core"
        return show_bytes(value)


def cores_in_production(
    sample: Sample, *, idle_cores: float, interval: timedelta, plan: Plan
) -> float | None:
    """CPU of the sample's collector at the production interval, in cores; None if not measured.

    (idle CPU per second) + (CPU seconds per scrape above idle) / (production interval).
    """
    if sample.cpu_seconds is None:
        return None
    above_idle = sample.cpu_seconds / sample.scrapes - idle_cores * interval.total_seconds()
    return idle_cores + above_idle / plan.production_interval.total_seconds()
