"""Whether a collector really runs with a configuration: its own `validate`, then a real start.

`validate` alone builds the pipelines and opens nothing: a missing certificate or a folder that is
not there shows only at the start. So what it accepts is started for a moment, with exporters replaced
and ports moved (`rehearsals`). Called by `phoenix collector validate` and before a configuration is tried.
"""

import asyncio
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.ports import endless_ports
from phoenix_platform.core.errors import InvalidInputError, UnavailableError
from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import parse_configuration
from phoenix_platform.pipelines.documents import Document, Value, read_document
from phoenix_platform.pipelines.documents import Path as KeyPath
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.rehearsals import plan_rehearsal
from phoenix_platform.pipelines.secrets import MASK, is_secret_key

_VALIDATE_SECONDS: Final = 20.0
_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 10.0
_LAST_LINES: Final = 40
_LONGEST_LINE: Final = 1024 * 1024

_READY: Final = "Everything is ready"
"""What every collector since 2020 logs once all its components have started. Its own metrics answer before."""

_LOG_LINE: Final = re.compile(r"\d{4}-\d\d-\d\dT\S+\t")
_SECTIONS: Final = "|".join(kind.section for kind in Kind)
_KEY_PATH: Final = re.compile(rf"\b(?P<path>(?:{_SECTIONS}|service)(?:::[^\s:]+)+)")
_QUOTED_THEN_KIND: Final = re.compile(
    r'"(?P<id>[^"]+)" (?P<kind>receiver|processor|exporter|connector|extension)\b'
)
_UNKNOWN_TYPE: Final = re.compile(
    rf"'(?P<section>{_SECTIONS})' unknown type: .* for id: \"(?P<id>[^\"]+)\""
)
_READING: Final = re.compile(
    rf"'(?P<section>{_SECTIONS})' error reading configuration for \"(?P<id>[^\"]+)\""
)
_INVALID_KEY: Final = re.compile(r"has invalid keys: (?P<key>[^\s,]+)")
_REFERENCE: Final = re.compile(
    r'references (?:receiver|processor|exporter|connector|extension) "(?P<id>[^"]+)"'
)

_SHORTEST_SECRET: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One reason why the collector would not run with a configuration."""

    place: str
    """`file:line:column`, or the file where the collector does not say more."""
    component: str | None
    """Its id; None where the fault is not in one component."""
    message: str
    """The collector's own words, secrets masked; ours only where we read what it does not."""


async def validate_configuration(
    binary: CollectorBinary, text: str, *, place: str, environment: Mapping[str, str] | None = None
) -> list[Finding]:
    """What keeps this binary from running with this configuration; empty if it was seen running.

    Args:
        binary: The collector that is to run it.
        text: The configuration.
        place: What findings call it: the file's path.
        environment: What the collector finds in its environment; None for ours.

    Raises:
        UnavailableError: If the binary itself does not work.
    """
    with tempfile.TemporaryDirectory(prefix="phoenix-validate-") as name:
        folder = Path(name)
        file = folder / "config.yaml"
        file.write_text(text, encoding="utf-8")
        check = _Check(binary, text, place, environment)
        words = await check.validate(file)
        if words is not None:
            return check.findings(words)
        try:
            configuration = parse_configuration(text, name=place)
        except InvalidInputError as error:
            at, _, reason = str(error).partition(": ")
            return [Finding(place=at, component=None, message=reason)]
        rehearsal = plan_rehearsal(
            configuration,
            next_port=endless_ports().__next__,
            folder=str(folder / "extensions"),
            target=binary.target,
        )
        for own in rehearsal.folders:
            Path(own).mkdir(parents=True)  # noqa: ASYNC240 - a folder takes microseconds
        file.write_text(write_document(rehearsal.config), encoding="utf-8")
        words = await check.start(file)
        return [] if words is None else check.findings(words)


@dataclass(frozen=True, slots=True)
class _Check:
    binary: CollectorBinary
    text: str
    place: str
    environment: Mapping[str, str] | None

    async def validate(self, file: Path) -> str | None:
        """The words of its refusal; None if it accepts."""
        process = await self._run("validate", "--config", str(file))
        try:
            async with asyncio.timeout(_VALIDATE_SECONDS):
                _, errors = await process.communicate()
        except TimeoutError as error:
            raise UnavailableError(
                f"{self.binary.path} validate: no answer after {_VALIDATE_SECONDS:g} s"
            ) from error
        finally:
            await _end(process)
        return _refusal_in(errors.decode("utf-8", "replace")) if process.returncode else None

    async def start(self, file: Path) -> str | None:
        """Start it, wait until it is ready, stop it. The words of its refusal; None if it was ready."""
        process = await self._run("--config", str(file))
        lines: list[str] = []
        try:
            async with asyncio.timeout(_START_SECONDS):
                if await _is_ready(process, lines):
                    return None
        except TimeoutError:
            return f"not ready {_START_SECONDS:g} s after its start; its last line: {(lines or [''])[-1]}"
        finally:
            await _end(process)
        return _refusal_in("\n".join(lines))

    async def _run(self, *arguments: str) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                self.binary.path, *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                limit=_LONGEST_LINE,
                env=self.environment,
            )  # fmt: skip
        except OSError as error:
            raise UnavailableError(f"{self.binary.path}: does not run: {error.strerror}") from error

    def findings(self, words: str) -> list[Finding]:
        """One per fault. Settings that fail their own check are all named at once, a line each."""
        document, place = _document_of(self.text, self.place)
        masked = _masked(words, document, self.environment or {})
        lines = masked.splitlines()
        if len(lines) > 1 and all(_KEY_PATH.match(line) for line in lines):
            return [_finding(line, document, place) for line in lines]
        return [_finding(masked, document, place)]


async def _is_ready(process: asyncio.subprocess.Process, lines: list[str]) -> bool:
    """Read its log until it is ready (True) or ends (False)."""
    assert process.stderr is not None
    async for raw in process.stderr:
        line = raw.decode("utf-8", "replace").rstrip()
        if _READY in line:
            return True
        lines.append(line)
        del lines[:-_LAST_LINES]
    return False


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.communicate()  # reads on, or a full pipe would keep it from ending
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def _refusal_in(log: str) -> str:
    """From the last `Error:` line to the end, without that word and without log lines."""
    lines = [line for line in log.splitlines() if line.strip() and not _LOG_LINE.match(line)]
    starts = [index for index, line in enumerate(lines) if line.startswith("Error: ")]
    if starts:
        return "\n".join(lines[starts[-1] :]).removeprefix("Error: ")
    return lines[-1] if lines else "it ended without a word"


def _finding(words: str, document: Document | None, fallback: str) -> Finding:
    path = _path_in(words, document)
    component = str(path[1]) if len(path) > 1 and path[0] in _SECTIONS.split("|") else None
    if component is None and (reference := _REFERENCE.search(words)):
        component = reference["id"]
    at = document.place(path) if document is not None and path else fallback
    return Finding(place=at, component=component, message=words)


def _path_in(words: str, document: Document | None) -> KeyPath:
    """Where in the configuration the words point to; as much of it as is written there."""
    found = _READING.search(words) or _UNKNOWN_TYPE.search(words)
    if found:
        return _with_invalid_key(words, (found["section"], found["id"]), document)
    found = _KEY_PATH.search(words)
    if found:
        return tuple(found["path"].rstrip(":").split("::"))
    found = _QUOTED_THEN_KIND.search(words)
    if found:
        return (f"{found['kind']}s", found["id"])
    return _with_invalid_key(words, (), document)


def _with_invalid_key(words: str, path: KeyPath, document: Document | None) -> KeyPath:
    """The first key of that name below the component, if the words name one."""
    invalid = _INVALID_KEY.search(words)
    if invalid is None or document is None:
        return path
    below = (mark for mark in document.marks if mark[: len(path)] == path and mark != path)
    return next((mark for mark in below if mark[-1] == invalid["key"]), path)


def _document_of(text: str, place: str) -> tuple[Document | None, str]:
    """The document; and the place to name where nothing more is known: of the fault if it is no YAML."""
    try:
        return read_document(text, name=place), place
    except InvalidInputError as error:
        return None, str(error).partition(": ")[0]


def _masked(words: str, document: Document | None, environment: Mapping[str, str]) -> str:
    """The words without values that stand under a telling key, in the file or in the environment."""
    secrets = {value for name, value in environment.items() if is_secret_key(name)}
    if document is not None:
        secrets |= set(_secrets_in(document.root, is_secret=False))
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            words = words.replace(secret, MASK)
    return words


def _secrets_in(value: Value, *, is_secret: bool) -> Iterator[str]:
    match value:
        case Mapping():
            for key, member in value.items():
                yield from _secrets_in(member, is_secret=is_secret or is_secret_key(key))
        case tuple():
            for member in value:
                yield from _secrets_in(member, is_secret=is_secret)
        case str() if is_secret:
            yield value
        case _:
            return
