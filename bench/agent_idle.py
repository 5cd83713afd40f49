"""What an agent costs a host while nothing is to be done: memory and CPU, connected, with heartbeats.

`python -m bench.agent_idle [SECONDS]` enrols a real agent with the control plane of the tests, on loopback, and
watches it twice: after its start, and after an experiment of half a minute has ended. The limits are 80 MB and 1 % of
one core.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.agents import Agent
from tests.control_planes import ControlPlaneForTests
from tests.desired_states import a_state, an_experiment

from phoenix_platform.agent.binaries import find_collector
from phoenix_platform.agent.host import count_processes
from phoenix_platform.agent.settings import AgentSettings
from phoenix_platform.agent.usage import usage_of
from phoenix_platform.opamp.host_reports import RunState

MAX_RSS_BYTES: Final = 80 * 10**6
MAX_CPU_SHARE: Final = 0.01
SECONDS: Final = 120.0
SETTLE_SECONDS: Final = 10.0
EXPERIMENT_SECONDS: Final = 40.0
_MEBIBYTE: Final = 2**20


def run(seconds: float = SECONDS) -> list[dict[str, str | float]]:
    """One result per phase."""
    collector = find_collector(None, AgentSettings())
    with (
        tempfile.TemporaryDirectory(prefix="phoenix-bench-") as name,
        ControlPlaneForTests() as plane,
    ):
        agent = Agent(Path(name), plane, collector.path).enroll().start()
        try:
            return list(_phases(agent, plane, seconds))
        finally:
            agent.program.process.terminate()
            agent.program.wait(60)


def _phases(
    agent: Agent, plane: ControlPlaneForTests, seconds: float
) -> Iterator[dict[str, str | float]]:
    agent.until(lambda: plane.reports)
    yield _watch("idle after its start", agent, seconds)
    experiment = an_experiment(seconds=EXPERIMENT_SECONDS)
    plane.offer(a_state(experiment))
    agent.until_in(experiment.id, RunState.FLOWING)
    agent.until_in(experiment.id, RunState.ENDED)
    yield _watch("idle after an experiment", agent, seconds)


def _watch(phase: str, agent: Agent, seconds: float) -> dict[str, str | float]:
    pid = agent.program.process.pid
    time.sleep(SETTLE_SECONDS)
    before, began = usage_of(pid), time.monotonic()
    most = 0
    while time.monotonic() - began < seconds:
        time.sleep(5)
        usage = usage_of(pid)
        assert usage is not None
        most = max(most, usage.rss_bytes)
    after, elapsed = usage_of(pid), time.monotonic() - began
    assert before is not None
    assert after is not None
    return {
        "phase": phase,
        "seconds": round(elapsed, 1),
        "rss_bytes": most,
        "cpu_share_of_a_core": round((after.cpu_seconds - before.cpu_seconds) / elapsed, 5),
    }


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    print(f"{count_processes().total} processes on this host")
    failed = False
    for result in run(seconds):
        rss, share = float(result["rss_bytes"]), float(result["cpu_share_of_a_core"])
        failed |= rss > MAX_RSS_BYTES or share > MAX_CPU_SHARE
        print(
            f"{result['phase']}: {rss / 10**6:.1f} MB ({rss / _MEBIBYTE:.1f} MiB), "
            f"{100 * share:.2f} % of a core over {result['seconds']} s"
        )
    sys.exit(failed)


if __name__ == "__main__":
    main()
