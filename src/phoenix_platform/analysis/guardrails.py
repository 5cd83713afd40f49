"""What a guardrail is: a limit that a candidate must keep whatever it saves.

The guardrails are in `retention` (critical processes), `resources` (CPU and memory), `losses`,
`delays`, `shares` (host totals, coverage, recall) and `query_guardrails`; `evidence` feeds them interval by interval. Promotion needs all of them, so each passes at the full
level (intersection-union); any of them may abort, so each aborts at its share of it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from phoenix_platform.analysis.plans import GuardrailName, Plan


class GuardrailStatus(StrEnum):
    PASS = "pass"  # noqa: S105 - not a password
    PENDING = "pending"
    ABORT = "abort"
    NO_DATA = "no_data"
    """Must have data, and has none: nothing is promoted."""
    NOT_MEASURED = "not_measured"
    """Cannot be measured here, or nothing was asked for; the verdict names it."""
    ACCEPTED = "accepted"
    """Lost by declaration, and accepted by whoever asked for the run; the verdict names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailResult:
    name: str
    """A `GuardrailName`, or that of a query of the plan."""
    status: GuardrailStatus
    value: float | None
    """What was seen, in `unit`."""
    bound: float | None
    """What the truth is beyond for sure, on the side of the limit that `status` says, in `unit`; None
    while not known."""
    limit: float
    unit: str
    """UCUM."""
    reason: str
    """One sentence."""

    @property
    def lets_promote(self) -> bool:
        return self.status in _PROMOTING


_PROMOTING: Final = frozenset(
    {GuardrailStatus.PASS, GuardrailStatus.NOT_MEASURED, GuardrailStatus.ACCEPTED}
)


def status_without_data(plan: Plan, name: GuardrailName) -> GuardrailStatus:
    return GuardrailStatus.NO_DATA if name in plan.must_have_data else GuardrailStatus.NOT_MEASURED
