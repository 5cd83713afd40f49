"""Guardrail: what a pipeline loses must not count as what it saves."""

from dataclasses import dataclass, field
from typing import Final

from phoenix_platform.analysis.guardrails import (
    GuardrailResult,
    GuardrailStatus,
    status_without_data,
)
from phoenix_platform.analysis.pairs import Pair
from phoenix_platform.analysis.plans import GuardrailName, Plan
from phoenix_platform.core.units import show_share

LOSS_INTERVALS: Final = 3
"""Intervals in a row with loss that abort: fewer may be a restart of the receiving side. As many in which
nothing came out of either variant spoil the run: that is no loss of the candidate's."""
TOLERATED_LOSS: Final = 0.001
"""Share of the output that may be lost for a pass: it moves a reduction by less than 0.1 percentage
points."""


@dataclass(slots=True)
class DataLoss:
    plan: Plan
    _has_counters: bool = False
    _lost_points: int = 0
    _output_points: int = 0
    _losses_in_a_row: dict[str, int] = field(default_factory=dict[str, int])
    _gaps_in_a_row: dict[str, int] = field(default_factory=dict[str, int])
    _broken: str | None = None

    @property
    def is_broken(self) -> bool:
        return self._broken is not None

    def take(self, pair: Pair) -> None:
        """Take in an interval of a host; the candidate may have no sample of it."""
        host, candidate = pair.host, pair.candidate
        is_silent = candidate is None or (
            candidate.input_points > 0 and not candidate.output_points
        )
        is_gap = is_silent and not pair.is_held_up
        self._gaps_in_a_row[host] = self._gaps_in_a_row.get(host, 0) + 1 if is_gap else 0
        if self._gaps_in_a_row[host] >= LOSS_INTERVALS:
            self._break(f"Nothing came out of the candidate on host {host}")
        if candidate is None:
            return
        counts = [n for n in (candidate.refused_points, candidate.dropped_points) if n is not None]
        lost = sum(counts)
        self._has_counters |= bool(counts)
        self._lost_points += lost
        self._output_points += candidate.output_points
        is_loss = lost > 0 and candidate.queue_full is True
        self._losses_in_a_row[host] = self._losses_in_a_row.get(host, 0) + 1 if is_loss else 0
        if self._losses_in_a_row[host] >= LOSS_INTERVALS:
            self._break(f"The candidate lost points with its queue full on host {host}")

    def _break(self, what: str) -> None:
        self._broken = self._broken or f"{what} in {LOSS_INTERVALS} intervals in a row."

    def result(self) -> GuardrailResult:
        handled = self._lost_points + self._output_points
        share = self._lost_points / handled if self._has_counters and handled else None
        status, reason = self._status(share)
        return GuardrailResult(
            name=GuardrailName.DATA_LOSS,
            status=status,
            value=share,
            bound=None,
            limit=TOLERATED_LOSS,
            unit="1",
            reason=reason,
        )

    def _status(self, share: float | None) -> tuple[GuardrailStatus, str]:
        if self._broken:
            return GuardrailStatus.ABORT, self._broken
        if share is None:
            return status_without_data(self.plan, GuardrailName.DATA_LOSS), (
                "The candidate's counters of refused and dropped points were not read."
            )
        if share <= TOLERATED_LOSS:
            return GuardrailStatus.PASS, (
                f"The candidate lost {self._lost_points} points ({show_share(share, digits=2)} of "
                f"its output)."
            )
        return GuardrailStatus.PENDING, (
            f"The candidate lost {self._lost_points} points ({show_share(share, digits=2)} of its "
            f"output); above {show_share(TOLERATED_LOSS)} what is lost looks like what is saved."
        )
