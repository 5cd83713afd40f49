"""What an experiment needs next, from what is known."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.unit.domain.experiments import (
    API,
    DB,
    NOON,
    WEB,
    a_member,
    a_started,
    an_experiment,
)

from phoenix_platform.analysis.verdicts import Conditions, Judgement, Verdict, judge
from phoenix_platform.domain.experiment_lifecycle import Phase, Trigger
from phoenix_platform.domain.experiment_steps import (
    COLLECT_GRACE,
    Facts,
    HostFacts,
    is_collected,
    next_step,
)
from phoenix_platform.domain.experiments import Experiment, HostState
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.opamp.host_reports import RunReport, RunState


def a_run(state: RunState, **changes: Any) -> RunReport:
    fields: dict[str, Any] = {"state": state, "at": NOON, **changes}
    return RunReport(experiment_id="x", run_id="r1", **fields)


def facts(
    hosts: dict[HostId, HostFacts] | None = None, *, seconds: float = 1, **changes: Any
) -> Facts:
    known = {WEB: HostFacts(), DB: HostFacts(), **(hosts or {})}
    return Facts(now=NOON + timedelta(seconds=seconds), hosts=known, **changes)


def a_judgement(verdict: Verdict | None) -> Judgement:
    found = judge([], an_experiment().plan, Conditions(interval=timedelta(seconds=1)))
    return replace(found, verdict=verdict, reasons=("it was so",))


def states(experiment: Experiment) -> dict[str, str]:
    return {host.name: host.state for host in experiment.hosts}


PENDING = (a_member(), a_member(DB, "db-1"))


def test_drafts_and_ends_need_nothing() -> None:
    for experiment in (an_experiment(), a_started(Phase.CANCELLED)):
        step = next_step(experiment, facts())
        assert (step.experiment, step.trigger) == (experiment, None)


# --- validating


def test_validating_waits_for_the_collectors_answers() -> None:
    assert next_step(a_started(Phase.VALIDATING, *PENDING), facts()).trigger is None


def test_hosts_whose_collector_refuses_are_left_out_by_name() -> None:
    step = next_step(a_started(Phase.VALIDATING, *PENDING), facts(faults={DB: "no reduce"}))
    assert step.trigger is Trigger.DEPLOY
    assert states(step.experiment) == {"web-1": "pending", "db-1": "excluded"}
    assert step.experiment.hosts[1].reason == "no reduce"


def test_below_the_quorum_it_fails_with_every_reason() -> None:
    faults = {WEB: "no reduce", DB: "bad YAML"}
    step = next_step(a_started(Phase.VALIDATING, *PENDING), facts(faults=faults))
    assert step.trigger is Trigger.FAIL
    assert step.reason == (
        "0 of 2 hosts are left, the quorum is 50% (web-1: no reduce; db-1: bad YAML)"
    )


# --- deploying


def test_deploying_ends_when_every_host_is_flowing() -> None:
    deploying = a_started(Phase.DEPLOYING, *PENDING)
    flowing = HostFacts(run=a_run(RunState.FLOWING, idle_cores=0.01, interval_seconds=2.0))
    one = next_step(deploying, facts({WEB: flowing}))
    assert (one.trigger, states(one.experiment)["web-1"]) == (None, "flowing")
    assert one.experiment.hosts[0].idle_cores == 0.01
    assert one.experiment.hosts[0].interval_seconds == 2.0
    both = next_step(one.experiment, facts({WEB: flowing, DB: flowing}))
    assert both.trigger is Trigger.WARM_UP


def test_a_host_that_cannot_start_is_left_out_with_its_log() -> None:
    failed = a_run(RunState.FAILED, reason="exit 1", log_tail=("boom",))
    step = next_step(
        a_started(Phase.DEPLOYING, *PENDING),
        facts({WEB: HostFacts(run=failed), DB: HostFacts(run=a_run(RunState.FLOWING))}),
    )
    assert step.trigger is Trigger.WARM_UP
    host = step.experiment.hosts[0]
    assert (host.state, host.reason, host.log_tail) == (HostState.EXCLUDED, "exit 1", ("boom",))


def test_when_its_time_is_over_the_hosts_that_do_not_flow_are_left_out() -> None:
    hosts = (*PENDING, a_member(API, "api-1"))
    step = next_step(
        a_started(Phase.DEPLOYING, *hosts, quorum=0.1),
        facts(
            {
                WEB: HostFacts(is_connected=True, run=a_run(RunState.STARTING)),
                DB: HostFacts(is_connected=True),
                API: HostFacts(),
            },
            seconds=301,
        ),
    )
    assert step.trigger is Trigger.FAIL
    assert [host.reason for host in step.experiment.hosts] == [
        "not flowing within 300 s (it says starting)",
        "it did not take up the experiment within 300 s",
        "it was not connected, so not flowing within 300 s",
    ]


def test_a_failure_without_words_is_still_said() -> None:
    step = next_step(
        a_started(Phase.DEPLOYING, *PENDING),
        facts({WEB: HostFacts(run=a_run(RunState.FAILED))}),
    )
    assert step.experiment.hosts[0].reason == "its collectors failed"


# --- warming up and running


def test_it_runs_once_every_host_is_past_its_first_scrapes() -> None:
    warming = a_started(Phase.WARMING_UP)
    assert next_step(warming, facts({WEB: HostFacts(samples=9)})).trigger is None
    warm = {WEB: HostFacts(samples=5), DB: HostFacts(samples=6)}
    assert next_step(warming, facts(warm)).trigger is Trigger.RUN


def test_it_is_analyzed_when_the_samples_decide() -> None:
    for phase in (Phase.WARMING_UP, Phase.RUNNING):
        step = next_step(a_started(phase), facts(judgement=a_judgement(Verdict.ABORT)))
        assert (step.trigger, step.reason) == (Trigger.ANALYZE, "it was so")


def test_it_runs_on_while_nothing_decides() -> None:
    step = next_step(a_started(Phase.RUNNING), facts(judgement=a_judgement(None)))
    assert step.trigger is None


def test_it_is_analyzed_at_its_maximum_duration() -> None:
    step = next_step(
        a_started(Phase.RUNNING, absent_after=timedelta(hours=1)), facts(seconds=15 * 60)
    )
    assert (step.trigger, step.reason) == (Trigger.ANALYZE, "its maximum duration is over")


def test_a_host_of_which_no_sample_comes_is_left_out_and_named() -> None:
    last = NOON + timedelta(seconds=100)
    here = HostFacts(last_sample_at=NOON + timedelta(seconds=129))
    step = next_step(
        a_started(Phase.RUNNING),
        facts({WEB: HostFacts(last_sample_at=last), DB: here}, seconds=221),
    )
    host = step.experiment.hosts[0]
    assert (host.state, host.since) == (HostState.EXCLUDED, last)
    assert host.reason == "no sample came from it for 120 s"
    assert step.trigger is None
    assert states(step.experiment)["db-1"] == "flowing"


def test_with_too_few_hosts_left_the_run_is_spoilt() -> None:
    gone = HostFacts(is_gone=True)
    step = next_step(a_started(Phase.RUNNING), facts({WEB: gone, DB: gone}))
    assert step.trigger is Trigger.ANALYZE
    assert step.experiment.invalid_because == step.reason
    assert "web-1: it was removed from the fleet" in (step.reason or "")


def test_a_limit_that_a_host_found_broken_aborts_for_all() -> None:
    aborted = HostFacts(run=a_run(RunState.ABORTED, reason="postgres is missing"))
    step = next_step(a_started(Phase.RUNNING), facts({DB: aborted}))
    assert step.trigger is Trigger.ANALYZE
    assert step.experiment.aborted_because == "host db-1 aborted it: postgres is missing"


def test_an_abort_without_words_is_still_said() -> None:
    aborted = HostFacts(run=a_run(RunState.ABORTED))
    step = next_step(a_started(Phase.RUNNING), facts({DB: aborted}))
    assert step.reason == "host db-1 aborted it: no reason was given"


# --- analyzing


def test_a_host_is_done_when_it_ended_and_all_its_samples_are_here() -> None:
    analyzing = a_started(Phase.ANALYZING)
    ended = a_run(RunState.ENDED, through_sequence=10)
    step = next_step(
        analyzing,
        facts({WEB: HostFacts(run=ended, samples=10), DB: HostFacts(run=ended, samples=9)}),
    )
    assert states(step.experiment) == {"web-1": "done", "db-1": "flowing"}
    assert step.trigger is None


def test_it_waits_for_all_samples_but_not_for_ever() -> None:
    analyzing = a_started(Phase.ANALYZING)
    assert not is_collected(analyzing, facts(), since=NOON)
    done = analyzing.with_hosts([replace(host, state=HostState.DONE) for host in analyzing.hosts])
    assert is_collected(done, facts(), since=NOON)
    later = facts(seconds=COLLECT_GRACE.total_seconds())
    assert is_collected(analyzing, later, since=NOON)


def test_the_verdict_ends_it() -> None:
    step = next_step(a_started(Phase.ANALYZING), facts(judgement=a_judgement(Verdict.INCONCLUSIVE)))
    assert (step.trigger, step.verdict) == (Trigger.CONCLUDE, Verdict.INCONCLUSIVE)
    assert step.reason == "it was so"
