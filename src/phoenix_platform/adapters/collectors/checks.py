"""Asks collector binaries of this machine whether they take a configuration: `ConfigurationChecks` of the ports.

A control plane that has the binary of a host's release finds a bad configuration before it is offered. It asks
`validate`, which builds the pipelines and opens nothing; whether it starts there, only the host can tell.
"""

import asyncio
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from phoenix_platform.core.errors import UnavailableError

_ASK_SECONDS: Final = 30.0
_VERSION: Final = re.compile(r"(\S+) version \S+")
_UPSTREAM: Final = re.compile(
    r"(?:go\.opentelemetry\.io/collector|github\.com/open-telemetry/opentelemetry-collector-contrib)"
    r"/\S+ v(0\.\d+\.\d+)"
)
_ERROR: Final = "Error: "


@dataclass(frozen=True, slots=True)
class KnownBinary:
    path: Path
    distribution: str
    upstream_version: str | None


class CollectorChecks:
    """Binaries that may be asked; each is looked at once, when it is first needed."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._known: tuple[KnownBinary, ...] | None = None

    async def binaries(self) -> tuple[KnownBinary, ...]:
        """What the binaries say of themselves.

        Raises:
            UnavailableError: If one of them does not run.
        """
        if self._known is None:
            self._known = tuple([await _inspect(path) for path in self._paths])
        return self._known

    async def faults(
        self, text: str, *, distribution: str, upstream_version: str | None
    ) -> Sequence[str] | None:
        """What the collector of that distribution and release says against a configuration.

        Raises:
            UnavailableError: If it does not run or does not answer.
        """
        wanted = (distribution, upstream_version)
        for one in await self.binaries():
            if (one.distribution, one.upstream_version) == wanted:
                return await _validate(one.path, text)
        return None


async def _inspect(path: Path) -> KnownBinary:
    _, version, _ = await _ask(path, "--version")
    match = _VERSION.match(version)
    if match is None:
        raise UnavailableError(f"{path}: no OpenTelemetry Collector: --version names no version")
    _, components, _ = await _ask(path, "components")
    releases = Counter(_UPSTREAM.findall(components))
    release = releases.most_common(1)[0][0] if releases else None
    return KnownBinary(path, match[1], release)


async def _validate(path: Path, text: str) -> Sequence[str]:
    with tempfile.TemporaryDirectory(prefix="phoenix-check-") as folder:
        file = Path(folder) / "config.yaml"
        await asyncio.to_thread(file.write_text, text, "utf-8")
        code, _, said = await _ask(path, "validate", f"--config={file}")
    if code == 0:
        return ()
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    first = next((number for number, line in enumerate(lines) if line.startswith(_ERROR)), -1)
    reason = " ".join(lines[first:]).removeprefix(_ERROR)
    return [reason or f"exit code {code} without a word of why"]


async def _ask(path: Path, *arguments: str) -> tuple[int, str, str]:
    try:
        process = await asyncio.create_subprocess_exec(
            path,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={},
        )
    except OSError as error:
        raise UnavailableError(f"{path}: does not run here: {error.strerror}") from error
    try:
        out, err = await asyncio.wait_for(process.communicate(), _ASK_SECONDS)
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise UnavailableError(
            f"{path} {arguments[0]}: no answer after {_ASK_SECONDS:.0f} s"
        ) from error
    assert process.returncode is not None
    return process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
