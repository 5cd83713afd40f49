"""The process that plays a schedule with real processes; `simulation.LoadSimulation` starts it.

It is a process of its own, so that whatever becomes of the trial or the command, one loop with one
purpose ends the load: when its input ends (the parent is gone), on a signal, or when time is up.
Should it be killed itself, its watchdog does the same. Nothing here is imported by others.
"""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec

from phoenix_platform.agent.load.budgets import CpuBudget, MemoryBudget
from phoenix_platform.agent.load.profiles import SHELL_BYTES, Limits, profile_named
from phoenix_platform.agent.load.reports import LoadReport, Stage
from phoenix_platform.agent.load.schedules import End, Event, Life, Start, Work, schedule
from phoenix_platform.agent.load.shells import (
    Shell,
    ShellFolder,
    commands_of,
    fill,
    measure_loops_per_second,
    private_bytes_of,
    wait_until_gone,
)
from phoenix_platform.agent.watchdog import Watchdog
from phoenix_platform.core.errors import PhoenixError

_REPORT_SECONDS: Final = 2.0
_EVENTS_PER_TURN: Final = 20
"""So many events are played before the input is looked at again: stopping stays quick."""
_NICENESS: Final = 10
_CPU_RESERVE_SECONDS: Final = 10
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSpec:
    """What to play; crosses from `LoadSimulation` to the supervisor as its only argument."""

    profile: str
    seed: int
    duration_seconds: float
    limits: Limits
    folder: str
    """Private folder to make, and to remove at the end."""

    def to_argument(self) -> str:
        return msgspec.json.encode(self).decode()


class _Cast:
    """The living processes, and what they have used."""

    def __init__(self, folder: ShellFolder, limits: Limits, loops_per_second: float) -> None:
        self._folder = folder
        self._loops_per_second = loops_per_second
        self._shells: dict[Life, Shell] = {}
        self._lives: dict[int, Life] = {}
        self._idle: set[int] = set()
        self._ending: set[int] = set()
        self._cpu = CpuBudget(limits.cpu_share)
        idle_bytes = limits.processes * SHELL_BYTES
        self._memory = MemoryBudget(limits.memory_bytes - idle_bytes)
        self._reaped_cpu_seconds = 0.0
        self.peak = self.started = self.lost = self.skipped = 0

    def __len__(self) -> int:
        return len(self._lives)

    @property
    def pids(self) -> set[int]:
        return set(self._lives)

    def play(self, event: Event, now: float) -> None:
        match event:
            case Start():
                shell = self._folder.start(event.life.role, event.arguments, works=event.works)
                self._shells[event.life] = shell
                self._lives[shell.pid] = event.life
                if not event.works:
                    self._idle.add(shell.pid)
                self.started += 1
                self.peak = max(self.peak, len(self._lives))
            case Work():
                self._cpu.advance(now)
                if not self._work(event):
                    self.skipped += 1
            case End():
                self._end(event.life, signal.SIGKILL if event.is_kill else signal.SIGTERM)

    def _end(self, life: Life, number: signal.Signals) -> None:
        shell = self._shells.get(life)
        if shell is not None:
            self._ending.add(shell.pid)
            shell.end(number)

    def _work(self, work: Work) -> bool:
        shell = self._shells.get(work.life)
        if shell is None or not self._memory.hold(work.life, private_bytes_of(work.memory_chunks)):
            return False
        granted = self._cpu.take(work.cpu_seconds)
        commands = commands_of(work, loops_per_second=self._loops_per_second, cpu_seconds=granted)
        return shell.tell(commands) and granted == work.cpu_seconds

    def reap(self) -> None:
        """Take leave of those who ended, told or not."""
        while self._lives:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
            if not pid:
                return
            life = self._lives.pop(pid, None)
            if life is None:
                continue  # the watchdog: somebody killed it, and we still clean up ourselves
            self._reaped_cpu_seconds += usage.ru_utime + usage.ru_stime
            self._shells.pop(life).close()
            self._memory.release(life)
            self._idle.discard(pid)
            self.lost += pid not in self._ending
            self._ending.discard(pid)

    def cpu_seconds(self) -> float:
        """Of all processes so far; also corrects the budget. The idle ones never use any."""
        living = sum(_cpu_seconds_of(pid) for pid in self._lives if pid not in self._idle)
        total = self._reaped_cpu_seconds + living
        self._cpu.correct(total)
        return total

    def end_all(self) -> None:
        for shell in self._shells.values():
            shell.end(signal.SIGKILL)
        wait_until_gone(self._lives, seconds=5)


def _cpu_seconds_of(pid: int) -> float:
    try:
        text = Path("/proc", str(pid), "stat").read_text("ascii", "replace")
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


class _Supervisor:
    def __init__(self, spec: SimulationSpec, cast: _Cast, wake: int) -> None:
        self._spec = spec
        self._cast = cast
        self._wake = wake
        self._poll = select.poll()
        for descriptor in (0, wake):
            self._poll.register(descriptor, select.POLLIN)
        self._began = time.monotonic()
        self._stopped = False

    def run(self) -> None:
        spec = self._spec
        profile = profile_named(spec.profile)
        events = schedule(profile, processes=spec.limits.processes, seed=spec.seed)
        ahead = next(events, None)
        stage, report_at = Stage.READY, 0.0
        while not self._stopped:
            now = time.monotonic() - self._began
            if now >= spec.duration_seconds:
                break
            ahead = self._play_due(ahead, events, now)
            is_behind = ahead is not None and ahead.at <= now
            if not is_behind and now >= report_at:
                self.say(stage)
                stage, report_at = Stage.RUNNING, now + _REPORT_SECONDS
            moments = [report_at, spec.duration_seconds, *([ahead.at] if ahead else [])]
            self._wait(0 if is_behind else max(0.0, min(moments) - now))
        self.say(Stage.ENDED)

    def _play_due(self, ahead: Event | None, events: Iterator[Event], now: float) -> Event | None:
        for _ in range(_EVENTS_PER_TURN):
            if ahead is None or ahead.at > now:
                break
            self._cast.play(ahead, now)
            ahead = next(events, None)
        return ahead

    def _wait(self, seconds: float) -> None:
        for descriptor, _ in self._poll.poll(seconds * 1000 + 1):
            if descriptor == 0:
                self._stopped = True
                continue
            signals = os.read(self._wake, 4096)
            self._cast.reap()
            self._stopped |= any(number != signal.SIGCHLD for number in signals)

    def say(self, stage: Stage) -> None:
        cast = self._cast
        report = LoadReport(
            stage=stage,
            elapsed_seconds=round(time.monotonic() - self._began, 3),
            processes=len(cast),
            peak_processes=cast.peak,
            lives=cast.started,
            lost=cast.lost,
            cpu_seconds=round(cast.cpu_seconds(), 3),
            supervisor_cpu_seconds=round(time.process_time(), 3),
            skipped_work=cast.skipped,
        )
        _write(report)


def _write(report: LoadReport) -> None:
    # A reader that is slow or gone must not hold up the load: the next report says the same and more.
    with contextlib.suppress(BlockingIOError, BrokenPipeError):
        os.write(1, report.to_line())


def _wake_descriptor() -> int:
    """Turn the signals we mind into bytes on a pipe; returns its reading end."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _do_nothing)
    return reading


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """A handler there must be, or the signal would end us before the loop reads its byte."""


def _play(spec: SimulationSpec, mark: Watchdog, wake: int) -> None:
    idle_input, idle_writer = os.pipe()  # the writing end ends with us, and the idle shells with it
    names = [role.name for role in profile_named(spec.profile).roles]
    folder = ShellFolder(
        Path(spec.folder),
        idle_input,
        cpu_limit_seconds=int(spec.limits.cpu_share * spec.duration_seconds) + _CPU_RESERVE_SECONDS,
        environment=mark.environment,
    )
    fill(folder.path, names)
    cast = _Cast(folder, spec.limits, measure_loops_per_second(folder, names[0]))
    try:
        _Supervisor(spec, cast, wake).run()
    finally:
        cast.end_all()
        os.close(idle_writer)


def main() -> None:
    """Play the specification in the first argument until one of the three ends comes."""
    spec = msgspec.json.decode(sys.argv[1], type=SimulationSpec)
    wake = _wake_descriptor()
    os.set_blocking(1, False)
    os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    folder = Path(spec.folder)
    try:
        with Watchdog(folder.name, folder) as watchdog:  # first: no moment without a guard
            folder.mkdir(mode=0o700)
            os.chdir(folder)
            _play(spec, watchdog, wake)
    except (PhoenixError, OSError) as error:
        _write(LoadReport(stage=Stage.FAILED, reason=str(error)))
        sys.exit(1)
