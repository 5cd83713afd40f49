import json
from pathlib import Path

import pytest
from tests.pipeline_builders import MINIMAL
from typer.testing import CliRunner, Result

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.cli.pipelines.app import app
from phoenix_platform.cli.pipelines.references import MAX_FILE_BYTES, read_pipeline
from phoenix_platform.core.errors import NotFoundError, PhoenixError, UnavailableError
from phoenix_platform.pipelines import catalog


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=True)


def test_the_catalog_is_listed() -> None:
    for name in catalog.names():
        assert name in run("list", "--output", "json").stdout
    assert "host totals" in run("list").stdout


def test_an_entry_is_shown_with_its_text() -> None:
    entry = catalog.get("process-priority-v1")
    assert entry.text in run("show", entry.name).stdout
    shown = json.loads(run("show", entry.name, "--output", "json").stdout)
    assert (shown["configuration"], shown["hash"]) == (entry.text, entry.configuration.hash)


def test_an_unknown_entry_is_not_found() -> None:
    assert isinstance(run("show", "process-prio").exception, NotFoundError)


def test_a_sound_file_is_validated_by_the_collector_too(
    collector: CollectorBinary, tmp_path: Path
) -> None:
    file = tmp_path / "sound.yaml"
    file.write_text(MINIMAL, "utf-8")
    result = run("validate", str(file), "--collector", str(collector.path), "--output", "json")
    view = json.loads(result.stdout)
    assert (result.exit_code, view["collector"], view["findings"]) == (0, str(collector.path), [])
    assert "no error" in result.stderr


def test_what_the_collector_refuses_ends_with_exit_code_5(
    collector: CollectorBinary, tmp_path: Path
) -> None:
    file = tmp_path / "faulty.yaml"
    file.write_text(MINIMAL.replace("endpoint:", "endpiont:"), "utf-8")
    result = run("validate", str(file), "--collector", str(collector.path))
    assert result.exit_code == 5
    assert "error" in result.stdout


def test_a_collector_that_is_not_there_is_not_found() -> None:
    result = run("validate", "process-baseline-v1", "--collector", "/nowhere/otelcol")
    assert isinstance(result.exception, NotFoundError)


def test_without_a_collector_phoenix_alone_reads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("PHOENIX_CACHE_DIRECTORY", "PHOENIX_DATA_DIRECTORY", "PATH"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("PHOENIX_COLLECTOR", raising=False)
    result = run("validate", "process-baseline-v1", "--output", "json")
    assert (result.exit_code, json.loads(result.stdout)["collector"]) == (0, None)
    assert "name one with --collector PATH" in result.stderr


def test_a_reference_is_a_file_or_a_name(tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text(MINIMAL, "utf-8")
    assert read_pipeline(str(file)).name == str(file)
    assert read_pipeline("process-baseline-v1").name == "process-baseline-v1"


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        pytest.param(None, NotFoundError, "no such file", id="missing"),
        pytest.param(b"a: \xff", UnavailableError, "not UTF-8 at byte 3", id="not-utf-8"),
        pytest.param(b" " * (MAX_FILE_BYTES + 1), UnavailableError, "larger than", id="too-large"),
    ],
)
def test_files_that_cannot_be_read_are_refused(
    tmp_path: Path, content: bytes | None, error: type[PhoenixError], message: str
) -> None:
    file = tmp_path / "x.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(error, match=message):
        read_pipeline(str(file))
