"""Which guardrails a promotion still waits for, and how far each is. The views of a running trial show it."""

from collections.abc import Mapping, Sequence
from typing import Final

from phoenix_platform.analysis.batches import FEWEST_BATCHES
from phoenix_platform.analysis.guardrails import GuardrailResult, GuardrailStatus

_AWAITED: Final = frozenset({GuardrailStatus.PENDING, GuardrailStatus.NO_DATA})


def waiting_for(guardrails: Sequence[GuardrailResult], batches: Mapping[str, int]) -> str:
    """`totals (pending, 3 of 5 batches), rss (no data)`; empty if none is awaited.

    Args:
        guardrails: All of the judgement.
        batches: Full batches of those that have bounds.
    """
    return ", ".join(
        f"{result.name.replace('_', ' ')} ({_how_far(result, batches.get(result.name))})"
        for result in guardrails
        if result.status in _AWAITED
    )


def _how_far(result: GuardrailResult, batches: int | None) -> str:
    status = result.status.replace("_", " ")
    if result.status is not GuardrailStatus.PENDING or batches is None:
        return status
    if batches < FEWEST_BATCHES:
        return f"{status}, {batches} of {FEWEST_BATCHES} batches"
    return f"{status}, still open after {batches} batches"
