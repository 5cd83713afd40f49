"""Whether this host is ready for a trial: one check per thing that went wrong for somebody before.

`phoenix doctor` shows them. A check never raises: what it cannot find out is itself a finding.
"""

import ctypes
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from phoenix_platform.agent.binaries import HOW_TO_GET_ONE, find_collector, missing_components
from phoenix_platform.agent.host import PROC, count_processes, read_host
from phoenix_platform.agent.ports import LOOPBACK, free_ports
from phoenix_platform.agent.settings import AgentSettings
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import PhoenixError, UnavailableError
from phoenix_platform.core.units import show_bytes
from phoenix_platform.otlp.decoding import Decoder
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.components import Kind

_OLDEST_PYTHON: Final = (3, 11)
_PORTS: Final = 12
"""A trial uses six to ten."""
_TEMP_BYTES: Final = 200 * 2**20
"""Configurations, copied binaries and the record of an hour's trial take about 50 MB."""
_CACHE_BYTES: Final = 2500 * 2**20
"""A first build of the collector: build tree, modules, Go's build cache."""
_OPEN_FILES: Final = 1024
"""A load of 200 working processes needs 200, a trial 50."""
_CLOCK_SECONDS: Final = 0.2
_CLOCK_STEP_SECONDS: Final = 0.005
"""Slewing moves a clock by 0.0001 s in that time; more is a step."""
_TIMEX_BYTES: Final = 256  # struct timex has 208 on 64-bit Linux
_TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised


class Outcome(StrEnum):
    OK = "ok"
    WARN = "warn"
    """Works, with a limit that the finding names."""
    FAIL = "fail"
    """A trial cannot run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    check: str
    outcome: Outcome
    finding: str
    fix: str | None = None
    """What to do; None where there is nothing to do."""


def diagnose(
    named_collector: Path | None, settings: AgentSettings, clock: Clock
) -> list[Diagnosis]:
    """All checks, in the order in which they matter; about half a second."""
    return [
        _python(),
        _kernel(),
        *_collector(named_collector, settings),
        _processes(),
        _ports(),
        *_disk(settings),
        _clock(clock),
        _open_files(),
        _processors(),
    ]


def _python() -> Diagnosis:
    version = sys.version_info
    finding = f"Python {version.major}.{version.minor}.{version.micro} at {sys.executable}"
    if version[:2] >= _OLDEST_PYTHON:
        return Diagnosis(check="Python", outcome=Outcome.OK, finding=finding)
    return Diagnosis(
        check="Python", outcome=Outcome.FAIL, finding=finding, fix="use Python 3.11 or newer"
    )


def _kernel() -> Diagnosis:
    try:
        Decoder()
    except UnavailableError as error:
        finding, _, fix = str(error).rpartition(": ")
        return Diagnosis(check="OTLP kernel", outcome=Outcome.FAIL, finding=finding, fix=fix)
    return Diagnosis(check="OTLP kernel", outcome=Outcome.OK, finding="compiled for this Python")


def _collector(named: Path | None, settings: AgentSettings) -> Iterator[Diagnosis]:
    try:
        binary = find_collector(named, settings)
    except PhoenixError as error:
        finding = str(error).removesuffix(f"; {HOW_TO_GET_ONE}")
        yield Diagnosis(
            check="collector", outcome=Outcome.FAIL, finding=finding, fix=HOW_TO_GET_ONE
        )
        return
    yield Diagnosis(
        check="collector",
        outcome=Outcome.OK,
        finding=f"{binary.distribution} {binary.version} ({binary.source}) at {binary.path}",
    )
    missing = missing_components(binary, _needed_components())
    if missing:
        names = ", ".join(f"{kind} {type_}" for kind, types in missing.items() for type_ in types)
        yield Diagnosis(
            check="collector's components",
            outcome=Outcome.WARN,
            finding=f"it lacks what pipelines of the catalog use: {names}",
            fix="build ours with `make collector`, or name another with --collector PATH",
        )
    else:
        yield Diagnosis(
            check="collector's components", outcome=Outcome.OK, finding="all that the catalog uses"
        )


def _needed_components() -> dict[Kind, set[str]]:
    """What the catalog's pipelines use, and what the trial puts around them."""
    needed: dict[Kind, set[str]] = {kind: set() for kind in Kind}
    needed[Kind.RECEIVER] |= {"host_metrics", "otlp"}
    needed[Kind.EXPORTER] |= {"otlp_http"}
    for entry in catalog.entries():
        for kind, components in entry.configuration.components.items():
            needed[kind] |= {component.type for component in components.values()}
    return needed


def _processes() -> Diagnosis:
    check = "other users' processes"
    try:
        processes = count_processes()
    except OSError as error:
        return Diagnosis(
            check=check,
            outcome=Outcome.FAIL,
            finding=f"{PROC} cannot be listed: {error.strerror}",
            fix="run on Linux with /proc mounted",
        )
    is_root = os.geteuid() == 0  # even from root the kernel hides some, those of other namespaces
    if processes.unreadable_io:
        return Diagnosis(
            check=check,
            outcome=Outcome.WARN,
            finding=f"I/O of {processes.unreadable_io} of {processes.total} processes cannot be read",
            fix="read I/O totals as those of readable processes"
            + ("" if is_root else "; or run as root (sudo)"),
        )
    return Diagnosis(
        check=check, outcome=Outcome.OK, finding=f"all {processes.total} processes can be read"
    )


def _ports() -> Diagnosis:
    try:
        free_ports(_PORTS)
    except UnavailableError as error:
        return Diagnosis(
            check="ports",
            outcome=Outcome.FAIL,
            finding=str(error),
            fix=f"bring up the loopback interface ({LOOPBACK}), or free some ports",
        )
    return Diagnosis(check="ports", outcome=Outcome.OK, finding=f"free ports on {LOOPBACK}")


def _disk(settings: AgentSettings) -> Iterator[Diagnosis]:
    temp = Path(tempfile.gettempdir())
    yield _space("temporary folder", temp, _TEMP_BYTES, Outcome.FAIL, "make room, or set TMPDIR")
    if os.statvfs(temp).f_flag & os.ST_NOEXEC:
        yield Diagnosis(
            check="temporary folder",
            outcome=Outcome.WARN,
            finding=f"{temp} is mounted noexec: load simulation cannot run its copies there",
            fix="set TMPDIR to a folder from which programs may run",
        )
    fix = "make room, or set PHOENIX_CACHE_DIRECTORY; only a build of the collector needs it"
    yield _space("cache folder", settings.caches, _CACHE_BYTES, Outcome.WARN, fix)


def _space(check: str, folder: Path, needed: int, otherwise: Outcome, fix: str) -> Diagnosis:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    finding = f"{show_bytes(free)} free in {folder}"
    if free >= needed:
        return Diagnosis(check=check, outcome=Outcome.OK, finding=finding)
    finding += f"; {show_bytes(needed)} are needed"
    return Diagnosis(check=check, outcome=otherwise, finding=finding, fix=fix)


def _clock(clock: Clock) -> Diagnosis:
    began, wall = clock.monotonic(), clock.unix_nano()
    time.sleep(_CLOCK_SECONDS)
    step = abs((clock.unix_nano() - wall) / 1e9 - (clock.monotonic() - began))
    if step > _CLOCK_STEP_SECONDS:
        return Diagnosis(
            check="clock",
            outcome=Outcome.WARN,
            finding=f"the wall clock jumped by {step:.3f} s within {_CLOCK_SECONDS} s",
            fix="let a time service slew the clock; times of points jump with it",
        )
    synchronised = _is_synchronised()
    if synchronised:
        return Diagnosis(check="clock", outcome=Outcome.OK, finding="runs evenly, synchronised")
    said = "does not say whether" if synchronised is None else "says that"
    negation = "it is" if synchronised is None else "it is not"
    return Diagnosis(
        check="clock",
        outcome=Outcome.OK,
        finding=f"runs evenly; the kernel {said} {negation} synchronised (a trial on one host does not need it)",
    )


def _is_synchronised() -> bool | None:
    """What adjtimex(2) says; None where it may not be asked."""
    try:
        state: int = ctypes.CDLL(None, use_errno=True).adjtimex(
            ctypes.create_string_buffer(_TIMEX_BYTES)
        )
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def _open_files() -> Diagnosis:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= _OPEN_FILES:
        return Diagnosis(check="open files", outcome=Outcome.OK, finding=f"limit {soft}")
    return Diagnosis(
        check="open files",
        outcome=Outcome.WARN,
        finding=f"limit {soft}, {_OPEN_FILES} are advised",
        fix=f"ulimit -n {min(_OPEN_FILES, hard)}",
    )


def _processors() -> Diagnosis:
    host = read_host()
    memory = "" if host.memory_bytes is None else f", {show_bytes(host.memory_bytes)} of memory"
    finding = f"{host.processors} processors{memory}"
    if host.processors > 1:
        return Diagnosis(check="processors", outcome=Outcome.OK, finding=finding)
    return Diagnosis(
        check="processors",
        outcome=Outcome.WARN,
        finding=f"{finding}: collectors and meter of a trial share it",
        fix="use --interval 5s, so that they take a smaller share of it",
    )
