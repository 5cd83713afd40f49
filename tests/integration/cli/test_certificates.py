"""`phoenix certificate`: made from a record, shown, verified, and refused where it is not whole."""

import json
from pathlib import Path

import pytest
from tests.unit.analysis.certified import a_record
from typer.testing import CliRunner, Result

from phoenix_platform.__main__ import build_app
from phoenix_platform.cli.trial.command import _certify
from phoenix_platform.cli.trial.record import write_whole
from phoenix_platform.core.errors import InvalidInputError, NotFoundError, UnavailableError


def run(*arguments: str) -> Result:
    return CliRunner().invoke(build_app(arguments), arguments)


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of the tests' own."""
    monkeypatch.setenv("PHOENIX_DATA_DIRECTORY", str(tmp_path / "data"))


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "trial.json"
    write_whole(path, a_record())
    return path


@pytest.fixture
def certificate(record: Path) -> Path:
    result = run("certificate", "make", str(record))
    assert result.exit_code == 0
    return Path(result.stdout.strip())


def public_key() -> str:
    views = json.loads(run("key", "show", "--output", "json").stdout)
    key: str = next(view["public_key"] for view in views if view["signs"])
    return key


def test_it_lies_beside_the_record(record: Path, certificate: Path) -> None:
    assert certificate == record.with_name("trial.certificate.json")
    other = record.with_name("other.json")
    assert run("certificate", "make", str(record), "--to", str(other)).exit_code == 0
    assert other.read_bytes() == certificate.read_bytes()


def test_a_whole_certificate_is_verified(certificate: Path) -> None:
    result = run("certificate", "verify", str(certificate))
    assert result.exit_code == 0
    assert result.stdout.startswith(
        "verified: promote, reached again from the samples; signed by a"
    )
    facts = json.loads(run("certificate", "verify", str(certificate), "-o", "json").stdout)
    assert (facts["verified"], facts["verdict"], facts["key_is_yours"]) == (True, "promote", True)
    assert (facts["alterations"], facts["reasons"]) == ([], [])


def test_it_is_shown_without_being_verified(certificate: Path) -> None:
    result = run("certificate", "show", str(certificate))
    assert "promote" in result.stdout
    assert "not verified; run: phoenix certificate verify" in result.stderr
    facts = json.loads(run("certificate", "show", str(certificate), "-o", "json").stdout)
    assert (facts["verdict"], facts["candidate"]) == ("promote", "new")
    assert facts["public_key"] == public_key()


def test_an_altered_one_is_refused_by_its_section_and_the_true_verdict(certificate: Path) -> None:
    content = certificate.read_bytes()
    certificate.write_bytes(content.replace(b'"verdict":"promote"', b'"verdict":"abort"'))
    result = run("certificate", "verify", str(certificate), "-o", "json")
    assert isinstance(result.exception, InvalidInputError)
    assert str(result.exception).endswith(
        "record.judgement: it is not what was signed. The samples say promote"
    )
    facts = json.loads(result.stdout)
    assert (facts["verified"], facts["verdict"]) == (False, "promote")
    assert facts["recorded_verdict"] == "abort"
    assert [one["section"] for one in facts["alterations"]] == ["record.judgement"]


def test_after_a_rotation_it_is_still_known(certificate: Path) -> None:
    assert run("key", "rotate").exit_code == 0
    assert run("certificate", "verify", str(certificate)).exit_code == 0


def test_a_key_that_is_not_ones_own_must_be_given(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = public_key()
    monkeypatch.setenv("PHOENIX_DATA_DIRECTORY", str(tmp_path / "somebody-else"))
    unknown = run("certificate", "verify", str(certificate))
    assert isinstance(unknown.exception, InvalidInputError)
    assert "is none of yours" in str(unknown.exception)
    assert "--key" in str(unknown.exception)
    given = run("certificate", "verify", str(certificate), "--key", key)
    assert given.exit_code == 0
    assert "signed by the key asked for" in given.stdout
    file = tmp_path / "their.key"
    file.write_text(f"{key}\n")
    assert run("certificate", "verify", str(certificate), "--key", str(file)).exit_code == 0


def test_another_key_than_the_one_asked_for_is_refused(certificate: Path) -> None:
    result = run("certificate", "verify", str(certificate), "--key", "ab" * 32)
    assert isinstance(result.exception, InvalidInputError)
    assert "as asked for" in str(result.exception)


@pytest.mark.parametrize(
    ("key", "error"),
    [
        pytest.param("nowhere.key", NotFoundError, id="no-file"),
        pytest.param("zz" * 32, InvalidInputError, id="no-hex"),
        pytest.param(__file__, InvalidInputError, id="another-file"),
    ],
)
def test_what_is_no_key_is_refused(certificate: Path, key: str, error: type[Exception]) -> None:
    result = run("certificate", "verify", str(certificate), "--key", key)
    assert isinstance(result.exception, error)
    assert str(result.exception).startswith("--key: ")


def test_what_is_no_certificate_is_refused(tmp_path: Path, record: Path) -> None:
    missing = run("certificate", "verify", str(tmp_path / "nothing.json"))
    assert isinstance(missing.exception, NotFoundError)
    assert isinstance(run("certificate", "show", str(tmp_path)).exception, InvalidInputError)
    assert isinstance(run("certificate", "show", str(record)).exception, InvalidInputError)
    assert isinstance(run("certificate", "verify", str(record)).exception, InvalidInputError)


def test_a_record_without_a_verdict_or_a_place_to_write_is_refused(record: Path) -> None:
    result = run("certificate", "make", str(record), "--to", f"{record}/certificate.json")
    assert isinstance(result.exception, UnavailableError)
    assert str(result.exception).startswith("certificate: cannot write ")
    write_whole(record, a_record(judgement=None))
    assert isinstance(run("certificate", "make", str(record)).exception, InvalidInputError)


def test_the_end_of_a_trial_leaves_a_certificate_or_says_why_not(
    record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate = _certify(record)
    assert certificate == record.with_name("trial.certificate.json")
    write_whole(record, a_record(judgement=None))
    assert _certify(record) is None
    assert capsys.readouterr().err.startswith("no certificate: judgement: the record has none")
