"""A ready collector put in place for machines without Go: fetched, checked, tried, then switched to.

`phoenix collector install` calls it. Nothing is half-written: the old one stays until the new one has
answered.
"""

import gzip
import hashlib
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import IO, Final

import httpx

from phoenix_platform.agent.binaries import BinarySource, CollectorBinary, inspect
from phoenix_platform.agent.settings import AgentSettings
from phoenix_platform.core.errors import InvalidInputError, NotFoundError, UnavailableError

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MAX_BYTES: Final = 1024**3
"""The largest upstream distribution is about 400 MB; more is a wrong file."""
_BLOCK_BYTES: Final = 1024 * 1024
_SECONDS_WITHOUT_A_BYTE: Final = 30.0
_PROGRAM_PATTERN: Final = re.compile(r"(?:.*/)?(?:phoenix-)?otelcol[\w.-]*")


def install_collector(source: str, *, sha256: str, settings: AgentSettings) -> CollectorBinary:
    """Install from a file or a URL: the binary itself, gzipped or not, or a release's tar.gz.

    Args:
        source: Path, `https://` URL, or `http://` URL on loopback.
        sha256: Of the file as it is fetched; the only thing that says it is the right one.
        settings: Where it goes.

    Raises:
        InvalidInputError: If the hash is malformed or differs, the URL is not https, or there is
            no collector in the archive.
        NotFoundError: If the source does not exist.
        UnavailableError: If it cannot be fetched, or does not run here.
    """
    expected = sha256.strip().lower()
    if not _SHA256.fullmatch(expected):
        raise InvalidInputError(f"sha256: not 64 hexadecimal digits: {sha256!r}")
    place = settings.installed_collector
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".install-", dir=place.parent) as name:
            return _install(source, expected, Path(name), place)
    except OSError as error:
        raise UnavailableError(f"{place.parent}: cannot install there: {error}") from error


def _install(source: str, expected: str, folder: Path, place: Path) -> CollectorBinary:
    fetched = folder / "fetched"
    with _opened(source) as blocks:
        digest = _write(fetched, blocks, what=source)
    if digest != expected:
        raise InvalidInputError(
            f"sha256: {source} has {digest}, not {expected}; nothing was installed"
        )
    program = folder / "otelcol"
    try:
        _unpack(fetched, program, what=source)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise InvalidInputError(f"from: {source} is a damaged archive: {error}") from error
    program.chmod(0o755)
    binary = inspect(program)
    program.replace(place)
    return replace(binary, path=place, source=BinarySource.INSTALLED)


@contextmanager
def _opened(source: str) -> Generator[Iterator[bytes]]:
    if "://" not in source:
        try:
            with Path(source).expanduser().open("rb") as file:
                yield _blocks_of(file)
        except FileNotFoundError as error:
            raise NotFoundError(f"from: no such file: {source}") from error
        return
    _refuse_insecure(httpx.URL(source))
    try:
        with (
            httpx.Client(follow_redirects=True, timeout=_SECONDS_WITHOUT_A_BYTE) as client,
            client.stream("GET", source) as response,
        ):
            for hop in (*response.history, response):
                _refuse_insecure(hop.url)
            if response.status_code == HTTPStatus.NOT_FOUND:
                raise NotFoundError(f"from: nothing at {source} (404)")
            response.raise_for_status()
            yield response.iter_raw(_BLOCK_BYTES)
    except httpx.HTTPError as error:
        raise UnavailableError(f"from: {source} cannot be fetched: {error}") from error


def _refuse_insecure(url: httpx.URL) -> None:
    if url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.host)):
        return
    raise InvalidInputError(
        f"from: {url} is not https; use an https URL, or fetch it and give the file"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _blocks_of(file: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    return iter(lambda: file.read(_BLOCK_BYTES), b"")


def _write(path: Path, blocks: Iterator[bytes], *, what: str) -> str:
    """Write the blocks; returns their SHA-256."""
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for block in blocks:
            size += len(block)
            if size > _MAX_BYTES:
                raise InvalidInputError(
                    f"{what}: larger than {_MAX_BYTES} bytes; is it a collector?"
                )
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def _unpack(fetched: Path, program: Path, *, what: str) -> None:
    """The collector in it: itself, or in an archive. Only that one file is taken out, under our name."""
    if tarfile.is_tarfile(fetched):
        with tarfile.open(fetched) as archive:
            for member in archive:
                if member.isfile() and _PROGRAM_PATTERN.fullmatch(member.name):
                    file = archive.extractfile(member)
                    assert file is not None
                    _write(program, _blocks_of(file), what=what)
                    return
            names = ", ".join(archive.getnames()[:5]) or "nothing"
        raise InvalidInputError(f"{what}: no otelcol* program in the archive; there is {names}")
    with fetched.open("rb") as file:
        is_gzipped = file.read(2) == b"\x1f\x8b"
    if is_gzipped:
        with gzip.open(fetched) as compressed:
            _write(program, _blocks_of(compressed), what=what)
    else:
        shutil.move(fetched, program)
