"""What was agreed before the start: what is tested, how strictly, and what must not happen.

A plan is part of the record of a run; with the samples it is enough to reach the verdict again.
Its fields are plain values, so that msgspec writes and reads it as JSON (durations as ISO 8601).
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from phoenix_platform.analysis.queries import MOST_QUERIES, QueryGuardrail
from phoenix_platform.analysis.sequences import ALPHA, G
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.retention import CriticalIdentity

MEBIBYTE: Final = 2**20
_SHARES: Final = (
    "target_reduction", "alpha", "host_alpha", "max_unpaired_share", "max_wape", "min_coverage", "min_recall",
)  # fmt: skip
_DURATIONS: Final = (
    "interval", "production_interval", "max_duration", "min_duration", "delay_margin",
)  # fmt: skip
_QUANTITIES: Final = (
    "g", "cpu_limit_cores", "rss_margin_bytes", "min_intervals_for_unpaired", "delay_margin_share",
)  # fmt: skip


class Objective(StrEnum):
    """What the candidate must save."""

    POINTS = "points"
    SERIES = "series"
    BYTES = "bytes"


class GuardrailName(StrEnum):
    """Those that every run has; those of queries are called as their plan calls them."""

    CRITICAL_RETENTION = "critical_retention"
    CPU = "cpu"
    RSS = "rss"
    DATA_LOSS = "data_loss"
    DELAY = "delay"
    TOTALS = "totals"
    COVERAGE = "coverage"
    RECALL = "recall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    target_reduction: float
    """Share of the baseline's objective that the candidate must save, in (0, 1)."""
    interval: timedelta
    """Time between two scrapes, as asked for."""
    objective: Objective = Objective.SERIES
    production_interval: timedelta = timedelta(seconds=60)
    """Time between two scrapes in production; CPU is judged at it."""
    max_duration: timedelta = timedelta(minutes=15)
    """The run ends here as `inconclusive` if it has no verdict."""
    min_duration: timedelta | None = timedelta(days=1)
    """Shorter runs speak for a first stage only: one business cycle. None: no run is long enough."""
    cpu_limit_cores: float = 0.05
    """Of the candidate's collector at the production interval; 5 % of one core."""
    rss_margin_bytes: int = 64 * MEBIBYTE
    """By how much the candidate's resident memory may exceed the baseline's."""
    delay_margin_share: float = 0.2
    """The candidate's 95th percentile of the delay may exceed the baseline's by this share ..."""
    delay_margin: timedelta = timedelta(milliseconds=500)
    """... or by this time: only beyond both is it late."""
    max_wape: float = 0.01
    """Error of every host total that is tolerated, Σ|T'-T| / ΣT."""
    totals_preserved: bool = True
    """Whether the candidate declares that host totals stay whole."""
    accept_lost_totals: bool = False
    """Whether totals that the candidate declares lost may be lost; without it they stay a guardrail."""
    min_coverage: float | None = None
    """Least share of each signal that must stay in processes with their name; None: shown only."""
    min_recall: float | None = None
    """Least share of each interval's ten largest processes that must keep their name; None: shown only."""
    critical_patterns: tuple[str, ...] = ()
    critical_identity: CriticalIdentity = CriticalIdentity.INSTANCE
    critical_metrics: tuple[str, ...] = ()
    """Metric names or globs: a critical process that loses one of these aborts; others are listed."""
    must_have_data: tuple[GuardrailName, ...] = tuple(GuardrailName)
    """Guardrails without whose data there is no `promote`. Take out what the topology cannot measure."""
    queries: tuple[QueryGuardrail, ...] = ()
    """What a site's own Prometheus must say meanwhile."""
    alpha: float = ALPHA
    g: float = G
    host_alpha: float = 0.04
    """Level of the one statement on hosts that were not in the run."""
    discarded_scrapes: int = 2
    """Scrapes after the start that stay in the record and out of the verdict: caches fill, first
    deltas are missing."""
    max_unpaired_share: float = 0.05
    min_intervals_for_unpaired: int = 40
    """Below so many intervals a share of unpaired ones says nothing: 3 of 40 is the first above 5 %."""

    def __post_init__(self) -> None:
        for field in _SHARES:
            value: float | None = getattr(self, field)
            if value is not None and not 0 < value < 1:
                raise InvalidInputError(
                    f"{field}: not between 0 and 1: {value}; write 0.3 for 30 %"
                )
        for field in _DURATIONS:
            duration: timedelta | None = getattr(self, field)
            if duration is not None and duration <= timedelta(0):
                raise InvalidInputError(
                    f"{field}: not above zero: {duration}; give a duration like 1 s"
                )
        for field in _QUANTITIES:
            quantity: float = getattr(self, field)
            if quantity <= 0:
                raise InvalidInputError(
                    f"{field}: not above zero: {quantity}; give a number above 0"
                )
        if self.discarded_scrapes < 0:
            raise InvalidInputError(
                f"discarded_scrapes: below zero: {self.discarded_scrapes}; write 0 to keep all"
            )
        if len(set(self.must_have_data)) < len(self.must_have_data):
            raise InvalidInputError(
                f"must_have_data: a name stands twice: {', '.join(self.must_have_data)}; name each once"
            )

        self._check_queries()
        if self.critical_metrics and not self.critical_patterns:
            raise InvalidInputError(
                "critical_metrics: no critical process is named whose metrics they are; name one, such as "
                "--critical nginx"
            )
        if not all(name.strip() for name in self.critical_metrics):
            raise InvalidInputError(
                "critical_metrics: an empty name; write one such as process.memory.usage or process.disk.*"
            )

    def _check_queries(self) -> None:
        if len(self.queries) > MOST_QUERIES:
            raise InvalidInputError(
                f"queries: {len(self.queries)} of them; one run may ask {MOST_QUERIES}"
            )
        taken = {name.value for name in GuardrailName}
        for query in self.queries:
            if query.name in taken:
                raise InvalidInputError(
                    f"queries: {query.name!r} is the name of another guardrail; choose one of its own"
                )
            taken.add(query.name)

    @property
    def may_lose_totals(self) -> bool:
        """Whether lost host totals are declared and accepted, so that they are shown and not judged."""
        return self.accept_lost_totals and not self.totals_preserved

    @property
    def tested_guardrails(self) -> tuple[GuardrailName, ...]:
        """Those that abort by a statistical bound, and so share the level of aborts."""
        asked = {
            GuardrailName.TOTALS: not self.may_lose_totals,
            GuardrailName.COVERAGE: self.min_coverage is not None,
            GuardrailName.RECALL: self.min_recall is not None,
        }
        always = (GuardrailName.CPU, GuardrailName.RSS, GuardrailName.DELAY)
        return (*always, *(name for name, is_asked in asked.items() if is_asked))
