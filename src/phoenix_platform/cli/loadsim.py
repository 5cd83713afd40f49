"""`phoenix loadsim`: real processes on this host that behave like a busy service, for a trial to look at."""

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Final

import msgspec
import typer

from phoenix_platform.agent.load.profiles import PROFILES, Limits, Profile, profile_named
from phoenix_platform.agent.load.reports import LoadReport
from phoenix_platform.agent.load.schedules import expected_cpu_share
from phoenix_platform.agent.load.simulation import LoadSimulation
from phoenix_platform.cli.exit_codes import ExitCode
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table
from phoenix_platform.core.units import (
    parse_bytes,
    parse_duration,
    parse_share,
    show_bytes,
    show_duration,
    show_share,
)

app = typer.Typer(
    no_args_is_help=True, help="Simulate load with real processes; nothing is left behind."
)

_NOTE_SECONDS: Final = 15.0
_EXIT_CODE_OF: Final = {
    signal.SIGINT: ExitCode.INTERRUPTED,
    signal.SIGTERM: ExitCode.TERMINATED,
    signal.SIGHUP: ExitCode.TERMINATED,
}


class RoleView(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    seats: int
    lifetime_seconds: float | None
    """Mean; null: as long as the simulation."""


class ProfileView(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    description: str
    processes: int
    most_processes: int
    max_cpu_share: float
    """Of one core."""
    expected_cpu_share: float
    max_memory_bytes: int
    roles: list[RoleView]


class SimulationView(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulation did, as the kernel counted."""

    profile: str
    seed: int
    elapsed_seconds: float
    peak_processes: int
    lives: int
    lost: int
    cpu_seconds: float
    supervisor_cpu_seconds: float
    skipped_work: int
    is_interrupted: bool


@app.command("list-profiles")
def list_profiles(output: OutputOption = Output.TABLE) -> None:
    """List the load profiles."""
    views = [_profile_view_of(profile) for profile in PROFILES.values()]
    match output:
        case Output.JSON:
            print_json(views)
        case Output.TABLE:
            print_table(
                ("name", "processes", "CPU limit", "memory limit", "what it is"),
                [
                    (
                        view.name,
                        f"{view.processes} (up to {view.most_processes})",
                        f"{show_share(view.max_cpu_share, digits=0)} of a core",
                        show_bytes(view.max_memory_bytes),
                        view.description,
                    )
                    for view in views
                ],
            )


@app.command("start")
def start(
    profile: Annotated[str, typer.Argument(metavar="PROFILE", help="A name of `list-profiles`.")],
    seed: Annotated[int, typer.Option(help="Equal seeds give equal schedules.")] = 0,
    duration: Annotated[str, typer.Option(help="How long, 24h at the most.")] = "10m",
    max_processes: Annotated[
        int | None,
        typer.Option(
            help="Processes at once; the profile is scaled to it. Default: the profile's."
        ),
    ] = None,
    max_cpu_share: Annotated[
        str | None,
        typer.Option(
            help="CPU time of all together, as a share of one core. Default: the profile's."
        ),
    ] = None,
    max_memory: Annotated[
        str | None,
        typer.Option(
            help="Private memory of all together, such as 512MiB. Default: the profile's."
        ),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Run a profile until its time is up or Ctrl-C; then say what it did."""
    known = profile_named(profile)
    limits = Limits.of(
        known,
        processes=max_processes,
        cpu_share=None
        if max_cpu_share is None
        else parse_share(max_cpu_share, field="max_cpu_share"),
        memory_bytes=None if max_memory is None else parse_bytes(max_memory, field="max_memory"),
    )
    length = parse_duration(duration, field="duration")
    simulation = LoadSimulation(profile, seed=seed, duration=length, limits=limits)
    report, signal_number = asyncio.run(_run(simulation, known, length))
    _print_report(report, known, seed, output, is_interrupted=signal_number is not None)
    if signal_number is not None:
        raise typer.Exit(_EXIT_CODE_OF[signal_number])


async def _run(
    simulation: LoadSimulation, profile: Profile, length: timedelta
) -> tuple[LoadReport, signal.Signals | None]:
    """Run to the end, or to a signal; and which."""
    with _signals() as received:
        async with simulation:
            note(
                f"{simulation.process_count} processes of profile {profile.name} run for up to "
                f"{show_duration(length.total_seconds())}; Ctrl-C ends them"
            )
            stopping = asyncio.create_task(received.get())
            ending = asyncio.create_task(simulation.wait())
            noting = asyncio.create_task(_note_now_and_then(simulation))
            try:
                await asyncio.wait((stopping, ending), return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                noting.cancel()
            if stopping.done() and not stopping.cancelled():
                return await simulation.stop(), stopping.result()
            return await ending, None


async def _note_now_and_then(simulation: LoadSimulation) -> None:
    while True:
        await asyncio.sleep(_NOTE_SECONDS)
        report = simulation.report
        note(
            f"{show_duration(report.elapsed_seconds)}: {report.processes} processes, {report.lives} started so far, "
            f"{_cpu_share_of(report)}"
        )


@contextmanager
def _signals() -> Generator[asyncio.Queue[signal.Signals]]:
    """Signals that end the command, as messages; the first one counts."""
    received: asyncio.Queue[signal.Signals] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in _EXIT_CODE_OF:
        loop.add_signal_handler(number, received.put_nowait, number)
    try:
        yield received
    finally:
        for number in _EXIT_CODE_OF:
            loop.remove_signal_handler(number)


def _print_report(
    report: LoadReport, profile: Profile, seed: int, output: Output, *, is_interrupted: bool
) -> None:
    view = SimulationView(
        profile=profile.name,
        seed=seed,
        elapsed_seconds=report.elapsed_seconds,
        peak_processes=report.peak_processes,
        lives=report.lives,
        lost=report.lost,
        cpu_seconds=report.cpu_seconds,
        supervisor_cpu_seconds=report.supervisor_cpu_seconds,
        skipped_work=report.skipped_work,
        is_interrupted=is_interrupted,
    )
    match output:
        case Output.JSON:
            print_json(view)
        case Output.TABLE:
            print_table(
                ("fact", "value"),
                [
                    ("profile, seed", f"{view.profile}, {view.seed}"),
                    ("time", show_duration(view.elapsed_seconds)),
                    ("processes at once, most", str(view.peak_processes)),
                    ("processes started", str(view.lives)),
                    ("ended though not told to", str(view.lost)),
                    ("CPU of the processes", f"{view.cpu_seconds:.2f} s, {_cpu_share_of(report)}"),
                    ("CPU of their supervisor", f"{view.supervisor_cpu_seconds:.2f} s"),
                    ("pieces of work left out", str(view.skipped_work)),
                ],
            )


def _cpu_share_of(report: LoadReport) -> str:
    if not report.elapsed_seconds:
        return "no data on CPU"
    return f"{show_share(report.cpu_seconds / report.elapsed_seconds)} of a core"


def _profile_view_of(profile: Profile) -> ProfileView:
    return ProfileView(
        name=profile.name,
        description=profile.description,
        processes=profile.processes,
        most_processes=profile.most_processes,
        max_cpu_share=profile.max_cpu_share,
        expected_cpu_share=round(expected_cpu_share(profile, processes=profile.processes), 4),
        max_memory_bytes=profile.max_memory_bytes,
        roles=[
            RoleView(name=role.name, seats=role.seats, lifetime_seconds=role.lifetime_seconds)
            for role in profile.roles
        ],
    )
