"""`phoenix report`: from a record or a certificate to a file, whole or not at all."""

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.analysis.runs import run
from tests.unit.cli.report_subjects import a_record
from typer.testing import CliRunner

from phoenix_platform.__main__ import build_app
from phoenix_platform.analysis.certificates import make_certificate
from phoenix_platform.cli.reports.files import default_path, write_report
from phoenix_platform.core.errors import InvalidInputError, NotFoundError


class Key:
    """A signer for the length of a test."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, content: bytes) -> bytes:
        return self._key.sign(content)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "my trial.json"
    path.write_bytes(msgspec.json.encode(a_record(run(200))))
    return path


def test_the_report_lies_beside_its_record(record: Path) -> None:
    arguments = ["report", str(record)]
    result = CliRunner().invoke(build_app(arguments), arguments)
    page = record.with_suffix(".html").read_text(encoding="utf-8")
    assert result.exit_code == 0
    assert "Yes, for a first stage." in page
    assert "phoenix record verify &#39;my trial.json&#39;" in page
    assert str(record.parent) not in page


def test_the_report_goes_where_it_is_asked_to(record: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "out.html"
    arguments = ["report", str(record), "--to", str(target)]
    assert CliRunner().invoke(build_app(arguments), arguments).exit_code == 0
    assert target.is_file()
    assert list(target.parent.iterdir()) == [target]


def test_a_certificate_has_the_same_report_with_its_own_command(record: Path) -> None:
    certificate = record.with_name("trial.certificate.json")
    certificate.write_bytes(make_certificate(msgspec.json.decode(record.read_bytes()), Key()))
    write_report(certificate, default_path(certificate))
    page = certificate.with_suffix(".html").read_text(encoding="utf-8")
    assert "Yes, for a first stage." in page
    assert "phoenix certificate verify trial.certificate.json" in page


def test_a_record_is_never_written_over(record: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"^--to: .* is the record itself"):
        write_report(record, record)
    assert default_path(Path("a.html")) == Path("a.html.html")


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        write_report(tmp_path / "none.json", tmp_path / "out.html")


def test_a_target_that_cannot_be_written_is_named(record: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(InvalidInputError, match=r"^--to: cannot write .*folder: .*directory"):
        write_report(record, folder)
    assert sorted(tmp_path.iterdir()) == [folder, record]
