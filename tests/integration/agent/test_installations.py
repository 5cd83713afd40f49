"""Installing a ready collector: whole and checked, or not at all."""

import gzip
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from phoenix_platform.agent.binaries import BinarySource, find_collector
from phoenix_platform.agent.installations import install_collector
from phoenix_platform.agent.settings import AgentSettings
from phoenix_platform.core.errors import InvalidInputError, NotFoundError, UnavailableError

PROGRAM = b"""#!/bin/sh
case $1 in --version) echo otelcol-x version 1.2.3;; *) echo 'receivers: [{name: otlp}]';; esac
"""


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        pass


@pytest.fixture
def settings(tmp_path: Path) -> AgentSettings:
    return AgentSettings(collector=None, data_directory=tmp_path / "data")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A web server on loopback with the files of the test's folder."""
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def a_file(path: Path, content: bytes = PROGRAM) -> tuple[Path, str]:
    """A file, and its hash."""
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def an_archive(**members: bytes) -> bytes:
    """A tar.gz as upstream releases ship."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def what_lies_in(settings: AgentSettings) -> list[str]:
    folder = settings.installed_collector.parent
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PROGRAM, id="binary"),
        pytest.param(gzip.compress(PROGRAM), id="gzip"),
        pytest.param(
            an_archive(**{"LICENSE": b"x", "README.md": b"x", "otelcol-contrib": PROGRAM}),
            id="release",
        ),
    ],
)
def test_what_is_installed_is_found_from_then_on(
    tmp_path: Path, settings: AgentSettings, content: bytes
) -> None:
    path, digest = a_file(tmp_path / "download", content)
    binary = install_collector(str(path), sha256=digest.upper(), settings=settings)
    assert (binary.source, binary.version) == (BinarySource.INSTALLED, "1.2.3")
    assert find_collector(None, settings) == binary
    assert settings.installed_collector.stat().st_mode & 0o777 == 0o755
    assert what_lies_in(settings) == ["otelcol"]


def test_a_url_on_loopback_is_fetched(tmp_path: Path, settings: AgentSettings, site: str) -> None:
    _, digest = a_file(tmp_path / "otelcol")
    assert install_collector(f"{site}/otelcol", sha256=digest, settings=settings).version == "1.2.3"


def test_another_hash_installs_nothing_and_keeps_the_old_one(
    tmp_path: Path, settings: AgentSettings
) -> None:
    path, digest = a_file(tmp_path / "download")
    install_collector(str(path), sha256=digest, settings=settings)
    with pytest.raises(InvalidInputError, match=rf"^sha256: .* has {digest}, not 0000"):
        install_collector(str(path), sha256="0" * 64, settings=settings)
    assert what_lies_in(settings) == ["otelcol"]


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        pytest.param(b"GIF89a", UnavailableError, "does not run here", id="no-program"),
        pytest.param(
            an_archive(readme=b"x"),
            InvalidInputError,
            "no otelcol.* program in the archive; there is readme",
            id="none",
        ),
        pytest.param(
            gzip.compress(PROGRAM)[:-9], InvalidInputError, "damaged archive", id="cut-off"
        ),
    ],
)
def test_what_does_not_work_is_not_installed(
    tmp_path: Path, settings: AgentSettings, content: bytes, error: type[Exception], words: str
) -> None:
    path, digest = a_file(tmp_path / "download", content)
    with pytest.raises(error, match=words):
        install_collector(str(path), sha256=digest, settings=settings)
    assert what_lies_in(settings) == []


@pytest.mark.parametrize(
    "url", ["http://example.com/otelcol", "ftp://localhost/otelcol", "http://localhost.evil/x"]
)
def test_an_insecure_url_is_refused(settings: AgentSettings, url: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^from: .* is not https"):
        install_collector(url, sha256="0" * 64, settings=settings)


def test_what_is_not_there_is_named(tmp_path: Path, settings: AgentSettings, site: str) -> None:
    with pytest.raises(NotFoundError, match=r"^from: no such file"):
        install_collector(str(tmp_path / "missing"), sha256="0" * 64, settings=settings)
    with pytest.raises(NotFoundError, match=r"^from: nothing at .*404"):
        install_collector(f"{site}/missing", sha256="0" * 64, settings=settings)
    with pytest.raises(UnavailableError, match=r"^from: .* cannot be fetched"):
        install_collector("http://localhost:1/otelcol", sha256="0" * 64, settings=settings)


def test_a_malformed_hash_is_refused(settings: AgentSettings) -> None:
    with pytest.raises(InvalidInputError, match=r"^sha256: not 64 hexadecimal digits: 'abc'"):
        install_collector("x", sha256="abc", settings=settings)


def test_a_file_too_large_for_a_collector_is_refused(
    tmp_path: Path, settings: AgentSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phoenix_platform.agent.installations._MAX_BYTES", 10)
    path, digest = a_file(tmp_path / "download")
    with pytest.raises(InvalidInputError, match="larger than 10 bytes"):
        install_collector(str(path), sha256=digest, settings=settings)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    blocked, digest = a_file(tmp_path / "file")
    settings = AgentSettings(data_directory=blocked)
    with pytest.raises(UnavailableError, match="cannot install there"):
        install_collector(str(blocked), sha256=digest, settings=settings)
