"""The build script where nothing is to be built: quick, and telling."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from phoenix_platform.agent.settings import process_environment

SCRIPT = Path(__file__).parents[2] / "collector" / "build.sh"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**process_environment(), **variables}
    return subprocess.run(
        [SCRIPT, *arguments], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.collector
def test_a_built_collector_is_found_in_half_a_second_without_a_word() -> None:
    began = time.monotonic()
    done = run()
    took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    path = Path(done.stdout.strip())
    assert os.access(path, os.X_OK)
    assert path.parent.samefile(path.parents[1] / "current")
    assert took < 2  # 0.05 s on a machine at rest


@pytest.mark.collector
def test_the_binary_reports_the_build_id_of_its_sources() -> None:
    path = Path(run("--path").stdout.strip())
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.strip() == f"phoenix-otelcol version 0.1.0+{path.parent.name[:12]}"


def test_without_go_the_fix_is_named() -> None:
    done = run(PATH="/usr/bin:/bin")
    assert done.returncode == 6
    assert "Go is not installed" in done.stderr
    assert "phoenix collector install --from" in done.stderr


@pytest.mark.collector
def test_an_unknown_argument_is_refused() -> None:
    done = run("--fast")
    assert done.returncode == 6
    assert "unknown argument: --fast" in done.stderr
