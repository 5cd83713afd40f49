"""The course of a trial: start, judge every interval, keep the record, stop when something decides."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from phoenix_platform.agent.load.simulation import LoadSimulation
from phoenix_platform.agent.supervision import CollectorFailedError
from phoenix_platform.agent.trial_starts import running_trial
from phoenix_platform.agent.trials import Trial, TrialSettings
from phoenix_platform.analysis.answers import Answer
from phoenix_platform.analysis.costs import CostEstimate, estimate
from phoenix_platform.analysis.verdicts import Conditions, Judge, Judgement
from phoenix_platform.cli.outside import OpenQueries
from phoenix_platform.cli.trial.endings import Ending, ending_of, notes_of
from phoenix_platform.cli.trial.options import TrialOptions
from phoenix_platform.cli.trial.queries import Asking, asking, check_queries
from phoenix_platform.cli.trial.record import TrialRecord
from phoenix_platform.cli.trial.snapshot import Snapshot, take_snapshot
from phoenix_platform.cli.trial.views import View
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.units import show_share
from phoenix_platform.metering.instances import NameLoss
from phoenix_platform.metering.samples import Sample, Variant

_PARTIAL_EVERY_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    judgement: Judgement
    snapshot: Snapshot
    losses: list[NameLoss]
    notes: tuple[str, ...]
    costs: tuple[CostEstimate, ...]


@dataclass(slots=True)
class _Course:
    """What has happened so far."""

    options: TrialOptions
    record: TrialRecord
    view: View
    clock: Clock
    trial: Trial
    judge: Judge
    asking: Asking | None
    """None where the plan has no queries."""
    last: dict[Variant, Sample] = field(default_factory=dict[Variant, Sample])
    judgement: Judgement | None = None
    snapshot: Snapshot | None = None
    _written_at: float = 0.0

    @property
    def elapsed_seconds(self) -> float:
        return self.clock.monotonic() - (self.trial.seen.source_started or 0.0)

    def conditions(self, ending: Ending | None = None) -> Conditions:
        return Conditions(
            interval=self.options.plan.interval,
            idle_cores=self.trial.seen.idle_cpu_per_second.get(Variant.CANDIDATE),
            at_end=ending is not None,
            invalid_because=ending.invalid_because if ending else None,
            aborted_because=ending.aborted_because if ending else None,
        )

    def take(self, samples: list[Sample]) -> None:
        for sample in samples:
            self.judge.add(sample)
            self.record.samples.append(sample)
            self.last[sample.variant] = sample

    def take_answers(self) -> list[Answer]:
        """Take in what came of queries since the last time."""
        answers = [] if self.asking is None else self.asking.take()
        for answer in answers:
            self.judge.add_answer(answer)
        self.record.answers += answers
        return answers

    def look(self, conditions: Conditions) -> Judgement:
        """Judge what is there and show it."""
        self.judgement = self.judge.judgement(conditions)
        self.show()
        return self.judgement

    def keep(self) -> None:
        """Write the partial record every few seconds: kill -9 loses no more than that."""
        now = self.clock.monotonic()
        if now - self._written_at >= _PARTIAL_EVERY_SECONDS:
            self._written_at = now
            self.record.write_partial(self.trial, self.conditions())

    def show(self) -> None:
        self.snapshot = take_snapshot(
            self.trial,
            self.last,
            self.judgement,
            batches=self.judge.batches(),
            elapsed_seconds=self.elapsed_seconds,
            host_cpu_share=self.trial.host_cpu_share(),
        )
        self.view.show(self.snapshot)


async def run_trial(
    options: TrialOptions,
    record: TrialRecord,
    view: View,
    *,
    environment: Mapping[str, str],
    clock: Clock,
    open_queries: OpenQueries,
) -> Outcome:
    """Run the trial to its verdict and write its record.

    Raises:
        PhoenixError: If it cannot be started, or its record cannot be written.
    """
    settings = TrialSettings(
        host=options.host.name,
        binary=options.binary.path,
        target=options.binary.target,
        baseline=options.baseline,
        candidate=options.candidate,
        interval=options.plan.interval,
        exporter=options.exporter,
        ignore=options.ignore,
        critical=options.critical,
        critical_identity=options.plan.critical_identity,
        production_interval=options.plan.production_interval,
        environment=environment,
    )
    async with AsyncExitStack() as stack:
        queries, asked = None, options.plan.queries
        if asked:
            queries = await stack.enter_async_context(open_queries(options.prometheus, clock))
            record.prometheus = queries.url
            await check_queries(queries, asked, view.progress)
        if options.seed_load is not None:
            view.progress(f"starting the load simulation {options.seed_load!r}")
            await stack.enter_async_context(LoadSimulation(options.seed_load, seed=options.seed))
        trial = await stack.enter_async_context(
            running_trial(settings, run_id=record.run_id, clock=clock, progress=view.progress)
        )
        answers = None
        if queries is not None:
            answers = await stack.enter_async_context(asking(queries, asked, clock))
        course = _Course(options, record, view, clock, trial, Judge(options.plan), answers)
        # There before the first interval, so that a crash at any moment leaves a readable record.
        course.keep()
        ending = await _walk(course)
        conditions = course.conditions(ending)
        judgement, snapshot = course.look(conditions), course.snapshot
        assert snapshot is not None
        record.costs = _costs_of(course)
        record.write(trial, conditions, judgement, clock.now())
        topology = trial.topology
        not_measured = (f"not measured: {one}" for one in topology.not_measured)
        return Outcome(
            judgement,
            snapshot,
            trial.meter.losses(),
            (
                *notes_of(trial, record.samples, ending, judgement),
                *topology.notes,
                *topology.ignored,
                *not_measured,
            ),
            record.costs,
        )


def _costs_of(course: _Course) -> tuple[CostEstimate, ...]:
    """What both variants would cost in production, by every book of the options."""
    options, relay_every = course.options, course.trial.topology.candidate.relay_every
    return tuple(
        estimate(
            course.record.samples, options.plan, book, hosts=options.hosts, relay_every=relay_every
        )
        for book in options.books
    )


async def _walk(course: _Course) -> Ending:
    """Judge interval by interval until something ends the trial; what it was."""
    most_seconds = course.options.plan.max_duration.total_seconds()
    try:
        async for samples in course.trial.intervals():
            course.keep()
            course.take(samples)
            has_news = bool(course.take_answers() or samples)
            if has_news and (verdict := course.look(course.conditions()).verdict) is not None:
                return ending_of(course.trial, course.record.samples, verdict)
            if not course.last:
                course.show()
            if (reason := _too_much_cpu(course)) is not None:
                return Ending(invalid_because=reason)
            if course.elapsed_seconds >= most_seconds:
                return Ending()
    except CollectorFailedError as error:
        return Ending.of_failure(error)
    raise AssertionError  # the intervals do not end by themselves


def _too_much_cpu(course: _Course) -> str | None:
    share = course.snapshot.host_cpu_share if course.snapshot else None
    if share is None or share <= course.options.max_host_cpu:
        return None
    return (
        f"The trial used {show_share(share)} of this host's CPU, more than the allowed "
        f"{show_share(course.options.max_host_cpu)}; use a longer --interval or allow more with --max-host-cpu."
    )
