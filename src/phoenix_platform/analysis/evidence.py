"""Everything known about a run up to one interval. `verdicts` walks it forward and decides on it."""

import math
from collections.abc import Sequence
from datetime import timedelta

from phoenix_platform.analysis.delays import Delay
from phoenix_platform.analysis.fidelity import NamesFidelity, TotalsFidelity
from phoenix_platform.analysis.guardrails import GuardrailResult
from phoenix_platform.analysis.hosts import HostTotals
from phoenix_platform.analysis.kept_shares import (
    SharesGuardrail,
    lost_coverage,
    lost_recall,
    lost_totals,
)
from phoenix_platform.analysis.losses import LOSS_INTERVALS, DataLoss
from phoenix_platform.analysis.pairs import Pair
from phoenix_platform.analysis.plans import GuardrailName, Objective, Plan
from phoenix_platform.analysis.query_guardrails import QueryStates
from phoenix_platform.analysis.reductions import Amount, Look, ReductionSequence, ReductionState
from phoenix_platform.analysis.resources import MeanGuardrail, cores_in_production
from phoenix_platform.analysis.retention import CriticalRetention
from phoenix_platform.metering.samples import Sample


class Evidence:
    """Takes in interval by interval; its facts are of the intervals taken so far."""

    def __init__(self, plan: Plan, *, interval: timedelta, idle_cores: float | None) -> None:
        self._plan = plan
        self._interval = interval
        self._idle_cores = idle_cores
        self._reductions = {
            objective: ReductionSequence(
                objective, target_reduction=plan.target_reduction, alpha=plan.alpha, g=plan.g
            )
            for objective in Objective
        }
        self.retention = CriticalRetention(plan)
        self._losses = DataLoss(plan)
        self._cpu = MeanGuardrail(GuardrailName.CPU, plan, interval)
        self._rss = MeanGuardrail(GuardrailName.RSS, plan, interval)
        self._delay = Delay(plan, interval)
        self._totals = SharesGuardrail(GuardrailName.TOTALS, plan, interval)
        self._coverage = SharesGuardrail(GuardrailName.COVERAGE, plan, interval)
        self._recall = SharesGuardrail(GuardrailName.RECALL, plan, interval)
        self.fidelity = TotalsFidelity()
        self.names = NamesFidelity()
        self.queries = QueryStates.of(plan.queries)
        """After the answers that came before the end of the last interval."""
        self.hosts = HostTotals()
        self.intervals = 0
        """Intervals judged, paired or not."""
        self.paired = 0
        """Pairs of samples that were compared, one per host and interval."""
        self.unpaired = 0
        """Hosts and intervals that one variant did not see whole, or that nothing came out of."""
        self._held_up_in_a_row = 0
        self._started_unix_nano: int | None = None
        self._ended_unix_nano = 0

    @property
    def window(self) -> timedelta:
        """From the first to the last point compared."""
        if self._started_unix_nano is None:
            return timedelta(0)
        return timedelta(microseconds=(self._ended_unix_nano - self._started_unix_nano) / 1000)

    @property
    def unpaired_share(self) -> float:
        return self.unpaired / max(1, self.paired + self.unpaired)

    @property
    def has_too_many_unpaired(self) -> bool:
        is_long_enough = self.intervals >= self._plan.min_intervals_for_unpaired
        return is_long_enough and self.unpaired_share > self._plan.max_unpaired_share

    @property
    def is_held_up(self) -> bool:
        """Whether nothing came out of either variant, on any host, for as long as it takes to blame one."""
        return self._held_up_in_a_row >= LOSS_INTERVALS

    @property
    def has_broken_guardrail(self) -> bool:
        always = (self.retention, self._cpu, self._rss, self._losses, self._delay)
        shares = (self._totals, *self._asked_for)
        is_broken = any(one.is_broken for one in always) or any(one.is_broken for one in shares)
        return is_broken or self.queries.is_broken

    @property
    def correlation_time(self) -> float | None:
        """τ of the objective, in intervals."""
        return self._reductions[self._plan.objective].correlation_time()

    def guardrails(self, queries: QueryStates | None = None) -> tuple[GuardrailResult, ...]:
        """Every guardrail; those of queries after more answers, where they are given."""
        return (
            self.retention.result(self.correlation_time),
            self._cpu.result(),
            self._rss.result(),
            self._losses.result(),
            self._delay.result(),
            self._totals.result(),
            *(guardrail.result() for guardrail in self._asked_for),
            *(queries or self.queries).results(),
        )

    def batches(self) -> dict[str, int]:
        """Full batches of every guardrail that has bounds; they are finite from `FEWEST_BATCHES` on."""
        return {
            GuardrailName.CPU: self._cpu.batches,
            GuardrailName.RSS: self._rss.batches,
            GuardrailName.DELAY: self._delay.batches,
            GuardrailName.TOTALS: self._totals.batches,
            GuardrailName.COVERAGE: self._coverage.batches,
            GuardrailName.RECALL: self._recall.batches,
        }

    @property
    def _asked_for(self) -> tuple[SharesGuardrail, ...]:
        """Guardrails that the plan may leave out."""
        coverage = (self._coverage,) if self._plan.min_coverage is not None else ()
        recall = (self._recall,) if self._plan.min_recall is not None else ()
        return coverage + recall

    def reductions(self) -> tuple[ReductionState, ...]:
        return tuple(sequence.state() for sequence in self._reductions.values())

    def take(self, pairs: Sequence[Pair]) -> Look | None:
        """Take in one interval of all hosts; the objective's look, if it ended a batch."""
        pairs = [pair for pair in pairs if pair.scrape >= self._plan.discarded_scrapes]
        if not pairs:
            return None
        self.intervals += 1
        is_held_up = all(pair.is_held_up for pair in pairs)
        self._held_up_in_a_row = self._held_up_in_a_row + 1 if is_held_up else 0
        matched: list[tuple[Sample, Sample]] = []
        for pair in pairs:
            self._losses.take(pair)
            if (both := pair.matched()) is not None:
                matched.append(both)
        self.paired += len(matched)
        self.unpaired += len(pairs) - len(matched)
        self._cpu.take(self._cores([pair.candidate for pair in pairs if pair.candidate]))
        self._rss.take(_memory_above_baseline(matched))
        return self._compare(matched) if matched else None

    def _compare(self, matched: Sequence[tuple[Sample, Sample]]) -> Look | None:
        for baseline, candidate in matched:
            self.retention.take(candidate, interval=self.intervals)
            self.retention.metrics.take(baseline, candidate)
            self.fidelity.take(baseline)
            self.fidelity.take(candidate)
            self.names.take(baseline)
            self.names.take(candidate)
            self.hosts.take(
                baseline.host,
                baseline=_count(baseline, self._plan.objective),
                candidate=_count(candidate, self._plan.objective),
            )
        candidates = [candidate for _, candidate in matched]
        self._delay.take(matched)
        self._totals.take(lost_totals(candidates))
        self._coverage.take(lost_coverage(candidates))
        self._recall.take(lost_recall(candidates))
        started = min(baseline.started_unix_nano for baseline, _ in matched)
        self._started_unix_nano = self._started_unix_nano or started
        self._ended_unix_nano = max(baseline.ended_unix_nano for baseline, _ in matched)
        looks = {
            objective: sequence.take(
                _amount([baseline for baseline, _ in matched], objective),
                _amount([candidate for _, candidate in matched], objective),
            )
            for objective, sequence in self._reductions.items()
        }
        return looks[self._plan.objective]

    def _cores(self, samples: Sequence[Sample]) -> list[float]:
        if self._idle_cores is None:
            return []
        cores = (
            cores_in_production(
                sample, idle_cores=self._idle_cores, interval=self._interval, plan=self._plan
            )
            for sample in samples
        )
        return [value for value in cores if value is not None]


def _amount(samples: Sequence[Sample], objective: Objective) -> Amount:
    counts = [_count(sample, objective) for sample in samples]
    if objective is Objective.SERIES:  # distinct in the span, however many scrapes that has
        return Amount(count=sum(counts), rate=float(sum(counts)))
    rates = (count / sample.scrapes for count, sample in zip(counts, samples, strict=True))
    return Amount(count=sum(counts), rate=math.fsum(rates))


def _count(sample: Sample, objective: Objective) -> int:
    match objective:
        case Objective.POINTS:
            return sample.output_points
        case Objective.SERIES:
            return sample.series
        case Objective.BYTES:  # pragma: no branch - the last there is
            return sample.stored_bytes


def _memory_above_baseline(matched: Sequence[tuple[Sample, Sample]]) -> list[float]:
    return [
        float(candidate.rss_bytes - baseline.rss_bytes)
        for baseline, candidate in matched
        if candidate.rss_bytes is not None and baseline.rss_bytes is not None
    ]
