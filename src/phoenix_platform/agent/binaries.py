"""Collector binaries on this host: which one to use, and what it can do.

Asked by `phoenix trial`, `phoenix collector` and `phoenix doctor`. The binary is run (`--version`,
`components`), so what is said about it is what it says itself.
"""

import hashlib
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from phoenix_platform.agent.settings import AgentSettings
from phoenix_platform.core.errors import InvalidInputError, NotFoundError, UnavailableError
from phoenix_platform.pipelines.components import Kind, Target, canonical_type
from phoenix_platform.pipelines.documents import read_document, thawed

NAMES_ON_PATH: Final = ("phoenix-otelcol", "otelcol-contrib")

_ASK_SECONDS: Final = 20.0
"""For one answer. Half a second is usual; a cold disk and a busy host may take ten."""
_VERSION: Final = re.compile(r"(?P<name>\S+) version (?P<version>\d\S*)\s*")
_BUILD_ID: Final = re.compile(r"\+(?P<id>[0-9a-f]{12})$")
_UPSTREAM: Final = (
    "go.opentelemetry.io/collector/",
    "github.com/open-telemetry/opentelemetry-collector-contrib/",
)
HOW_TO_GET_ONE: Final = (
    "build ours with `make collector`, take a ready one with `phoenix collector install --from FILE|URL "
    "--sha256 HEX`, or name one with --collector PATH or PHOENIX_COLLECTOR"
)


class BinarySource(StrEnum):
    """Why this binary and no other, in the order of precedence."""

    NAMED = "--collector"
    ENVIRONMENT = "PHOENIX_COLLECTOR"
    INSTALLED = "phoenix collector install"
    BUILT = "make collector"
    PATH = "PATH"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorBinary:
    """A collector that runs on this host, as it describes itself."""

    path: Path
    source: BinarySource
    distribution: str
    """The name it gives itself: phoenix-otelcol, otelcol-contrib, ..."""
    version: str
    """The distribution's version."""
    upstream_version: str | None
    """The OpenTelemetry Collector release it is made of; None if its components do not say."""
    build_id: str | None
    """First 12 digits of the hash of everything it was built from; None for a binary that is not ours."""
    sha256: str
    """Of the file, 64 hexadecimal digits."""
    components: Mapping[Kind, frozenset[str]]
    """Type names by kind, as it prints them."""

    @property
    def target(self) -> Target:
        """What configurations written for it may use."""
        return Target.of_components(self.components)


def find_collector(named: Path | None, settings: AgentSettings) -> CollectorBinary:
    """The binary to use: the first that is there, in the order of `BinarySource`.

    Raises:
        NotFoundError: If there is none, or one that was named explicitly does not exist.
        UnavailableError: If the first one does not run.
    """
    for source, path in _candidates(named, settings):
        if path.exists():
            return inspect(path, source=source)
        if source in (BinarySource.NAMED, BinarySource.ENVIRONMENT):
            raise NotFoundError(f"{source}: {path} does not exist; {HOW_TO_GET_ONE}")
    raise NotFoundError(f"no collector on this host; {HOW_TO_GET_ONE}")


def _candidates(named: Path | None, settings: AgentSettings) -> Iterator[tuple[BinarySource, Path]]:
    if named is not None:
        yield BinarySource.NAMED, named.expanduser()
    if settings.collector is not None:
        yield BinarySource.ENVIRONMENT, settings.collector.expanduser()
    yield BinarySource.INSTALLED, settings.installed_collector
    yield BinarySource.BUILT, settings.built_collector
    for name in NAMES_ON_PATH:
        found = shutil.which(name)
        if found:
            yield BinarySource.PATH, Path(found)


def inspect(path: Path, *, source: BinarySource = BinarySource.NAMED) -> CollectorBinary:
    """Run the binary's `--version` and `components`; about 0.2 s.

    Raises:
        UnavailableError: If it does not run, does not answer, or is no OpenTelemetry Collector.
    """
    path = path.resolve()  # a later build moves the link, not the file
    match = _VERSION.fullmatch(_answer(path, "--version"))
    if match is None:
        raise UnavailableError(f"{path}: no OpenTelemetry Collector: --version names no version")
    listing = _listing_of(path)
    build = _BUILD_ID.search(match["version"])
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return CollectorBinary(
        path=path,
        source=source,
        distribution=match["name"],
        version=match["version"],
        upstream_version=_upstream_version_of(chain.from_iterable(listing.values())),
        build_id=build["id"] if build else None,
        sha256=digest,
        components={
            kind: frozenset(entry.name for entry in entries) for kind, entries in listing.items()
        },
    )


def missing_components(
    binary: CollectorBinary, needed: Mapping[Kind, Iterable[str]]
) -> Mapping[Kind, tuple[str, ...]]:
    """The needed types that the binary lacks under either of their names; kinds without are left out."""
    target = binary.target
    missing = {
        kind: tuple(
            sorted({canonical_type(kind, type_) for type_ in types if not target.has(kind, type_)})
        )
        for kind, types in needed.items()
    }
    return {kind: types for kind, types in missing.items() if types}


def _answer(path: Path, argument: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - running the user's collector is the purpose
            [path, argument],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(
            f"{path} {argument}: no answer after {_ASK_SECONDS:.0f} s"
        ) from error
    except PermissionError as error:
        raise UnavailableError(f"{path}: not executable; chmod +x {path}") from error
    except OSError as error:
        raise UnavailableError(
            f"{path}: does not run here ({error.strerror}); is it for another system or processor?"
        ) from error
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no word of why"]
        raise UnavailableError(f"{path} {argument}: exit code {done.returncode}: {words[-1]}")
    return done.stdout.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    module: str = ""
    """`path vX.Y.Z`."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """What `components` prints, as far as we read it; a section may be missing or empty."""

    receivers: tuple[_Entry, ...] | None = None
    processors: tuple[_Entry, ...] | None = None
    exporters: tuple[_Entry, ...] | None = None
    connectors: tuple[_Entry, ...] | None = None
    extensions: tuple[_Entry, ...] | None = None

    def by_kind(self) -> dict[Kind, tuple[_Entry, ...]]:
        return {
            Kind.RECEIVER: self.receivers or (),
            Kind.PROCESSOR: self.processors or (),
            Kind.EXPORTER: self.exporters or (),
            Kind.CONNECTOR: self.connectors or (),
            Kind.EXTENSION: self.extensions or (),
        }


def _listing_of(path: Path) -> dict[Kind, tuple[_Entry, ...]]:
    name = f"{path} components"
    try:
        root = thawed(read_document(_answer(path, "components"), name=name).root)
        return msgspec.convert(root, type=_Listing).by_kind()
    except (InvalidInputError, msgspec.ValidationError) as error:
        raise UnavailableError(f"{name}: not what a collector prints: {error}") from error


def _upstream_version_of(entries: Iterable[_Entry]) -> str | None:
    """The release most upstream modules are of; a few may be older or stable ones (v1)."""
    versions = Counter(
        version
        for module, _, version in (entry.module.rpartition(" v") for entry in entries)
        if module.startswith(_UPSTREAM) and version.startswith("0.")
    )
    return versions.most_common(1)[0][0] if versions else None
