"""Guardrail: what the candidate lets out must not come much later than what the baseline lets out."""

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from phoenix_platform.analysis.guardrails import (
    GuardrailResult,
    GuardrailStatus,
    status_without_data,
)
from phoenix_platform.analysis.means import MeanSequence, levels_of
from phoenix_platform.analysis.plans import GuardrailName, Plan
from phoenix_platform.core.units import show_duration, show_share
from phoenix_platform.metering.samples import Sample

_SHORTEST_SECONDS: Final = 1e-3
"""Shorter delays are taken as this: they are the meter's own, and 0 has no logarithm."""


class Delay:
    """Late is: beyond the margin as a share, and beyond it as a time. Either alone is not.

    Of the 95th percentiles per interval, the mean log ratio and the mean difference each have a
    confidence sequence. Late for sure needs both (each at the level of aborts); in time for sure is
    shown by either, and so each has half of the level of promotion.
    """

    def __init__(self, plan: Plan, interval: timedelta) -> None:
        self._plan = plan
        levels = levels_of(plan, ways_to_pass=2)
        self._log_ratio = MeanSequence(
            limit=math.log1p(plan.delay_margin_share), levels=levels, interval=interval
        )
        self._seconds = MeanSequence(
            limit=plan.delay_margin.total_seconds(), levels=levels, interval=interval
        )

    @property
    def is_broken(self) -> bool:
        return self._status() is GuardrailStatus.ABORT

    @property
    def batches(self) -> int:
        """Full ones, of which its bounds are made: the sequence that has more may settle it."""
        return max(self._log_ratio.batches, self._seconds.batches)

    def take(self, matched: Sequence[tuple[Sample, Sample]]) -> None:
        """Take in one interval: the pairs of its hosts; those without delays say nothing."""
        delays = [
            (
                max(baseline.delay_p95_seconds, _SHORTEST_SECONDS),
                max(candidate.delay_p95_seconds, _SHORTEST_SECONDS),
            )
            for baseline, candidate in matched
            if baseline.delay_p95_seconds is not None and candidate.delay_p95_seconds is not None
        ]
        if delays:
            logarithms = (math.log(candidate / baseline) for baseline, candidate in delays)
            self._log_ratio.take(math.fsum(logarithms) / len(delays))
            differences = (candidate - baseline for baseline, candidate in delays)
            self._seconds.take(math.fsum(differences) / len(delays))

    def result(self) -> GuardrailResult:
        status, look = self._status(), self._seconds.look
        bound = None if look is None else look.high
        if status is GuardrailStatus.ABORT:
            bound = None if look is None else look.low
        return GuardrailResult(
            name=GuardrailName.DELAY,
            status=status,
            value=self._seconds.mean,
            bound=bound if bound is not None and math.isfinite(bound) else None,
            limit=self._plan.delay_margin.total_seconds(),
            unit="s",
            reason=self._reason(status),
        )

    def _status(self) -> GuardrailStatus:
        both = (self._log_ratio, self._seconds)
        if not len(self._seconds):
            return status_without_data(self._plan, GuardrailName.DELAY)
        if all(each.is_surely_above for each in both):
            return GuardrailStatus.ABORT
        if any(each.is_surely_below for each in both):
            return GuardrailStatus.PASS
        return GuardrailStatus.PENDING

    def _reason(self, status: GuardrailStatus) -> str:
        mean, log_ratio = self._seconds.mean, self._log_ratio.mean
        if mean is None or log_ratio is None:
            return "The delay from scrape to output was not measured."
        share = math.expm1(min(log_ratio, _LARGEST_LOG))
        seen = (
            f"The candidate's delay (95th percentile) differs from the baseline's by {mean:+.3g} s "
            f"({100 * share:+.0f} %) on average"
        ).replace("-", "\N{MINUS SIGN}")
        margin = show_duration(self._plan.delay_margin.total_seconds())
        margins = f"the margin of {margin} and {show_share(self._plan.delay_margin_share)}"
        match status:
            case GuardrailStatus.PASS:
                return f"{seen}, surely within {margins}."
            case GuardrailStatus.ABORT:
                return f"{seen}, surely beyond {margins}; allow more with --delay-margin."
            case _:
                return f"{seen}; not yet known to be within {margins}."


_LARGEST_LOG: Final = 50.0
"""Of a ratio that is still shown as it is."""
