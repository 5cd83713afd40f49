import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from phoenix_platform.agent.watchdog import MARK, Watchdog

OWNER = """
import subprocess, sys, time
from pathlib import Path
from phoenix_platform.agent.watchdog import Watchdog
folder = Path(sys.argv[1])
with Watchdog(sys.argv[2], folder) as watchdog:
    # A child that starts a grandchild in a session of its own, and does not wait for it.
    shell = "setsid sleep 600 & sleep 600"
    child = subprocess.Popen(["sh", "-c", shell], env={"PATH": "/usr/bin:/bin", **watchdog.environment})
    print("ready", flush=True)
    time.sleep(600)
"""


def marked(run_id: str) -> list[int]:
    mark = f"{MARK}={run_id}".encode()
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def wait_until_gone(run_id: str, folder: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while marked(run_id) or folder.exists():
        assert time.monotonic() < deadline, (marked(run_id), folder.exists())
        time.sleep(0.02)


def wait_until_there(run_id: str, processes: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while len(marked(run_id)) < processes:  # the shell is started, its children take a moment
        assert time.monotonic() < deadline, marked(run_id)
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_when_its_owner_is_gone_so_is_everything_marked(
    tmp_path: Path, number: signal.Signals
) -> None:
    folder, run_id = tmp_path / "run", f"test-{os.getpid()}-{number}"
    folder.mkdir()
    (folder / "config.yaml").write_text("x")
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, folder, run_id], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "ready\n"
        wait_until_there(run_id, 3, 20)
        owner.send_signal(number)
        owner.wait()
    wait_until_gone(run_id, folder, 5)


def test_at_the_end_of_the_block_nothing_is_left(tmp_path: Path) -> None:
    folder, run_id = tmp_path / "run", f"test-{os.getpid()}-block"
    folder.mkdir()
    with Watchdog(run_id, folder) as watchdog:
        child = subprocess.Popen(["sleep", "600"], env=dict(watchdog.environment))
    assert not folder.exists()
    assert child.wait() == -signal.SIGKILL


def test_processes_of_other_runs_stay(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "600"], env={MARK: "another-run"})
    with Watchdog(f"test-{os.getpid()}-mine", tmp_path / "run"):
        pass
    assert other.poll() is None
    other.kill()
    other.wait()
