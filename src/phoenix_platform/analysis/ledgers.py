"""The ledger of the `reduce` processor: which process went where, since when, and because of which rule.

The processor writes a line of JSON per change. `phoenix ledger why` reads them and asks for one name.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

import msgspec

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.patterns import DEFAULT_FIELD, ProcessPattern, parse_pattern
from phoenix_platform.otlp.series import shown

MOST_PLACES: Final = 10_000
"""Processes remembered at once; of more, the ones that changed longest ago are counted only."""
MOST_NAMES: Final = 10_000
"""Other names remembered, to suggest the nearest."""
_LEVEL: Final = "level "

Identity: TypeAlias = tuple[str, str, int, str]
"""Host, name, pid and start of a process."""


class Rank(msgspec.Struct, frozen=True):
    """Where a process stood in one ranking of top-k."""

    k: int
    """How many of it were kept at the level in effect."""
    rank: int | None = None
    """1 for who used most; `None` for one far beyond k, and for one that used nothing."""


class _Line(msgspec.Struct, frozen=True):
    """One entry as the processor writes it (`ledger.go`); what a later one adds is ignored."""

    time: datetime
    kept: bool
    rule: str
    level: int
    host: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    name: str = ""
    pid: int = 0
    started: str = ""
    bucket: str = ""
    cpu_cores: float | None = None
    rss_bytes: float | None = None
    io_bytes_per_second: float | None = None
    ranks: dict[str, Rank] = msgspec.field(default_factory=dict[str, Rank])
    """Not in the entries of older processors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one process went last. A process that ended since has no entry of its end."""

    host: str
    name: str
    pid: int
    started: str
    """As the ledger has it; empty if it was not known."""
    is_kept: bool
    bucket: str
    """The sum it is in; empty while it is kept."""
    since: datetime
    rule: str
    """The first rule that matched, with its pattern where it has one."""
    level: int
    cpu_cores: float | None
    """What it used when it went there; `None` where nothing was known yet."""
    rss_bytes: float | None
    io_bytes_per_second: float | None
    ranks: Mapping[str, Rank]
    """By ranking (`cpu`, `rss`, `io`), when it went there; empty where top-k did not decide, and in old ledgers."""
    moves: int
    """Entries about it."""


class Ledger:
    """Takes the lines of ledgers in, the oldest first, and remembers the processes that were asked for."""

    def __init__(self, pattern: ProcessPattern, *, host: str | None = None) -> None:
        """Ask for processes of this pattern, on hosts that have an attribute of this value."""
        self._pattern = pattern
        self._host = host
        self._places: OrderedDict[Identity, Place] = OrderedDict()
        """The one that changed last at the end."""
        self.forgotten = 0
        """Processes that were found and are not among those found any more."""
        self.entries = 0
        self.broken_lines = 0
        self.is_torn = False
        """Whether a last line is only begun: the collector is writing, or was ended while it was."""
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.hosts: set[str] = set()
        self.names: set[str] = set()
        """Executable names on the hosts asked for."""
        self.levels: dict[str, str] = {}
        """By host, the adaptive level that was entered last."""

    def take(self, lines: Iterable[bytes]) -> None:
        """Read the lines of one file, each with its line end."""
        for line in lines:
            text = line.strip()
            if not text:
                continue
            try:
                entry = msgspec.json.decode(text, type=_Line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                if line.endswith(b"\n"):
                    self.broken_lines += 1
                else:
                    self.is_torn = True
                continue
            self._note(entry)

    def found(self) -> tuple[Place, ...]:
        """Those who changed last first."""
        return tuple(reversed(self._places.values()))

    def _note(self, entry: _Line) -> None:
        self.entries += 1
        self.first = entry.time if self.first is None else min(self.first, entry.time)
        self.last = entry.time if self.last is None else max(self.last, entry.time)
        host = host_name(entry.host)
        self.hosts.add(host)
        if self._host is not None and self._host not in map(str, entry.host.values()):
            return
        if not entry.pid:
            if entry.rule.startswith(_LEVEL):
                self.levels[host] = entry.rule.removeprefix(_LEVEL)
            return
        if len(self.names) < MOST_NAMES:
            self.names.add(shown(entry.name))
        if self._pattern.matches({DEFAULT_FIELD: entry.name}):
            self._remember(host, entry)

    def _remember(self, host: str, entry: _Line) -> None:
        identity = (host, entry.name, entry.pid, entry.started)
        known = self._places.pop(identity, None)
        place = Place(
            host=host,
            name=shown(entry.name),
            pid=entry.pid,
            started=entry.started,
            is_kept=entry.kept,
            bucket=shown(entry.bucket),
            since=entry.time,
            rule=shown(entry.rule),
            level=entry.level,
            cpu_cores=entry.cpu_cores,
            rss_bytes=entry.rss_bytes,
            io_bytes_per_second=entry.io_bytes_per_second,
            ranks=entry.ranks,
            moves=1,
        )
        self._places[identity] = place if known is None else replace(place, moves=known.moves + 1)
        if len(self._places) > MOST_PLACES:
            self._places.popitem(last=False)
            self.forgotten += 1


def host_name(attributes: Mapping[str, Any]) -> str:
    """What a host is called: its `host.name`, else all that is known of it."""
    name = attributes.get("host.name")
    if name is None:
        name = ", ".join(f"{key}={attributes[key]}" for key in sorted(attributes))
    return shown(str(name)) or "(host without attributes)"


def pattern_of(text: str) -> ProcessPattern:
    """A pattern that a ledger can answer: it records executable names and no command lines.

    Raises:
        InvalidInputError: If the pattern is about something else, or malformed.
    """
    pattern = parse_pattern(text, field="pattern")
    if pattern.attribute != DEFAULT_FIELD:
        raise InvalidInputError(
            f"pattern: {text!r} looks at {pattern.attribute}, which a ledger does not record; name executables, such as nginx or 'postgres*'"
        )
    return pattern
