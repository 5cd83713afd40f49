"""Experiments as values: what is valid, and what a move leaves behind."""

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.domain.experiments import (
    DB,
    NOON,
    WEB,
    a_member,
    a_started,
    an_experiment,
)

from phoenix_platform.analysis.verdicts import Verdict
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.experiment_lifecycle import Phase, Trigger
from phoenix_platform.domain.experiments import HostState


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"name": ""}, "name", id="no-name"),
        pytest.param({"name": "a\nb"}, "name", id="unprintable"),
        pytest.param({"quorum": 0.0}, "quorum", id="no-quorum"),
        pytest.param({"max_host_cpu_share": 1.5}, "max_host_cpu_share", id="beyond-a-host"),
        pytest.param({"deploy_timeout": timedelta(0)}, "deploy_timeout", id="no-time"),
        pytest.param({"absent_after": timedelta(0)}, "absent_after", id="absent-at-once"),
        pytest.param({"phase": Phase.COMPLETED}, "verdict", id="completed-without-a-verdict"),
        pytest.param({"verdict": Verdict.PROMOTE}, "verdict", id="verdict-before-the-end"),
    ],
)
def test_an_experiment_is_valid_from_birth(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{field}: "):
        an_experiment(**changes)


def test_a_start_sets_the_deadline_behind_deployment_and_the_longest_run() -> None:
    started, transition = an_experiment().moved(Trigger.START, actor="Ada", at=NOON)
    assert started.phase is Phase.VALIDATING
    assert started.started_at == NOON
    assert started.deadline == NOON + timedelta(minutes=20)
    assert (transition.number, transition.before, transition.after) == (
        1,
        Phase.DRAFT,
        Phase.VALIDATING,
    )
    assert (transition.actor, transition.at, transition.reason) == ("Ada", NOON, None)


def test_the_run_counts_from_its_own_beginning() -> None:
    running, _ = a_started(Phase.WARMING_UP).moved(Trigger.RUN, actor="r", at=NOON)
    assert running.running_since == NOON


@pytest.mark.parametrize("trigger", [Trigger.FAIL, Trigger.CANCEL])
def test_an_end_without_a_verdict_keeps_its_reason(trigger: Trigger) -> None:
    ended, transition = a_started(Phase.RUNNING).moved(
        trigger, actor="Ada", at=NOON, reason="enough"
    )
    assert ended.is_ended
    assert (ended.end_reason, ended.ended_at, transition.reason) == ("enough", NOON, "enough")


def test_moves_without_facts_of_their_own_change_the_phase_alone() -> None:
    deploying, _ = a_started(Phase.VALIDATING).moved(Trigger.DEPLOY, actor="r", at=NOON)
    warming, transition = deploying.moved(Trigger.WARM_UP, actor="r", at=NOON)
    assert warming.phase is Phase.WARMING_UP
    assert transition.number == 2


def test_a_verdict_comes_with_the_end() -> None:
    analyzing, _ = a_started(Phase.RUNNING).moved(
        Trigger.ANALYZE, actor="r", at=NOON, reason="decided"
    )
    completed, transition = analyzing.concluded(
        Verdict.PROMOTE, actor="r", at=NOON, reason="it saves"
    )
    assert (completed.phase, completed.verdict) == (Phase.COMPLETED, Verdict.PROMOTE)
    assert (completed.end_reason, completed.ended_at) == ("decided", NOON)
    assert (transition.trigger, transition.number) == (Trigger.CONCLUDE, 2)


def test_excluded_hosts_stay_but_do_not_count() -> None:
    experiment = a_started(Phase.RUNNING)
    out = a_member(DB, "db-1", state=HostState.EXCLUDED)
    changed = experiment.with_hosts([out])
    assert changed.host(DB) == out
    assert [host.host_id for host in changed.included] == [WEB]
    assert len(changed.hosts) == 2
    assert an_experiment().host(WEB) is None
