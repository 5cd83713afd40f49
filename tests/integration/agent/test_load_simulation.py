"""Simulated load with real processes: what the kernel shows of them, and that nothing stays."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from phoenix_platform.agent.load.profiles import (
    HIGH_CARDINALITY,
    HIGH_CHURN,
    REALISTIC,
    Limits,
)
from phoenix_platform.agent.load.reports import Stage
from phoenix_platform.agent.load.schedules import seats_of
from phoenix_platform.agent.load.simulation import LoadSimulation
from phoenix_platform.core.errors import InvalidInputError, NotFoundError, UnavailableError


def names_from_the_start(processes: int) -> dict[str, int]:
    """Roles whose processes live as long as the simulation, and how many there are."""
    seats = seats_of(REALISTIC, processes=processes)
    return {role.name: count for role, count in seats if role.lifetime_seconds is None}


def proc_of(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


def start_of(pid: int) -> bytes:
    """When it began, in clock ticks since boot: tells it from another with the same id."""
    return proc_of(pid, "stat").rpartition(b")")[2].split()[19]


def private_kib_of(pid: int) -> int:
    lines = proc_of(pid, "smaps_rollup").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(b"Private_"))


def processes_in(folder: Path) -> dict[int, Path]:
    """Pid and binary of every process that runs a binary of the folder."""
    found: dict[int, Path] = {}
    for entry in Path("/proc").iterdir():
        try:
            binary = (entry / "exe").readlink() if entry.name.isdigit() else None
        except OSError:
            continue
        if binary is not None and str(binary).startswith(f"{folder}/"):
            found[int(entry.name)] = binary
    return found


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the kernel has no event for what we wait for
            await asyncio.sleep(0.02)


def is_gone(load: LoadSimulation) -> Callable[[], bool]:
    return lambda: not processes_in(load.folder) and not load.folder.exists()


async def test_the_kernel_shows_each_process_under_the_name_of_its_role() -> None:
    limits = Limits.of(REALISTIC, processes=36)
    async with LoadSimulation("realistic", seed=1, limits=limits) as load:
        running = processes_in(load.folder)
        names = Counter(proc_of(pid, "comm").decode().strip() for pid in running)
        assert names == Counter(binary.name for binary in running.values())
        stable = names_from_the_start(36)
        assert {name: names[name] for name in stable} == stable
        assert load.process_count == sum(stable.values())
        database = next(pid for pid, binary in running.items() if binary.name == "phx-db")
        line = proc_of(database, "cmdline").split(b"\0")
        assert line[:3] == [b"phx-db", b"-s", b"--"]
        assert b"--data-directory=/srv/db/0" in line
    assert is_gone(load)()


async def test_the_work_is_real_cpu_memory_and_io() -> None:
    limits = Limits.of(REALISTIC, processes=9)
    async with LoadSimulation("realistic", seed=1, limits=limits) as load:
        [database] = [
            pid for pid, binary in processes_in(load.folder).items() if binary.name == "phx-db"
        ]

        def counters() -> dict[str, int]:
            lines = proc_of(database, "io").decode().splitlines()
            return {key: int(value) for key, value in (line.split(": ") for line in lines)}

        # At least 64 KiB are written per two seconds, and 16 chunks of 256 KiB held from the first beat.
        await until(lambda: counters()["wchar"] > 100_000 and counters()["rchar"] > 100_000)
        await until(lambda: private_kib_of(database) > 4096)
        await until(lambda: load.report.cpu_seconds > 0.02)
        assert load.report.lost == 0
        assert os.getpriority(os.PRIO_PROCESS, database) == 10


async def test_when_its_time_is_up_it_ends_by_itself() -> None:
    limits = Limits.of(REALISTIC, processes=12)
    load = LoadSimulation("realistic", duration=timedelta(seconds=1), limits=limits)
    await load.start()
    report = await load.wait()
    assert report.stage is Stage.ENDED
    assert report.elapsed_seconds == pytest.approx(1, abs=0.5)
    assert report.peak_processes <= 12
    assert report.lost == 0
    assert is_gone(load)()
    assert await load.stop() == report


async def test_high_cardinality_is_idle_and_every_command_line_is_another() -> None:
    limits = Limits.of(HIGH_CARDINALITY, processes=300)
    async with LoadSimulation("high-cardinality", seed=2, limits=limits) as load:
        running = processes_in(load.folder)
        lines = {proc_of(pid, "cmdline") for pid in running}
        assert load.process_count == len(running) == len(lines) == 300
        assert max(map(private_kib_of, running)) < 512
    assert is_gone(load)()


async def test_high_churn_bears_twenty_to_thirty_processes_a_second_as_the_kernel_sees_them() -> (
    None
):
    limits = Limits.of(HIGH_CHURN, processes=50)
    async with LoadSimulation("high-churn", seed=1, limits=limits) as load:
        began = asyncio.get_running_loop().time()
        born: dict[tuple[int, bytes], str] = {}
        while asyncio.get_running_loop().time() - began < 5:
            for pid, binary in processes_in(load.folder).items():
                with suppress(OSError):
                    born.setdefault((pid, start_of(pid)), binary.name)
            await asyncio.sleep(0.02)
        short = [name for name in born.values() if name in {"phx-hook", "phx-check", "phx-build"}]
        # On a machine with other work some live too short to be met: at least half is seen.
        assert 10 * 5 < len(short) < 34 + 31 * 5
        assert Counter(born.values())["phx-db"] == 3
        await until(lambda: load.report.lives > 100)
        assert load.report.lost == 0
        assert load.supervisor_pid is not None
        os.kill(load.supervisor_pid, signal.SIGKILL)
        await until(is_gone(load))


async def test_killed_services_come_again_under_other_process_ids() -> None:
    async with LoadSimulation("process-kill", seed=3) as load:
        first = {
            pid for pid, binary in processes_in(load.folder).items() if binary.name == "phx-api"
        }

        def later() -> set[int]:
            running = processes_in(load.folder).items()
            return {pid for pid, binary in running if binary.name == "phx-api"}

        await until(lambda: bool(later() - first))
        assert load.report.lost == 0
    assert is_gone(load)()


async def test_a_killed_supervisor_takes_everything_with_it() -> None:
    load = LoadSimulation("realistic", limits=Limits.of(REALISTIC, processes=40))
    await load.start()
    assert load.supervisor_pid is not None
    assert processes_in(load.folder)
    os.kill(load.supervisor_pid, signal.SIGKILL)
    with pytest.raises(UnavailableError, match="its supervisor was killed"):
        await load.wait()
    await until(is_gone(load))


async def test_a_process_that_somebody_kills_is_counted_as_lost() -> None:
    async with LoadSimulation("realistic", limits=Limits.of(REALISTIC, processes=20)) as load:
        victim = next(iter(processes_in(load.folder)))
        os.kill(victim, signal.SIGKILL)
        await until(lambda: load.report.lost == 1)


async def test_a_shell_that_cannot_be_copied_is_an_error_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    load = LoadSimulation("realistic")
    with pytest.raises(UnavailableError, match=r"load simulation: .*No such file"):
        await load.start()
    await load.stop()


def test_what_cannot_be_simulated_is_refused_at_once() -> None:
    with pytest.raises(NotFoundError, match="'calm' does not exist"):
        LoadSimulation("calm")
    with pytest.raises(InvalidInputError, match=r"^duration: "):
        LoadSimulation("realistic", duration=timedelta(days=2))


async def test_stopping_what_never_started_does_nothing() -> None:
    load = LoadSimulation("realistic")
    assert (await load.stop()).processes == 0
    assert load.supervisor_pid is None
