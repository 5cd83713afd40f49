"""The agent as a user runs it, against a real control plane's ends, with real collectors."""

import shutil
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.agents import APPLIED, FAILED, Agent
from tests.control_planes import ControlPlaneForTests
from tests.desired_states import a_state, an_experiment

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.identities import read_credential
from phoenix_platform.agent.statuses import is_running
from phoenix_platform.core.tokens import TokenKind, new_token
from phoenix_platform.opamp.host_reports import RunState

pytestmark = pytest.mark.timeout(240)

LOSSY = """
receivers:
  host_metrics:
    collection_interval: 60s
    scrapers: {process: {mute_process_all_errors: true}}
processors:
  filter/lossy:
    error_mode: ignore
    metrics:
      metric:
        - 'resource.attributes["process.executable.name"] == "phx-precious"'
exporters:
  otlp_http: {endpoint: "http://127.0.0.1:4318"}
service:
  pipelines:
    metrics: {receivers: [host_metrics], processors: [filter/lossy], exporters: [otlp_http]}
"""


@pytest.fixture
def plane() -> Generator[ControlPlaneForTests]:
    with ControlPlaneForTests() as plane:
        yield plane


@pytest.fixture
def agent(
    tmp_path: Path, plane: ControlPlaneForTests, collector: CollectorBinary
) -> Generator[Agent]:
    agent = Agent(tmp_path, plane, collector.path)
    yield agent
    if agent.program.process.poll() is None:
        agent.end()
    agent.until(lambda: not agent.program.leftovers(), 30)


@pytest.fixture
def precious(tmp_path: Path) -> Generator[subprocess.Popen[bytes]]:
    """A process with an executable name of its own."""
    sleep = shutil.which("sleep")
    assert sleep is not None
    shutil.copy(sleep, tmp_path / "phx-precious")
    with subprocess.Popen([tmp_path / "phx-precious", "600"]) as process:
        yield process
        process.kill()


def test_an_enrolled_agent_runs_what_is_desired_and_delivers_every_sample_once(
    agent: Agent, plane: ControlPlaneForTests
) -> None:
    agent.enroll("--label", "env=test").start()
    assert plane.enrolments[0]["labels"] == {"env": "test"}
    assert agent.data.credential.stat().st_mode & 0o777 == 0o600
    experiment = an_experiment()
    agent.until(lambda: plane.messages)
    offered = plane.offer(a_state(experiment))
    run = agent.until_in(experiment.id, RunState.FLOWING)
    assert run.hashes == {
        "baseline": experiment.baseline.hash,
        "candidate": experiment.candidate.hash,
    }
    assert run.first_point_at is not None
    agent.until(lambda: len(plane.scrapes_of(experiment.id, "candidate")) >= 5)
    statuses = [
        one.remote_config_status for one in plane.messages if one.HasField("remote_config_status")
    ]
    assert statuses[-1].last_remote_config_hash == offered.encode()
    assert statuses[-1].status == 1
    plane.offer(a_state())
    run = agent.until_in(experiment.id, RunState.ENDED)
    assert run.reason == "it is no longer desired"
    assert run.idle_cores is not None
    agent.until(lambda: len(plane.samples) == run.through_sequence)
    assert sorted(one["sequence"] for one in plane.samples.values()) == list(
        range(1, len(plane.samples) + 1)
    )
    scrapes = plane.scrapes_of(experiment.id, "candidate")
    assert scrapes == plane.scrapes_of(experiment.id, "baseline") == list(range(len(scrapes)))
    assert not plane.repeated
    assert not plane.conflicting
    agent.until_here_in(RunState.ENDED)
    assert is_running(agent.status())
    agent.program.signal(signal.SIGTERM)
    assert agent.program.wait(30) == 0
    assert not is_running(agent.status())


@pytest.mark.parametrize("state", [RunState.STARTING, RunState.FLOWING])
def test_after_kill_9_the_same_experiment_goes_on_and_no_sample_has_the_number_of_another(
    agent: Agent, plane: ControlPlaneForTests, state: RunState
) -> None:
    agent.enroll().start()
    experiment = an_experiment()
    plane.offer(a_state(experiment))
    first = agent.until_in(experiment.id, state)
    if state is RunState.FLOWING:
        agent.until(lambda: len(plane.samples) >= 6)
    agent.kill()
    agent.until(lambda: not agent.program.leftovers(), 30)
    before = dict(plane.samples)
    agent.start()
    agent.until(lambda: (run := plane.run_of(experiment.id)) and run.run_id != first.run_id)
    second = agent.until_in(experiment.id, RunState.FLOWING)
    assert second.run_id != first.run_id
    agent.until(lambda: len(plane.samples) >= len(before) + 8)
    plane.offer(a_state())
    ended = agent.until_in(experiment.id, RunState.ENDED)
    agent.until(lambda: len(plane.samples) == ended.through_sequence)
    assert not plane.conflicting
    assert sorted(one["sequence"] for one in plane.samples.values()) == list(
        range(1, len(plane.samples) + 1)
    )
    if state is RunState.FLOWING:
        later = [one for one in plane.samples.values() if one["run_id"] == second.run_id]
        assert sum(not one["acknowledged"] for one in later) >= 4  # began anew: not judged


def test_an_agent_killed_after_the_end_does_not_begin_again(
    agent: Agent, plane: ControlPlaneForTests
) -> None:
    agent.enroll().start()
    experiment = an_experiment(seconds=4)
    plane.offer(a_state(experiment))
    ended = agent.until_in(experiment.id, RunState.ENDED)
    assert ended.reason == "its deadline came"
    agent.kill()
    plane.reports.clear()
    agent.start()
    agent.until(lambda: plane.reports)
    again = agent.until_in(experiment.id, RunState.ENDED)
    assert again.run_id == ended.run_id


def test_without_a_control_plane_it_stops_on_time_and_delivers_all_later(
    agent: Agent, plane: ControlPlaneForTests
) -> None:
    agent.enroll().start()
    experiment = an_experiment(seconds=45)
    plane.offer(a_state(experiment))
    agent.until_in(experiment.id, RunState.FLOWING)
    agent.until(lambda: plane.samples)
    plane.go()
    delivered = len(plane.samples)
    run = agent.until_here_in(RunState.ENDED)
    assert abs((run.at - experiment.deadline).total_seconds()) < 5
    assert agent.status().report.spool is not None
    agent.kill()  # a restart in between loses nothing
    agent.start()
    plane.come()
    agent.until(lambda: len(plane.samples) == run.through_sequence)
    assert run.through_sequence is not None
    assert run.through_sequence > delivered
    assert not plane.conflicting
    agent.until(lambda: (spool := agent.status().report.spool) is not None and spool.samples == 0)


def test_a_critical_process_that_is_lost_aborts_here_without_a_control_plane(
    agent: Agent, plane: ControlPlaneForTests, precious: subprocess.Popen[bytes]
) -> None:
    agent.enroll().start()
    agent.until(lambda: plane.messages)
    experiment = an_experiment(LOSSY, critical=("phx-precious",))
    plane.offer(a_state(experiment))
    agent.until(agent.data.desired_state.exists)
    plane.go()
    run = agent.until_here_in(RunState.ABORTED)
    assert run.reason is not None
    assert f"phx-precious (pid {precious.pid}) is missing" in run.reason
    assert run.facts["limit"] == "critical_retention"
    plane.come()
    agent.until_in(experiment.id, RunState.ABORTED)


def test_a_pipeline_that_does_not_run_fails_with_the_collectors_own_words(
    agent: Agent, plane: ControlPlaneForTests
) -> None:
    agent.enroll().start()
    experiment = an_experiment(LOSSY.replace("error_mode: ignore", "no_such_key: 1"))
    plane.offer(a_state(experiment))
    run = agent.until_in(experiment.id, RunState.FAILED)
    assert run.reason is not None
    assert "no_such_key" in run.reason


def test_a_new_credential_is_tried_before_the_old_one_is_given_up(
    agent: Agent, plane: ControlPlaneForTests
) -> None:
    agent.enroll().start()
    agent.until(lambda: plane.reports)
    wrong, right = new_token(TokenKind.AGENT), new_token(TokenKind.AGENT)
    plane.offer_credential(wrong, b"wrong")
    agent.until(lambda: plane.outcome_of_settings(b"wrong") == FAILED)
    assert read_credential(agent.data) == plane.credential
    plane.also_accepted.add(right)
    plane.offer_credential(right, b"right")
    agent.until(lambda: plane.outcome_of_settings(b"right") == APPLIED)
    assert read_credential(agent.data) == right
    assert set(plane.used) == {plane.credential, right}


def test_an_agent_that_is_renamed_keeps_its_new_uid_over_a_restart(
    agent: Agent, plane: ControlPlaneForTests
) -> None:
    agent.enroll().start()
    agent.until(lambda: plane.reports)
    name = bytes.fromhex("01a2129a37257fa4b00fa0571694df00")
    plane.rename(name)
    agent.until(lambda: plane.messages[-1].instance_uid == name)
    agent.kill()
    plane.messages.clear()
    agent.start()
    agent.until(lambda: plane.messages)
    assert plane.messages[0].instance_uid == name
