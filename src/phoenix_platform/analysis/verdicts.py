"""Samples in, verdict out. The trial and the control plane call this after every interval.

The verdict is the first decision along the run: `Judge` walks the intervals in their order and stops
at the first that decides. So it depends on nothing but the samples up to that interval, the plan and
the conditions, and `judge` on the whole record finds it again, whatever was appended afterwards.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from phoenix_platform.analysis.answers import Answer
from phoenix_platform.analysis.evidence import Evidence
from phoenix_platform.analysis.explanations import (
    blocking_sentences,
    bounds_sentence,
    broken_sentences,
    guardrails_sentence,
    held_up_sentence,
    hosts_sentence,
    lost_metrics_sentences,
    lost_totals_sentences,
    needed_sentences,
    scope_needed_sentences,
    scope_sentence,
    unpaired_sentence,
    window_sentence,
)
from phoenix_platform.analysis.fidelity import MetricFidelity, SignalFidelity
from phoenix_platform.analysis.guardrails import GuardrailResult
from phoenix_platform.analysis.hosts import HostStatement, host_statement
from phoenix_platform.analysis.lost_metrics import LostMetric
from phoenix_platform.analysis.pairs import Pair, Timeline
from phoenix_platform.analysis.plans import Objective, Plan
from phoenix_platform.analysis.query_guardrails import AnswersToCome
from phoenix_platform.analysis.reductions import Look, ReductionState
from phoenix_platform.analysis.retention import Assurance
from phoenix_platform.core.units import show_share
from phoenix_platform.metering.samples import Sample


class Verdict(StrEnum):
    """What was found. Where an experiment stands is its phase, never this."""

    PROMOTE = "promote"
    STOP_FUTILE = "stop_futile"
    ABORT = "abort"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"


class Scope(StrEnum):
    """How far a verdict reaches."""

    FIRST_STAGE = "first_stage"
    """Conditions outside the window were not seen: a first stage may follow, not the fleet."""
    FLEET = "fleet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a judgement depends on beside the samples; kept in the record with them."""

    interval: timedelta
    """Time between two scrapes in effect; the plan's unless the host could not keep up."""
    idle_cores: float | None = None
    """CPU seconds per second of the candidate's collector before the first scrape; None if not
    measured (and then CPU is not judged)."""
    at_end: bool = False
    """The maximum duration is reached, or the run was ended: nothing more will come."""
    invalid_because: str | None = None
    """A sentence on what spoilt the run from outside, such as the host's CPU limit."""
    left: Mapping[str, int] = field(default_factory=dict[str, int])
    """Hosts that left before the end, and when (Unix nanoseconds): later samples of theirs do not count."""
    aborted_because: str | None = None
    """A sentence on how the candidate itself failed, such as that its collector ended. What spoilt
    the run from outside comes first: then the candidate is not to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is known, what was decided, and why."""

    verdict: Verdict | None
    """None while the run goes on."""
    scope: Scope
    """How far the evidence so far reaches."""
    reasons: tuple[str, ...]
    """Sentences with the numbers that decided, or that are known so far."""
    needed: tuple[str, ...]
    """What is still needed for a verdict; after one, what would change it."""
    objective: Objective
    """The one that decides."""
    intervals: int
    """Judged so far; the first scrapes are not."""
    paired: int
    """Pairs of samples that were compared, one per host and interval."""
    unpaired: int
    """Hosts and intervals that one variant did not see whole, or that nothing came out of."""
    window: timedelta
    """From the first to the last point compared."""
    verdict_possible_at: int
    """Paired intervals after which a verdict on the objective can come first."""
    reductions: tuple[ReductionState, ...]
    """Of points, series and bytes."""
    guardrails: tuple[GuardrailResult, ...]
    assurance: Assurance
    """On critical processes."""
    lost_metrics: tuple[LostMetric, ...]
    """Of critical processes that stayed visible."""
    fidelity: tuple[MetricFidelity, ...]
    """Host totals."""
    names: tuple[SignalFidelity, ...]
    """What is still shown by name; empty where the samples do not say."""
    unseen_hosts: HostStatement | None
    """On hosts that were not in the run; made once, with the verdict."""


def judge(
    samples: Iterable[Sample], plan: Plan, conditions: Conditions, answers: Iterable[Answer] = ()
) -> Judgement:
    """The verdict on a run, from all its samples in any order, and the answers to the queries of its plan.

    Raises:
        InvalidInputError: If a host, variant and scrape has two samples.
    """
    judge_ = Judge(plan)
    for sample in samples:
        judge_.add(sample)
    for answer in answers:
        judge_.add_answer(answer)
    return judge_.judgement(conditions)


class Judge:
    """`judge` for a run that goes on: each sample is looked at once.

    At any moment `judgement` equals `judge` on what was added so far. What belongs into the past makes it
    walk the run again. An answer has its place where it was received: before the intervals that end later.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._samples: list[Sample] = []
        self._answers: list[Answer] = []
        self._hosts: frozenset[str] = frozenset()
        self._walk: _Walk | None = None

    def add(self, sample: Sample) -> None:
        """Take in one sample.

        Raises:
            InvalidInputError: If its host, variant and scrape has one already; at the latest by
                `judgement`.
        """
        self._samples.append(sample)
        self._hosts |= {sample.host}
        if self._walk is not None and not self._walk.add(sample):
            self._walk = None

    def add_answer(self, answer: Answer) -> None:
        """Take in what a query of the plan came to."""
        self._answers.append(answer)
        if self._walk is not None and not self._walk.add_answer(answer):
            self._walk = None

    def batches(self) -> Mapping[str, int]:
        """How far the bounds of each guardrail are, at the last judgement; empty before it."""
        return {} if self._walk is None else self._walk.batches()

    def judgement(self, conditions: Conditions) -> Judgement:
        """What is known now."""
        walk = self._walk
        if walk is None or not walk.is_under(conditions):
            walk = _Walk(self._plan, conditions, self._hosts)
            for sample in self._samples:
                walk.add(sample)
            for answer in self._answers:
                walk.add_answer(answer)
            self._walk = walk
        return walk.advance(conditions)


class _Walk:
    """One walk along the intervals, up to the first that decides."""

    def __init__(self, plan: Plan, conditions: Conditions, hosts: frozenset[str]) -> None:
        self._plan = plan
        self._interval, self._idle_cores = conditions.interval, conditions.idle_cores
        self._left = conditions.left
        self._timeline = Timeline(hosts, conditions.interval, conditions.left)
        self._evidence = Evidence(
            plan, interval=conditions.interval, idle_cores=conditions.idle_cores
        )
        self._answers = AnswersToCome()
        self._verdict: Verdict | None = None

    def is_under(self, conditions: Conditions) -> bool:
        return (conditions.interval, conditions.idle_cores, conditions.left) == (
            self._interval,
            self._idle_cores,
            self._left,
        )

    def add(self, sample: Sample) -> bool:
        """Whether the sample came in time; if not, the walk must begin again."""
        has_room = self._timeline.has_room_for(sample)
        if has_room:
            self._timeline.add(sample)
        return has_room

    def add_answer(self, answer: Answer) -> bool:
        """Whether the answer came in time; if not, the walk must begin again."""
        has_room = self._answers.has_room_for(answer)
        if has_room:
            self._answers.add(answer)
        return has_room

    def batches(self) -> Mapping[str, int]:
        return self._evidence.batches()

    def advance(self, conditions: Conditions) -> Judgement:
        if self._verdict is None:
            self._verdict = self._walk_on(conditions)
        verdict = self._verdict
        if conditions.invalid_because is not None:
            verdict = Verdict.INVALID
        elif conditions.aborted_because is not None:
            verdict = Verdict.ABORT
        elif verdict is None and conditions.at_end:
            verdict = Verdict.INCONCLUSIVE
        return self._judgement(verdict, conditions)

    def _walk_on(self, conditions: Conditions) -> Verdict | None:
        """The first decision in what came since the last look."""
        evidence = self._evidence
        # A guardrail that is known to be broken ends the run where the intervals stand: with those under way
        # handed out too, the same record could be decided otherwise than the run was.
        is_broken = evidence.queries.after(self._answers).is_broken
        for pairs in self._timeline.hand_out(at_end=conditions.at_end and not is_broken):
            evidence.queries = evidence.queries.after(self._answers.take(_end_of(pairs)))
            verdict = self._decide(evidence.take(pairs))
            if verdict is not None:
                return verdict
        if is_broken:
            evidence.queries = evidence.queries.after(self._answers)
        return Verdict.ABORT if is_broken else None

    def _decide(self, look: Look | None) -> Verdict | None:
        """The decision at one interval; `look` is there at batch ends of the objective."""
        if self._evidence.is_held_up or self._evidence.has_too_many_unpaired:
            return Verdict.INVALID
        if self._evidence.has_broken_guardrail:
            return Verdict.ABORT
        if look is None:
            return None
        if look.is_below(self._plan.target_reduction):
            return Verdict.STOP_FUTILE
        # Guardrails are asked at this moment: neither side of a promotion is remembered.
        is_promotable = look.is_above(self._plan.target_reduction) and all(
            result.lets_promote for result in self._evidence.guardrails()
        )
        return Verdict.PROMOTE if is_promotable else None

    def _judgement(self, verdict: Verdict | None, conditions: Conditions) -> Judgement:
        evidence, plan = self._evidence, self._plan
        # Without a decision what is known counts, with one what was known when it fell.
        queries = evidence.queries if self._verdict else evidence.queries.after(self._answers)
        reductions, guardrails = evidence.reductions(), evidence.guardrails(queries)
        state = next(state for state in reductions if state.objective is plan.objective)
        hosts = host_statement(evidence.hosts.log_ratios(), plan)
        is_long = plan.min_duration is not None and evidence.window >= plan.min_duration
        return Judgement(
            verdict=verdict,
            scope=Scope.FLEET if is_long else Scope.FIRST_STAGE,
            reasons=tuple(self._reasons(verdict, state, guardrails, conditions, hosts)),
            needed=tuple(self._needed(verdict, state, guardrails, conditions)),
            objective=plan.objective,
            intervals=evidence.intervals,
            paired=evidence.paired,
            unpaired=evidence.unpaired,
            window=evidence.window,
            verdict_possible_at=state.verdict_possible_at,
            reductions=reductions,
            guardrails=guardrails,
            assurance=evidence.retention.assurance(evidence.correlation_time),
            lost_metrics=evidence.retention.metrics.results(),
            fidelity=evidence.fidelity.results(),
            names=evidence.names.results(),
            unseen_hosts=None if verdict is None else hosts,
        )

    def _reasons(
        self,
        verdict: Verdict | None,
        state: ReductionState,
        guardrails: tuple[GuardrailResult, ...],
        conditions: Conditions,
        hosts: HostStatement,
    ) -> list[str]:
        evidence, plan = self._evidence, self._plan
        window, bounds = window_sentence(state), bounds_sentence(state, plan)
        match verdict:
            case Verdict.PROMOTE:
                lost = lost_totals_sentences(evidence.fidelity.results(), plan)
                scope = [hosts_sentence(hosts, plan), scope_sentence(evidence.window, plan)]
                lost += lost_metrics_sentences(evidence.retention.metrics.results())
                return [bounds, window, guardrails_sentence(guardrails), *lost, *scope]
            case Verdict.STOP_FUTILE:
                return [bounds, window, hosts_sentence(hosts, plan)]
            case Verdict.ABORT:
                own = conditions.aborted_because
                return [*([own] if own else []), *broken_sentences(guardrails), window]
            case Verdict.INVALID if conditions.invalid_because is not None:
                return [conditions.invalid_because]
            case Verdict.INVALID if evidence.is_held_up:
                return [held_up_sentence()]
            case Verdict.INVALID:
                paired, unpaired = evidence.paired, evidence.unpaired
                return [unpaired_sentence(paired=paired, unpaired=unpaired, plan=plan)]
            case Verdict.INCONCLUSIVE:
                ended = f"The run ended after {evidence.intervals} intervals without a decision."
                return [ended, bounds, *blocking_sentences(guardrails), window]
            case None:  # pragma: no branch - the last there is
                return [window, bounds]

    def _needed(
        self,
        verdict: Verdict | None,
        state: ReductionState,
        guardrails: tuple[GuardrailResult, ...],
        conditions: Conditions,
    ) -> list[str]:
        plan = self._plan
        match verdict:
            case Verdict.PROMOTE:
                return scope_needed_sentences(self._evidence.window, plan)
            case Verdict.STOP_FUTILE:
                target = show_share(plan.target_reduction)
                return [f"A candidate that saves more, or a target below {target}."]
            case Verdict.ABORT if conditions.aborted_because is not None:
                return ["A candidate that runs to the end, shown by a new run."]
            case Verdict.ABORT:
                return ["A candidate that keeps this limit, or a limit changed on purpose."]
            case Verdict.INVALID:
                return ["A new run in which both variants take every scrape undisturbed."]
            case Verdict.INCONCLUSIVE | None:  # pragma: no branch - the last there is
                return needed_sentences(state, guardrails, plan=plan, interval=self._interval)


def _end_of(pairs: Iterable[Pair]) -> int:
    """When the interval ended, in Unix nanoseconds."""
    samples = (one for pair in pairs for one in (pair.baseline, pair.candidate) if one is not None)
    return max(sample.ended_unix_nano for sample in samples)
