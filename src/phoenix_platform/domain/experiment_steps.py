"""What an experiment needs next: facts in, one step out. Pure; the reconciler carries it out.

Asked again after a crash at any instruction, it gives the same step: each follows from what is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from phoenix_platform.analysis.verdicts import Judgement, Verdict
from phoenix_platform.domain.experiment_lifecycle import Phase, Trigger
from phoenix_platform.domain.experiments import Experiment, ExperimentHost, HostState
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.opamp.host_reports import RunReport, RunState

COLLECT_GRACE = timedelta(minutes=2)
"""How long `analyzing` waits for samples that hosts say they have made, before it judges without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """What is known of one host of the experiment."""

    run: RunReport | None = None
    """What it said last about this experiment."""
    is_connected: bool = False
    last_seen_at: datetime | None = None
    samples: int = 0
    last_sample_at: datetime | None = None
    """End of the newest sample that is here."""
    is_gone: bool = False
    """It was removed from the fleet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    now: datetime
    hosts: Mapping[HostId, HostFacts]
    faults: Mapping[HostId, str] | None = None
    """In `validating`: hosts whose collector refuses a configuration, and why; None: not asked yet."""
    judgement: Judgement | None = None
    """On the samples that are here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to write: changed hosts, and perhaps a move."""

    experiment: Experiment
    """With its hosts as they are now; its phase is still the old one."""
    trigger: Trigger | None = None
    reason: str | None = None
    verdict: Verdict | None = None


def next_step(experiment: Experiment, facts: Facts) -> Step:
    """The step from what is known now; with the experiment unchanged and no trigger, there is none."""
    match experiment.phase:
        case Phase.VALIDATING:
            return _validate(experiment, facts)
        case Phase.DEPLOYING:
            return _deploy(_with_reports(experiment, facts), facts)
        case Phase.WARMING_UP | Phase.RUNNING:
            return _run(_without_absent(_with_reports(experiment, facts), facts), facts)
        case Phase.ANALYZING:
            return _conclude(_with_ends(experiment, facts), facts)
        case _:
            return Step(experiment=experiment)


def _validate(experiment: Experiment, facts: Facts) -> Step:
    if facts.faults is None:
        return Step(experiment=experiment)
    experiment = experiment.with_hosts(
        _excluded(host, facts.faults[host.host_id], facts.now)
        for host in experiment.included
        if host.host_id in facts.faults
    )
    if (reason := _below_quorum(experiment)) is not None:
        return Step(experiment=experiment, trigger=Trigger.FAIL, reason=reason)
    return Step(experiment=experiment, trigger=Trigger.DEPLOY)


def _deploy(experiment: Experiment, facts: Facts) -> Step:
    assert experiment.started_at is not None
    if facts.now - experiment.started_at >= experiment.deploy_timeout:
        seconds = experiment.deploy_timeout.total_seconds()
        experiment = experiment.with_hosts(
            _excluded(host, _why_not_flowing(facts.hosts[host.host_id], seconds), facts.now)
            for host in experiment.included
            if host.state is HostState.PENDING
        )
    if (reason := _below_quorum(experiment)) is not None:
        return Step(experiment=experiment, trigger=Trigger.FAIL, reason=reason)
    if all(host.state is HostState.FLOWING for host in experiment.included):
        return Step(experiment=experiment, trigger=Trigger.WARM_UP)
    return Step(experiment=experiment)


def _run(experiment: Experiment, facts: Facts) -> Step:
    if (reason := _aborting_run(experiment, facts)) is not None:
        return _analyze(replace(experiment, aborted_because=reason), reason)
    if (reason := _below_quorum(experiment)) is not None:
        return _analyze(replace(experiment, invalid_because=reason), reason)
    judgement = facts.judgement
    if judgement is not None and judgement.verdict is not None:
        return _analyze(experiment, judgement.reasons[0])
    if experiment.phase is Phase.WARMING_UP:
        warm = experiment.plan.discarded_scrapes * 2
        is_warm = all(facts.hosts[host.host_id].samples > warm for host in experiment.included)
        return Step(experiment=experiment, trigger=Trigger.RUN if is_warm else None)
    assert experiment.running_since is not None
    if facts.now - experiment.running_since >= experiment.plan.max_duration:
        return _analyze(experiment, "its maximum duration is over")
    return Step(experiment=experiment)


def _analyze(experiment: Experiment, reason: str) -> Step:
    return Step(experiment=experiment, trigger=Trigger.ANALYZE, reason=reason)


def _conclude(experiment: Experiment, facts: Facts) -> Step:
    judgement = facts.judgement
    if judgement is None or judgement.verdict is None:
        return Step(experiment=experiment)
    return Step(
        experiment=experiment,
        trigger=Trigger.CONCLUDE,
        verdict=judgement.verdict,
        reason=judgement.reasons[0],
    )


def is_collected(experiment: Experiment, facts: Facts, *, since: datetime) -> bool:
    """Whether `analyzing` may judge: all samples are here, or their time is over.

    `since` is when the experiment came into `analyzing`.
    """
    is_over = facts.now - since >= COLLECT_GRACE
    return is_over or all(host.state is HostState.DONE for host in experiment.included)


def _with_reports(experiment: Experiment, facts: Facts) -> Experiment:
    """The experiment with what its hosts say of their runs."""
    changed: list[ExperimentHost] = []
    for host in experiment.included:
        known = facts.hosts[host.host_id]
        if known.is_gone:
            changed.append(_excluded(host, "it was removed from the fleet", facts.now))
        elif (run := known.run) is not None:
            changed.append(_with_run(host, run, facts.now))
    return experiment.with_hosts(changed)


def _with_run(host: ExperimentHost, run: RunReport, now: datetime) -> ExperimentHost:
    host = replace(
        host,
        run_id=run.run_id,
        idle_cores=host.idle_cores if run.idle_cores is None else run.idle_cores,
        interval_seconds=run.interval_seconds or host.interval_seconds,
        through_sequence=run.through_sequence or host.through_sequence,
    )
    match run.state:
        case RunState.FLOWING if host.state is HostState.PENDING:
            return replace(host, state=HostState.FLOWING, since=run.at)
        case RunState.FAILED:
            reason = run.reason or "its collectors failed"
            return replace(_excluded(host, reason, now), log_tail=run.log_tail)
        case _:
            return host


def _without_absent(experiment: Experiment, facts: Facts) -> Experiment:
    """The experiment without hosts of which no sample came for too long."""
    seconds = experiment.absent_after.total_seconds()
    changed: list[ExperimentHost] = []
    for host in experiment.included:
        known = facts.hosts[host.host_id]
        last = max(filter(None, (known.last_sample_at, host.since)))
        if facts.now - last > experiment.absent_after:
            changed.append(_excluded(host, f"no sample came from it for {seconds:.0f} s", last))
    return experiment.with_hosts(changed)


def _with_ends(experiment: Experiment, facts: Facts) -> Experiment:
    """The experiment with the hosts that ended it and whose samples are all here."""
    experiment = _with_reports(experiment, facts)
    changed: list[ExperimentHost] = []
    for host in experiment.included:
        known = facts.hosts[host.host_id]
        run = known.run
        has_ended = run is not None and run.state in {RunState.ENDED, RunState.ABORTED}
        if has_ended and known.samples >= (host.through_sequence or 0):
            changed.append(replace(host, state=HostState.DONE))
    return experiment.with_hosts(changed)


def _aborting_run(experiment: Experiment, facts: Facts) -> str | None:
    for host in experiment.included:
        run = facts.hosts[host.host_id].run
        if run is not None and run.state is RunState.ABORTED:
            return f"host {host.name} aborted it: {run.reason or 'no reason was given'}"
    return None


def _below_quorum(experiment: Experiment) -> str | None:
    chosen, included = len(experiment.hosts), len(experiment.included)
    if included and included >= experiment.quorum * chosen:
        return None
    reasons = "; ".join(
        f"{host.name}: {host.reason}"
        for host in experiment.hosts
        if host.state is HostState.EXCLUDED
    )
    return (
        f"{included} of {chosen} hosts are left, the quorum is {experiment.quorum:.0%} ({reasons})"
    )


def _why_not_flowing(known: HostFacts, seconds: float) -> str:
    if not known.is_connected:
        return f"it was not connected, so not flowing within {seconds:.0f} s"
    if known.run is None:
        return f"it did not take up the experiment within {seconds:.0f} s"
    return f"not flowing within {seconds:.0f} s (it says {known.run.state})"


def _excluded(host: ExperimentHost, reason: str, at: datetime) -> ExperimentHost:
    return replace(host, state=HostState.EXCLUDED, reason=reason, since=at)
