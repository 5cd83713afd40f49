import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.analysis.runs import AT_END
from tests.unit.cli.snapshots import PLAN, a_final_judgement, a_run
from typer.testing import CliRunner, Result

from phoenix_platform.__main__ import PARTS, build_app
from phoenix_platform.analysis.records import FORMAT
from phoenix_platform.cli.trial.record import write_whole
from phoenix_platform.core.errors import InvalidInputError, NotFoundError, UnavailableError
from phoenix_platform.metering.sample_columns import columns_of


def run(*arguments: str) -> Result:
    return CliRunner().invoke(build_app(arguments), arguments)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    samples = a_run(130)
    document = {
        "format": FORMAT,
        "id": "x",
        "plan": PLAN,
        "conditions": AT_END,
        "variants": {"baseline": {"name": "old"}, "candidate": {"name": "new"}},
        "samples": columns_of(samples),
        "judgement": a_final_judgement(samples),
    }
    path = tmp_path / "deep" / "record.json"
    write_whole(path, document)
    return path


def test_a_record_is_shown_as_a_table_and_as_json(record: Path) -> None:
    table = run("record", "show", str(record))
    assert "promote" in table.stdout
    assert "no data" in table.stdout  # it has no start
    facts = json.loads(run("record", "show", str(record), "--output", "json").stdout)
    assert (facts["verdict"], facts["candidate"], facts["intervals"]) == ("promote", "new", 100)


def test_a_whole_record_is_verified(record: Path) -> None:
    assert run("record", "verify", str(record)).stdout.startswith("verified: promote")
    answer = json.loads(run("record", "verify", str(record), "-o", "json").stdout)
    assert answer == {"verified": True, "verdict": "promote", "differences": []}


def test_a_changed_record_is_refused_and_says_where(record: Path) -> None:
    document: dict[str, Any] = msgspec.json.decode(record.read_bytes())
    document["samples"]["series"][50] += 100
    write_whole(record, document)
    result = run("record", "verify", str(record), "-o", "json")
    assert isinstance(result.exception, InvalidInputError)
    assert not json.loads(result.stdout)["verified"]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        pytest.param(None, NotFoundError, id="missing"),
        pytest.param(b"{", InvalidInputError, id="no-json"),
        pytest.param(b"[]", InvalidInputError, id="no-object"),
        pytest.param(b"{}", InvalidInputError, id="no-record"),
    ],
)
def test_what_is_no_record_is_refused(
    tmp_path: Path, content: bytes | None, error: type[Exception]
) -> None:
    path = tmp_path / "record.json"
    if content is not None:
        path.write_bytes(content)
    assert isinstance(run("record", "show", str(path)).exception, error)
    assert isinstance(run("record", "show", str(tmp_path)).exception, InvalidInputError)


def test_a_record_that_cannot_be_written_leaves_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match=r"^--record: cannot write "):
        write_whole(tmp_path / "file" / "record.json", {})
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnavailableError, match="Is a directory"):
        write_whole(tmp_path / "folder", {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_every_part_of_the_program_can_be_asked_for_help() -> None:
    for name in PARTS:
        assert run(name, "--help").exit_code == 0
    assert run("--help").exit_code == 0


def test_the_version_is_shown() -> None:
    assert run("version").stdout.startswith("phoenix 0.")
    assert set(json.loads(run("version", "--output", "json").stdout)) == {"phoenix", "python"}
