"""What is exported for our distribution is accepted by the real collector, whatever the user's file looks like."""

import json
import subprocess
from pathlib import Path

import pytest
from tests.export_cases import BLOCK, CASES, NO_HOST_METRICS, SHARED
from typer.testing import CliRunner, Result

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.cli.pipelines.app import app
from phoenix_platform.core.errors import InvalidInputError, NotFoundError
from phoenix_platform.pipelines import catalog

TARGET = "phoenix-otelcol@0.161.0"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def refusal_of(collector: CollectorBinary, file: Path) -> str:
    """What the collector's own validate says against a file; empty if nothing."""
    done = subprocess.run(
        [collector.path, "validate", "--config", file],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize("case", CASES)
def test_the_collector_accepts_every_entry_in_every_layout(
    collector: CollectorBinary, tmp_path: Path, case: str
) -> None:
    mine, made = tmp_path / "mine.yaml", tmp_path / "made.yaml"
    mine.write_bytes(CASES[case].encode())
    assert refusal_of(collector, mine) == "", "the case itself is sound"
    for name in catalog.names():
        result = run("export", name, "--into", str(mine), "--target", TARGET, "--write", str(made))
        assert result.exit_code == 0, result.exception
        assert refusal_of(collector, made) == ""
    assert mine.read_bytes() == CASES[case].encode(), "the user's file stays as it was"


def test_an_export_starts(collector: CollectorBinary, tmp_path: Path) -> None:
    mine, made = tmp_path / "mine.yaml", tmp_path / "made.yaml"
    mine.write_text(SHARED, "utf-8")
    for name in catalog.names():
        run("export", name, "--into", str(mine), "--target", TARGET, "--write", str(made))
        result = run("validate", str(made), "--collector", str(collector.path))
        assert result.exit_code == 0, result.output


def test_an_export_goes_to_stdout_and_notes_to_stderr(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(BLOCK, "utf-8")
    result = run("export", "process-priority-v1", "--into", str(mine), "--target", TARGET)
    assert result.stdout.startswith("# Phoenix export: ")
    assert "note: receiver host_metrics: collection_interval was 10s" in result.stderr
    assert mine.read_text("utf-8") == BLOCK


def test_an_export_as_json_says_what_changes(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(BLOCK, "utf-8")
    name = "process-priority-v1"
    result = run("export", name, "--into", str(mine), "--target", TARGET, "--output", "json")
    view = json.loads(result.stdout)
    assert (view["pipeline"], view["target"], view["written_to"]) == (name, TARGET, None)
    assert view["pipeline_hash"] in view["configuration"]
    assert {"area": "processes", "component": "processor filter/priority"}.items() <= view[
        "changes"
    ][0].items()


def test_the_users_own_file_changes_only_if_it_is_named(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(NO_HOST_METRICS, "utf-8")
    mine.chmod(0o640)
    command = ("export", "process-baseline-v1", "--into", str(mine), "--target", TARGET)
    result = run(*command, "--write", str(mine))
    assert "written for phoenix-otelcol@0.161.0" in result.stderr
    assert "host_metrics" in mine.read_text("utf-8")
    assert mine.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_what_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    command = ("export", "process-baseline-v1", "--target", TARGET, "--into")
    assert isinstance(run(*command, str(tmp_path / "none.yaml")).exception, NotFoundError)
    mine = tmp_path / "mine.yaml"
    mine.write_text("receivers: [", "utf-8")
    assert isinstance(run(*command, str(mine)).exception, InvalidInputError)
    mine.write_text(BLOCK, "utf-8")
    failed = run(*command, str(mine), "--write", str(tmp_path / "no" / "such.yaml")).exception
    assert "cannot be written" in str(failed)


def test_a_diff_is_shown_by_area_and_as_text(tmp_path: Path) -> None:
    before, after = tmp_path / "a.yaml", tmp_path / "b.yaml"
    before.write_text(BLOCK.replace("${env:PHX_EXPORT_KEY:-none}", "hush-hush"), "utf-8")
    after.write_text(
        BLOCK.replace("10s", "20s").replace("${env:PHX_EXPORT_KEY:-none}", "hush-now"), "utf-8"
    )
    result = run("diff", str(before), str(after), "--text")
    assert result.exit_code == 0
    assert (
        "timing\n  receiver host_metrics: collection_interval\n    - 10s\n    + 20s"
        in result.stdout
    )
    assert "+    collection_interval: 20s" in result.stdout
    assert "***" in result.stdout
    assert "hush" not in result.output


def test_a_diff_as_json_has_both_hashes() -> None:
    view = json.loads(run("diff", *catalog.names()[:2], "--output", "json").stdout)
    assert view["before_hash"] == catalog.entries()[0].configuration.hash
    assert (view["text"], view["changes"][0]["area"]) == (None, "processes")


def test_what_means_the_same_is_said_to() -> None:
    name = catalog.names()[0]
    result = run("diff", name, name)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "mean the same" in result.stderr
