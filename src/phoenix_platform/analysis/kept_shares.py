"""Guardrails: host totals stay whole, signals and the largest processes keep their names.

Each has one share per metric or signal, and every one of them must stay below what may be lost. Host
totals are judged unless their loss is declared and accepted; names only where the plan asks for it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from phoenix_platform.analysis.guardrails import (
    GuardrailResult,
    GuardrailStatus,
    status_without_data,
)
from phoenix_platform.analysis.means import CAP_BATCHES, CAP_FACTOR, levels_of
from phoenix_platform.analysis.plans import GuardrailName, Plan
from phoenix_platform.analysis.shares import Share, ShareSequence
from phoenix_platform.core.units import show_share
from phoenix_platform.metering.metrics import ADDITIVITY_OF
from phoenix_platform.metering.samples import Sample

_SIGNALS = 3
"""`cpu`, `rss` and `io`."""


@dataclass(slots=True)
class _Part:
    """One metric or signal."""

    key: str
    sequence: ShareSequence

    @property
    def share(self) -> float:
        """What is lost; 0 where there was nothing to lose."""
        return self.sequence.share or 0.0


class SharesGuardrail:
    """One guardrail over several shares: all must be small enough for sure, one too large is enough."""

    def __init__(self, name: GuardrailName, plan: Plan, interval: timedelta) -> None:
        self._name = name
        self._plan = plan
        self._interval = interval
        self._most = most_lost(name, plan)
        parts = len(ADDITIVITY_OF) if name is GuardrailName.TOTALS else _SIGNALS
        self._levels = levels_of(plan, parts=parts)
        self._parts: dict[str, _Part] = {}

    @property
    def is_broken(self) -> bool:
        return not self._is_accepted and any(self._above())

    @property
    def _is_accepted(self) -> bool:
        return self._name is GuardrailName.TOTALS and self._plan.may_lose_totals

    @property
    def batches(self) -> int:
        """Full ones, of which its bounds are made: the share that has fewest must be settled too."""
        return min((part.sequence.batches for part in self._measured()), default=0)

    def take(self, shares: Mapping[str, Share]) -> None:
        """Take in one interval, by metric or signal."""
        for key, share in shares.items():
            if key not in self._parts:
                sequence = ShareSequence(
                    limit=self._most, levels=self._levels, interval=self._interval
                )
                self._parts[key] = _Part(key, sequence)
            self._parts[key].sequence.take(share)

    def result(self) -> GuardrailResult:
        status, worst = self._status(), self._worst()
        look = worst.sequence.look if worst else None
        bound = None if look is None else look.high
        if status is GuardrailStatus.ABORT:
            bound = None if look is None else look.low
        is_loss = self._name is GuardrailName.TOTALS
        return GuardrailResult(
            name=self._name,
            status=status,
            value=None if worst is None else worst.share if is_loss else 1 - worst.share,
            bound=None
            if bound is None or not math.isfinite(bound)
            else bound
            if is_loss
            else 1 - bound,
            limit=self._most if is_loss else 1 - self._most,
            unit="1",
            reason=self._reason(status, worst),
        )

    def _measured(self) -> list[_Part]:
        return [part for part in self._parts.values() if part.sequence.share is not None]

    def _above(self) -> Iterable[_Part]:
        return (part for part in self._measured() if part.sequence.is_surely_above)

    def _worst(self) -> _Part | None:
        """What breaks the guardrail; if nothing does, where most is lost."""
        candidates = list(self._above()) or self._measured()
        return max(candidates, key=lambda part: part.share, default=None)

    def _status(self) -> GuardrailStatus:
        measured = self._measured()
        if self._is_accepted:
            return GuardrailStatus.ACCEPTED
        if not measured:
            return status_without_data(self._plan, self._name)
        if any(self._above()):
            return GuardrailStatus.ABORT
        if all(part.sequence.is_surely_below for part in measured):
            return GuardrailStatus.PASS
        return GuardrailStatus.PENDING

    def _reason(self, status: GuardrailStatus, worst: _Part | None) -> str:
        seen = "was not measured" if worst is None else self._seen(worst)
        if status is GuardrailStatus.ACCEPTED:
            return (
                f"The pipeline declares that host totals are not preserved, and --accept-lost-totals "
                f"accepts it; the largest error {seen}."
            )
        if worst is None:
            return f"{_SUBJECT_OF[self._name][0]} {seen}."
        limit = show_share(self._most if self._name is GuardrailName.TOTALS else 1 - self._most)
        sentence = f"{_SUBJECT_OF[self._name][1]} {seen}"
        match status:
            case GuardrailStatus.PASS:
                return f"{sentence}, surely within the limit of {limit}."
            case GuardrailStatus.ABORT:
                sequence = worst.sequence
                how = (
                    f", beyond the limit of {limit}: more than {CAP_FACTOR} times what may be lost was "
                    f"lost in {CAP_BATCHES} batches of {sequence.cap_length} intervals in a row."
                    if sequence.is_beyond_cap
                    else f", surely beyond the limit of {limit}."
                )
                return f"{sentence}{how}{self._way_out()}"
            case _:
                return f"{sentence}; not yet known to be within the limit of {limit}."

    def _seen(self, part: _Part) -> str:
        if self._name is GuardrailName.TOTALS:
            return f"is {show_share(part.share)} (WAPE of {part.key})"
        return f"is {show_share(1 - part.share)} of {part.key}"

    def _way_out(self) -> str:
        if self._name is not GuardrailName.TOTALS:
            return ""
        if self._plan.totals_preserved:
            return " If sums over all processes may be lost, say so with --accept-lost-totals."
        return " The pipeline declares that: accept it with --accept-lost-totals."


_SUBJECT_OF = {
    GuardrailName.TOTALS: ("The error of host totals", "The largest error of a host total"),
    GuardrailName.COVERAGE: (
        "The share of signals in processes that kept their name",
        "Least covered by processes that kept their name",
    ),
    GuardrailName.RECALL: (
        "The share of the ten largest processes that kept their name",
        "Of the ten largest processes, fewest kept their name",
    ),
}
"""Without and with data."""


def most_lost(name: GuardrailName, plan: Plan) -> float:
    """The share that may be lost under a guardrail that the plan asks for."""
    match name:
        case GuardrailName.COVERAGE if plan.min_coverage is not None:
            return 1 - plan.min_coverage
        case GuardrailName.RECALL if plan.min_recall is not None:
            return 1 - plan.min_recall
        case _:
            return plan.max_wape


def lost_totals(candidates: Sequence[Sample]) -> dict[str, Share]:
    """|T' - T| and T per metric, summed over the hosts of one interval."""
    rows = [
        # What rounding of doubles adds is no loss; its many orders of magnitude would only widen the bounds.
        (metric, 0.0 if total.is_conserved else abs(total.output - total.raw), total.raw)
        for sample in candidates
        for metric, total in sample.totals.items()
    ]
    return _summed(rows)


def lost_coverage(candidates: Sequence[Sample]) -> dict[str, Share]:
    """What is in processes that lost their name, per signal, summed over the hosts of one interval."""
    rows = [
        (signal, seen.raw - seen.named, seen.raw)
        for sample in candidates
        for signal, seen in sample.visibility.items()
    ]
    return _summed(rows)


def lost_recall(candidates: Sequence[Sample]) -> dict[str, Share]:
    """How many of the ten largest processes lost their name, per signal, summed over hosts."""
    rows = [
        (signal, float(seen.top - seen.top_named), float(seen.top))
        for sample in candidates
        for signal, seen in sample.visibility.items()
    ]
    return _summed(rows)


def _summed(rows: Sequence[tuple[str, float, float]]) -> dict[str, Share]:
    return {
        key: Share(
            lost=math.fsum(lost for name, lost, _ in rows if name == key),
            whole=math.fsum(whole for name, _, whole in rows if name == key),
        )
        for key in sorted({name for name, _, _ in rows})
    }
