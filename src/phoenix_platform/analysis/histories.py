"""The course of a judged run: what each interval brought, in the order in which it was judged.

`cli.reports` draws this. A judgement keeps its bounds at batch ends (`ReductionState.path`); here is
what lies between: the intervals themselves, paired by the same rule and ending where the verdict fell.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from phoenix_platform.analysis.pairs import Timeline
from phoenix_platform.analysis.plans import Objective, Plan
from phoenix_platform.analysis.reductions import Look
from phoenix_platform.analysis.verdicts import Conditions, Judgement
from phoenix_platform.metering.samples import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedInterval:
    """One interval of all hosts, as `Evidence.take` counts them."""

    started_unix_nano: int
    ended_unix_nano: int
    compared: tuple[tuple[Sample, Sample], ...]
    """Baseline and candidate of each host whose two variants saw the same scrapes whole."""
    uncompared_hosts: tuple[str, ...]
    """Hosts where one variant did not see every scrape whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReductionPoint:
    """What was known of one objective after one compared interval."""

    ended_unix_nano: int
    baseline: int
    """Of this interval, summed over the hosts that were compared."""
    candidate: int
    window_reduction: float | None
    """1 - candidate / baseline over all intervals up to this one; None while the baseline had nothing."""
    look: Look | None
    """Where a batch ended with this interval: the bounds for the longer run from here on."""


def judged_intervals(
    samples: Iterable[Sample], plan: Plan, conditions: Conditions, judgement: Judgement
) -> tuple[JudgedInterval, ...]:
    """The intervals that the judgement rests on: without the first scrapes, up to the verdict.

    Raises:
        InvalidInputError: If a host, variant and scrape has two samples.
    """
    found: list[JudgedInterval] = []
    for interval in _intervals(list(samples), plan, conditions):
        if len(found) == judgement.intervals:
            break
        found.append(interval)
    return tuple(found)


def reduction_points(
    intervals: Sequence[JudgedInterval], judgement: Judgement, objective: Objective
) -> tuple[ReductionPoint, ...]:
    """One point per compared interval, with the looks of the judgement where their batches ended."""
    state = next(state for state in judgement.reductions if state.objective is objective)
    look_after: Mapping[int, Look] = {look.intervals: look for look in state.path}
    sums = _Sums()
    points: list[ReductionPoint] = []
    for interval in intervals:
        if not interval.compared:
            continue
        baseline = sum(amount_of(one, objective) for one, _ in interval.compared)
        candidate = sum(amount_of(one, objective) for _, one in interval.compared)
        points.append(
            ReductionPoint(
                ended_unix_nano=interval.ended_unix_nano,
                baseline=baseline,
                candidate=candidate,
                window_reduction=sums.reduction_with(baseline, candidate),
                look=look_after.get(len(points) + 1),
            )
        )
    return tuple(points)


def amount_of(sample: Sample, objective: Objective) -> int:
    """What the sample's variant let out in its span, in points, series or estimated stored bytes."""
    match objective:
        case Objective.POINTS:
            return sample.output_points
        case Objective.SERIES:
            return sample.series
        case Objective.BYTES:  # pragma: no branch - the last there is
            return sample.stored_bytes


@dataclass(slots=True)
class _Sums:
    baseline: int = field(default=0)
    candidate: int = field(default=0)

    def reduction_with(self, baseline: int, candidate: int) -> float | None:
        self.baseline += baseline
        self.candidate += candidate
        return 1 - self.candidate / self.baseline if self.baseline else None


def _intervals(
    samples: Sequence[Sample], plan: Plan, conditions: Conditions
) -> Iterable[JudgedInterval]:
    timeline = Timeline(frozenset(sample.host for sample in samples), conditions.interval)
    for sample in samples:
        timeline.add(sample)
    for pairs in timeline.hand_out(at_end=conditions.at_end):
        judged = [pair for pair in pairs if pair.scrape >= plan.discarded_scrapes]
        if not judged:
            continue
        seen = [one for pair in judged for one in (pair.baseline, pair.candidate) if one]
        matches = [(pair.host, pair.matched()) for pair in judged]
        yield JudgedInterval(
            started_unix_nano=min(one.started_unix_nano for one in seen),
            ended_unix_nano=max(one.ended_unix_nano for one in seen),
            compared=tuple(match for _, match in matches if match is not None),
            uncompared_hosts=tuple(host for host, match in matches if match is None),
        )
