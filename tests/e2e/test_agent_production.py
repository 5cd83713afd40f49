"""The production collector under the agent: changed under load, with a sink that counts what arrives."""

import os
import signal
from collections.abc import Generator, Sequence
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from tests.agents import Agent
from tests.collector_runs import meter
from tests.control_planes import ControlPlaneForTests
from tests.desired_states import a_pipeline, a_state

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.usage import started_ticks_of
from phoenix_platform.core.clock import SystemClock
from phoenix_platform.opamp.desired_state import DesiredLoad, DesiredPipeline

pytestmark = pytest.mark.timeout(900)

INTERVAL_SECONDS = 5
CHANGES = 20


def production(url: str, version: int, *, more: str = "") -> DesiredPipeline:
    return a_pipeline(f"""
receivers:
  host_metrics:
    collection_interval: {INTERVAL_SECONDS}s
    scrapers: {{process: {{mute_process_all_errors: true}}}}
processors:
  resource/version: {{attributes: [{{key: test.version, value: "v{version}", action: upsert}}]}}
exporters:
  otlp_http: {{endpoint: "{url}"{more}}}
service:
  pipelines:
    metrics: {{receivers: [host_metrics], processors: [resource/version], exporters: [otlp_http]}}
""")


class Sink:
    """What arrived, scrape by scrape."""

    def __init__(self, url: str, bodies: list[bytes]) -> None:
        self.url = url
        self._bodies = bodies
        self._read = 0
        self.scrapes: list[tuple[float, str]] = []
        """Time of the first point in seconds, and the version of the configuration."""

    def look(self) -> Sequence[tuple[float, str]]:
        for body in self._bodies[self._read :]:
            request = ExportMetricsServiceRequest.FromString(body)
            resource = request.resource_metrics[0]
            metric = resource.scope_metrics[0].metrics[0]
            points = metric.sum.data_points or metric.gauge.data_points
            version = next(
                one.value.string_value
                for one in resource.resource.attributes
                if one.key == "test.version"
            )
            self.scrapes.append((points[0].time_unix_nano / 1e9, version))
        self._read = len(self._bodies)
        return self.scrapes

    def versions(self) -> set[str]:
        return {version for _, version in self.look()}

    def has_seen(self, version: int) -> bool:
        return f"v{version}" in self.versions()

    def missed_intervals(self) -> Sequence[tuple[str, str, float]]:
        """Between which versions, and how many seconds without a scrape."""
        scrapes = sorted(self.look())
        return [
            (before[1], after[1], after[0] - before[0])
            for before, after in pairwise(scrapes)
            if round((after[0] - before[0]) / INTERVAL_SECONDS) > 1
        ]


@pytest.fixture
def sink() -> Generator[Sink]:
    with meter() as (url, bodies):
        yield Sink(url, bodies)


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
    plane.offer(a_state())
    if agent.program.process.poll() is not None:
        agent.start()
    agent.until(lambda: not agent.data.production.joinpath("state.json").exists(), 60)
    agent.end()
    agent.until(lambda: not agent.program.leftovers(), 30)


def a_load(seconds: float) -> DesiredLoad:
    return DesiredLoad(
        id="load",
        profile="realistic",
        seed=1,
        deadline=SystemClock().now() + timedelta(seconds=seconds),
    )


def test_twenty_changes_under_load_miss_no_interval(
    agent: Agent, plane: ControlPlaneForTests, sink: Sink
) -> None:
    agent.enroll().start()
    load = a_load(800)
    pipelines = [production(sink.url, version) for version in range(CHANGES + 1)]
    for version, pipeline in enumerate(pipelines):
        offered = plane.offer(a_state(loads=(load,), production=pipeline))
        agent.until_applied(offered)
        agent.until(partial(sink.has_seen, version))
    assert len(sink.versions()) == CHANGES + 1
    assert sink.missed_intervals() == []
    agent.until(lambda: plane.reports[-1].production_flowing_hash == pipelines[-1].hash)
    assert plane.reports[-1].loads[0].state == "running"
    assert len(agent.production_pids()) == 1


def test_a_configuration_that_does_not_run_leaves_the_old_one_untouched(
    agent: Agent, plane: ControlPlaneForTests, sink: Sink
) -> None:
    agent.enroll().start()
    good = production(sink.url, 1)
    agent.until_applied(plane.offer(a_state(production=good)))
    (pid,) = agent.production_pids()
    agent.until(lambda: len(sink.look()) >= 3)
    for bad, words in (
        (production(sink.url, 2, more=", timeout: soon"), "timeout"),
        (production(sink.url, 3, more=', tls: {ca_file: "/nowhere/ca.pem"}'), "/nowhere/ca.pem"),
    ):
        offered = plane.offer(a_state(production=bad))
        failed = agent.until_failed(offered)
        assert words in failed
        assert agent.production_pids() == [pid]
        effective = plane.effective()
        assert effective is not None
        assert effective.production == good
    agent.until(lambda: len(sink.look()) >= 8)
    assert sink.versions() == {"v1"}
    assert sink.missed_intervals() == []


def test_a_configuration_that_sends_nothing_is_found_out_before_the_old_one_goes(
    agent: Agent, plane: ControlPlaneForTests, sink: Sink
) -> None:
    agent.enroll().start()
    agent.until_applied(plane.offer(a_state(production=production(sink.url, 1))))
    (pid,) = agent.production_pids()
    agent.until(lambda: len(sink.look()) >= 3)
    mute = production("http://127.0.0.1:9", 2)
    failed = agent.until_failed(plane.offer(a_state(production=mute)))
    assert "sent nothing" in failed
    assert agent.production_pids() == [pid]
    # Once more: a failed hash is not tried again.
    agent.kill()
    agent.start()
    agent.until_failed(plane.offer(a_state(production=mute)), 30)


def test_the_collector_outlives_its_agent_and_the_next_one_takes_it_over(
    agent: Agent, plane: ControlPlaneForTests, sink: Sink
) -> None:
    agent.enroll().start()
    good = production(sink.url, 1)
    agent.until_applied(plane.offer(a_state(production=good)))
    (pid,) = agent.production_pids()
    began = started_ticks_of(pid)
    agent.kill()
    before = len(sink.look())
    agent.until(lambda: len(sink.look()) >= before + 3)
    agent.start()
    agent.until_applied(plane.offer(a_state(production=good)))
    assert agent.production_pids() == [pid]
    assert started_ticks_of(pid) == began
    os.kill(pid, signal.SIGKILL)
    agent.until(lambda: (pids := agent.production_pids()) and pids != [pid])


def test_a_port_that_others_send_to_is_handed_over(
    agent: Agent, plane: ControlPlaneForTests, sink: Sink
) -> None:
    agent.enroll().start()
    texts = [
        production(sink.url, version)
        .text.replace(
            "processors:\n",
            '  otlp: {protocols: {http: {endpoint: "127.0.0.1:43180"}}}\nprocessors:\n',
            1,
        )
        .replace("receivers: [host_metrics]", "receivers: [host_metrics, otlp]")
        for version in (1, 2)
    ]
    for version, text in enumerate(texts, 1):
        agent.until_applied(plane.offer(a_state(production=a_pipeline(text))))
        agent.until(partial(sink.has_seen, version))
    assert len(agent.production_pids()) == 1
