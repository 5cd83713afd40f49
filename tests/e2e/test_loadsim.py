"""`phoenix loadsim` as a user runs it, and as users end it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import phoenix_platform
from phoenix_platform.agent.settings import process_environment

PHOENIX = [sys.executable, "-m", "phoenix_platform", "loadsim"]
ENVIRONMENT_ROOT = str(Path(phoenix_platform.__file__).parents[1])


def run(*arguments: str, temp: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PHOENIX, *arguments], env=environment(temp), capture_output=True, text=True, check=False
    )


def environment(temp: Path) -> dict[str, str]:
    return {**process_environment(), "PYTHONPATH": ENVIRONMENT_ROOT, "TMPDIR": str(temp)}


def binaries_running_from(folder: Path) -> list[str]:
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                binary = str((entry / "exe").readlink())
            except OSError:
                continue
            if binary.startswith(f"{folder}/"):
                found.append(Path(binary.removesuffix(" (deleted)")).name)
    return found


def seconds_until(condition: Callable[[], bool]) -> float:
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > 20:
            pytest.fail("it did not come about within 20 s")
        time.sleep(0.02)
    return time.monotonic() - began


def started(temp: Path, *arguments: str) -> subprocess.Popen[str]:
    """A running command with its processes there."""
    process = subprocess.Popen(
        [*PHOENIX, "start", "realistic", "--max-processes", "40", "--output", "json", *arguments],
        env=environment(temp),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    assert "processes of profile realistic run" in process.stderr.readline()
    assert len(binaries_running_from(temp)) > 10
    return process


def test_a_run_says_what_it_did(tmp_path: Path) -> None:
    done = run(
        "start",
        "realistic",
        "--max-processes",
        "10",
        "--duration",
        "1s",
        "-o",
        "json",
        temp=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["profile"] == "realistic"
    assert 1 <= report["peak_processes"] <= 10
    assert report["lost"] == 0
    assert report["is_interrupted"] is False
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_a_signal_ends_it_with_its_own_exit_code_and_nothing_stays(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    process = started(tmp_path)
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == code
    assert json.loads(output)["is_interrupted"] is True
    assert binaries_running_from(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_after_kill_9_all_processes_and_the_folder_are_gone_within_seconds(tmp_path: Path) -> None:
    process = started(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=20)
    gone = seconds_until(
        lambda: not binaries_running_from(tmp_path) and not list(tmp_path.iterdir())
    )
    assert gone < 5


def test_the_profiles_are_listed_as_data_and_as_a_table(tmp_path: Path) -> None:
    profiles = json.loads(run("list-profiles", "-o", "json", temp=tmp_path).stdout)
    names = [profile["name"] for profile in profiles]
    assert names == ["realistic", "high-cardinality", "high-churn", "process-kill"]
    assert profiles[0]["expected_cpu_share"] < profiles[0]["max_cpu_share"]
    assert "realistic" in run("list-profiles", temp=tmp_path).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["calm"], 3, "choose one of realistic"),
        (["realistic", "--max-processes", "999"], 5, "max_processes: 999"),
        (["realistic", "--max-cpu-share", "much"], 5, "max_cpu_share: "),
        (["realistic", "--max-memory", "1MiB"], 5, "max_memory: "),
        (["realistic", "--duration", "48h"], 5, "duration: "),
    ],
)
def test_bad_input_is_named_with_the_field(
    tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    done = run("start", *arguments, temp=tmp_path)
    assert done.returncode == code
    assert words in done.stderr
    assert done.stdout == ""
