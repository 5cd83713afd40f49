"""An agent as a user runs it, beside a control plane of the tests."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.control_planes import ControlPlaneForTests
from tests.e2e.programs import Program

from phoenix_platform.agent.data_folders import DataFolder
from phoenix_platform.agent.production_processes import marked_pids
from phoenix_platform.agent.statuses import AgentStatus, read_status
from phoenix_platform.opamp.host_reports import RunReport, RunState

APPLIED, FAILED = 1, 3


class Agent:
    """One host with its agent."""

    def __init__(self, folder: Path, plane: ControlPlaneForTests, collector: Path) -> None:
        self.program = Program(folder)
        self.plane = plane
        self.collector = collector
        self.data = DataFolder(folder / "data")

    def enroll(self, *arguments: str) -> "Agent":
        token = self.program.folder / "token"
        token.write_text(self.plane.token)
        common = ("--server", self.plane.url, "--token-file", str(token), "--name", "host-a")
        program = self._start("enroll", *common, *arguments)
        assert program.wait(60) == 0, program.stderr
        return self

    def start(self, *arguments: str) -> "Agent":
        self._start("run", *arguments)
        return self

    def kill(self) -> None:
        self.program.signal(signal.SIGKILL)
        self.program.wait(20)

    def end(self) -> None:
        """As an operator does; what does not end in time is killed."""
        self.program.signal(signal.SIGTERM)
        try:
            self.program.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()

    def until(self, is_so: Callable[[], object], seconds: float = 120) -> None:
        self.program.wait_until(lambda: bool(is_so()), seconds)

    def is_in(self, experiment_id: str, *states: RunState) -> bool:
        run = self.plane.run_of(experiment_id)
        return run is not None and run.state in states

    def until_in(self, experiment_id: str, *states: RunState) -> RunReport:
        """By its control plane's knowledge."""
        self.until(lambda: self.is_in(experiment_id, *states))
        run = self.plane.run_of(experiment_id)
        assert run is not None
        return run

    def until_here_in(self, state: RunState) -> RunReport:
        """By the host's own word, whether or not its control plane hears it."""
        self.until(lambda: state in {run.state for run in self.status().report.runs})
        return self.status().report.runs[0]

    def until_applied(self, offered: str, seconds: float = 120) -> None:
        self.until(lambda: self.plane.outcome_of(offered) == (APPLIED, ""), seconds)

    def until_failed(self, offered: str, seconds: float = 120) -> str:
        """Why."""
        self.until(lambda: (one := self.plane.outcome_of(offered)) and one[0] == FAILED, seconds)
        outcome = self.plane.outcome_of(offered)
        assert outcome is not None
        return outcome[1]

    def production_pids(self) -> list[int]:
        return list(marked_pids(self.data.production))

    def status(self) -> AgentStatus:
        status = read_status(self.data)
        assert status is not None
        return status

    def _start(self, verb: str, *arguments: str) -> Program:
        return self.program.start(
            "agent", verb, "--data-directory", str(self.data.path), *arguments,
            PHOENIX_COLLECTOR=str(self.collector),
        )  # fmt: skip
