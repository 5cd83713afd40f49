"""The copied shell itself: told, measured, refused."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from phoenix_platform.agent.load.shells import (
    ShellFolder,
    fill,
    measure_loops_per_second,
    wait_until_gone,
)
from phoenix_platform.core.errors import UnavailableError


@pytest.fixture
def shell_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ShellFolder]:
    monkeypatch.chdir(tmp_path)
    fill(tmp_path, ["phx-db"])
    reading, writing = os.pipe()
    yield ShellFolder(tmp_path, reading, 10, {"MARK": "x"})
    os.close(reading)
    os.close(writing)


def test_a_shell_ends_when_its_channel_does(shell_folder: ShellFolder) -> None:
    shell = shell_folder.start("phx-db", ["--x"], works=True)
    assert shell.tell("wr 3 out; rd 2; mem 4; mem 1; cpu 10\n")
    shell.close()
    shell.close()
    assert wait_until_gone([shell.pid], seconds=10) == set()
    assert (shell_folder.path / "out").stat().st_size == 3 * 1025
    assert not shell.tell("cpu 1\n")


def test_an_idle_shell_waits_until_it_is_ended(shell_folder: ShellFolder) -> None:
    shell = shell_folder.start("phx-db", ["--x"], works=False)
    assert not shell.tell("cpu 1\n")
    assert wait_until_gone([shell.pid], seconds=0.05) == {shell.pid}
    assert b"MARK=x" in Path(f"/proc/{shell.pid}/environ").read_bytes()
    shell.end()
    assert wait_until_gone([shell.pid], seconds=10) == set()
    shell.end()


def test_a_shell_that_is_far_behind_is_told_no_more(shell_folder: ShellFolder) -> None:
    shell = shell_folder.start("phx-db", [], works=True)
    assert shell.tell("cpu 100000000\n")
    answers = [shell.tell("#" * 4000 + "\n") for _ in range(40)]
    assert answers[0]
    assert not answers[-1]
    shell.end()
    assert wait_until_gone([shell.pid], seconds=10) == set()
    assert not shell.tell("cpu 1\n")
    shell.close()


def test_loops_are_measured_in_cpu_time(shell_folder: ShellFolder) -> None:
    assert 50_000 < measure_loops_per_second(shell_folder, "phx-db") < 50_000_000


def test_what_is_no_shell_is_named(shell_folder: ShellFolder) -> None:
    (shell_folder.path / "phx-db").write_text("#!/bin/false\n")
    with pytest.raises(UnavailableError, match="needs a POSIX shell"):
        measure_loops_per_second(shell_folder, "phx-db")


@pytest.mark.parametrize(("mode", "reason"), [(0o600, "set TMPDIR"), (None, "lower max_processes")])
def test_what_the_kernel_refuses_is_named_with_the_fix(
    shell_folder: ShellFolder, mode: int | None, reason: str
) -> None:
    program = shell_folder.path / "phx-db"
    program.unlink() if mode is None else program.chmod(mode)
    for works in (True, False):
        with pytest.raises(UnavailableError, match=reason):
            shell_folder.start("phx-db", [], works=works)
