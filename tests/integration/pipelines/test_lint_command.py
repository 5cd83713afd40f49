import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.pipeline_builders import MINIMAL
from typer.testing import CliRunner, Result

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.validation import validate_configuration
from phoenix_platform.cli.pipelines.app import app
from phoenix_platform.core.errors import InvalidInputError, NotFoundError
from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.documents import read_document
from phoenix_platform.pipelines.lint.distributions import compact, get_distribution

OLD = """\
# The fleet's configuration.
receivers:
  hostmetrics:   # once a minute
    collection_interval: 60s
    scrapers: {process: }
processors:
  batch:
  resource: {attributes: [{key: process.pid, action: delete}]}
  memory_limiter: {check_interval: 1s, limit_mib: 100}
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:4318", headers: {api-key: hunter2hunter2}}
service:
  pipelines:
    metrics:
      receivers: [hostmetrics]
      processors: [batch, resource, memory_limiter]
      exporters: [otlphttp]
"""
NEW = (
    OLD.replace("hostmetrics", "host_metrics")
    .replace("otlphttp", "otlp_http")
    .replace("[batch, resource, memory_limiter]", "[memory_limiter, resource, batch]")
)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["lint", *arguments])


@pytest.fixture
def old(tmp_path: Path) -> Path:
    file = tmp_path / "old.yaml"
    file.write_text(OLD, "utf-8")
    file.chmod(0o640)
    return file


def test_a_sound_file_is_clean(tmp_path: Path) -> None:
    file = tmp_path / "sound.yaml"
    file.write_text(MINIMAL, "utf-8")
    result = run(str(file), "--strict")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{file}: nothing found\n"


def test_findings_are_a_table_or_json_and_warnings_count_when_asked(old: Path) -> None:
    result = run(str(old))
    assert result.exit_code == 0
    assert f"{old}:16:37: warning: memory_limiter: pipeline metrics: runs after" in result.stdout
    assert "name memory_limiter first [memory-limiter-not-first, --fix]" in result.stdout
    assert result.stderr == f"{old}: 3 warnings, 3 notes\n"
    assert run(str(old), "--strict").exit_code == 5
    (view,) = json.loads(run(str(old), "--output", "json").stdout)
    assert (view["file"], view["target"], view["is_fixed"]) == (str(old), None, False)
    first = view["findings"][0]
    assert (first["rule"], first["line"], first["column"]) == ("old-name", 3, 3)


def test_several_files_are_linted_and_an_error_in_one_is_exit_five(
    old: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(OLD + "extra: 1\n", "utf-8")
    result = run(str(old), str(broken))
    assert result.exit_code == 5
    assert f"{broken}: 1 error, 3 warnings, 3 notes" in result.stderr


def test_a_diff_shows_what_a_fix_would_do_without_secrets_and_writes_nothing(old: Path) -> None:
    result = run(str(old), "--diff", "--target-version", "0.161.0")
    assert "-  hostmetrics:   # once a minute" in result.stdout
    assert "+  host_metrics:   # once a minute" in result.stdout
    assert "hunter2" not in result.output
    assert old.read_text("utf-8") == OLD


def test_a_fix_rewrites_what_is_safe_and_keeps_the_rest_and_the_mode(old: Path) -> None:
    link = old.with_name("link.yaml")
    link.symlink_to(old)
    result = run(str(link), "--fix", "--target", "phoenix-otelcol")
    assert result.exit_code == 0
    assert old.read_text("utf-8") == NEW
    assert old.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert "fixed" in result.stderr
    assert [path.name for path in sorted(old.parent.iterdir())] == ["link.yaml", "old.yaml"]


def test_what_is_fixed_is_accepted_by_the_collector(old: Path, collector: CollectorBinary) -> None:
    run(str(old), "--fix", "--target", "phoenix-otelcol")
    text = old.read_text("utf-8")
    assert asyncio.run(validate_configuration(collector, text, place="old.yaml")) == []


def test_a_file_without_an_end_of_line_has_a_diff_too(old: Path) -> None:
    old.write_text(OLD.rstrip("\n"), "utf-8")
    result = run(str(old), "--diff", "--target", "phoenix-otelcol")
    assert result.stdout.splitlines()[-3:].count("+      exporters: [otlp_http]") == 0
    assert "+      exporters: [otlp_http]" in result.stdout.splitlines()


def test_the_catalog_is_linted_and_not_rewritten() -> None:
    assert run("process-priority-v1", "--strict").exit_code == 0
    assert isinstance(run("process-priority-v1", "--fix").exception, InvalidInputError)


def test_what_is_not_there_and_what_is_no_version_is_said(old: Path) -> None:
    assert isinstance(run("gone.yaml").exception, NotFoundError)
    assert isinstance(run(str(old), "--target", "mine").exception, InvalidInputError)
    assert isinstance(run(str(old), "--target-version", "new").exception, InvalidInputError)


def test_our_own_table_is_that_of_the_collectors_manifest() -> None:
    manifest = Path(__file__).parents[3] / "collector" / "manifest.yaml"
    root = read_document(manifest.read_text("utf-8"), name="manifest").root
    ours = get_distribution("phoenix-otelcol")
    assert isinstance(root, Mapping)
    for kind in Kind:
        section = root[kind.section]
        assert isinstance(section, tuple)
        lines = [one["gomod"] for one in section if isinstance(one, Mapping)]
        modules = [str(line).split()[0].rpartition("/")[2] for line in lines]
        types = {compact(module.removesuffix(kind.value)) for module in modules}
        assert types == set(ours.changes[kind])
