"""`phoenix collector` and `phoenix doctor`: data on stdout, the rest on stderr, stable exit codes."""

import hashlib
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from phoenix_platform.cli import collectors
from phoenix_platform.cli.doctor import doctor
from phoenix_platform.cli.exit_codes import ExitCode
from phoenix_platform.core.errors import InvalidInputError, NotFoundError, UnavailableError

GOOD = """\
receivers: {otlp: {protocols: {http: {}}}}
processors: {batch: {}}
exporters: {otlp_http: {endpoint: https://example.com}}
service: {pipelines: {metrics: {receivers: [otlp], processors: [batch], exporters: [otlp_http]}}}
"""
PROGRAM = """#!/bin/sh
case $1 in --version) echo otelcol-x version 1.2.3;; *) echo 'receivers: [{name: otlp}]';; esac
"""


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.add_typer(collectors.app, name="collector")
    app.command("doctor")(doctor)
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "otelcol-x"
    path.write_text(PROGRAM)
    path.chmod(0o755)
    return path


def test_path_prints_nothing_but_the_path(program: Path) -> None:
    result = run("collector", "path", "--collector", str(program))
    assert result.stdout == f"{program}\n"
    assert "otelcol-x 1.2.3, found by --collector" in result.stderr


def test_path_and_components_as_data(program: Path) -> None:
    facts = json.loads(run("collector", "path", "--collector", str(program), "-o", "json").stdout)
    assert (facts["distribution"], facts["version"]) == ("otelcol-x", "1.2.3")
    listed = run("collector", "components", "--collector", str(program), "-o", "json")
    assert json.loads(listed.stdout)["components"]["receivers"] == ["otlp"]
    assert "receiver" in run("collector", "components", "--collector", str(program)).stdout


@pytest.mark.collector
def test_a_good_file_passes_and_stdout_stays_empty(tmp_path: Path) -> None:
    file = tmp_path / "good.yaml"
    file.write_text(GOOD)
    result = run("collector", "validate", str(file))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "was seen running with it" in result.stderr


@pytest.mark.collector
def test_a_fault_exits_with_bad_input_and_is_data(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(GOOD.replace("batch: {}", "batch: {timeoot: 1s}"))
    result = run("collector", "validate", str(file), "-o", "json")
    assert result.exit_code == ExitCode.BAD_INPUT
    answer = json.loads(result.stdout)
    assert answer["is_valid"] is False
    assert answer["findings"][0]["place"] == f"{file}:2:22"
    assert answer["findings"][0]["component"] == "batch"
    table = run("collector", "validate", str(file))
    assert table.exit_code == ExitCode.BAD_INPUT
    assert "timeoot" in table.stdout


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"# caf\xe9")
    assert isinstance(run("collector", "validate", str(tmp_path / "no")).exception, NotFoundError)
    assert isinstance(run("collector", "validate", str(tmp_path)).exception, UnavailableError)
    refused = run("collector", "validate", str(latin)).exception
    assert isinstance(refused, InvalidInputError)
    assert "not UTF-8 at byte 5" in str(refused)


@pytest.mark.parametrize("output", ["table", "json"])
def test_an_installed_collector_is_the_one_that_is_used(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.setenv("PHOENIX_DATA_DIRECTORY", str(tmp_path / "data"))
    monkeypatch.delenv("PHOENIX_COLLECTOR", raising=False)
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    installed = run(
        "collector", "install", "--from", str(program), "--sha256", digest, "-o", output
    )
    assert installed.exit_code == 0
    place = str(tmp_path / "data" / "collector" / "otelcol")
    assert place in installed.stdout
    assert run("collector", "path").stdout == f"{place}\n"


@pytest.mark.collector
def test_doctor_is_content_with_a_host_that_is_set_up() -> None:
    result = run("doctor", "-o", "json")
    assert result.exit_code == 0
    assert {"collector", "clock", "ports"} <= {one["check"] for one in json.loads(result.stdout)}


def test_doctor_exits_with_unavailable_and_names_what_failed(tmp_path: Path) -> None:
    result = run("doctor", "--collector", str(tmp_path / "gone"))
    assert result.exit_code == ExitCode.UNAVAILABLE
    assert "not ready for a trial: collector" in result.stderr
    assert "fix:" in result.stdout
