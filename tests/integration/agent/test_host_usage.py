import os
import signal
import subprocess

import pytest

from phoenix_platform.agent.usage import STOPPED, state_of

pytestmark = pytest.mark.timeout(60)


def test_a_stopped_process_is_told_from_one_that_runs_and_one_that_is_gone() -> None:
    process = subprocess.Popen(["sleep", "60"])
    try:
        assert state_of(process.pid) not in STOPPED
        os.kill(process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        assert state_of(process.pid) in STOPPED
    finally:
        process.kill()
        process.wait()
    assert state_of(process.pid) is None
