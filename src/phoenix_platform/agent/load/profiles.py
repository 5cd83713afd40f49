"""The load profiles: which simulated programs there are and how they live.

Plain data, read by `schedules`; `phoenix loadsim list-profiles` prints it. A profile is a set of
roles, a role a number of seats, and in each seat one process lives after the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from phoenix_platform.core.errors import InvalidInputError, NotFoundError

CHUNK_BYTES: Final = 256 * 1024
"""Simulated memory grows and falls in steps of this size: above malloc's mmap threshold, so that the
kernel gets a freed chunk back at once."""

SHELL_BYTES: Final = 256 * 1024
"""Private memory of an idle shell, rounded up (dash 0.5.12: 224 KiB private, the rest is shared)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One simulated program. All times are means; `schedules` draws around them."""

    name: str
    """The name of its binary as the kernel shows it; at most 15 bytes, the kernel cuts off the rest."""
    seats: int
    """How many may live at once in the unscaled profile."""
    arguments: tuple[str, ...]
    """Its command line, with {seat} and {generation}."""
    lifetime_seconds: float | None = None
    """How long one life lasts; None: as long as the simulation."""
    is_killed: bool = False
    """Whether a life ends with SIGKILL in the middle of its work; else with SIGTERM."""
    is_scaled: bool = True
    """Whether more or fewer processes mean more or fewer of its seats; else it keeps them while there is room."""
    pause_seconds: float = 0
    """How long a seat stays empty between two lives."""
    beat_seconds: float | None = None
    """Time between two pieces of work; None: it never works."""
    cpu_share: float = 0
    """Share of one core that one process uses outside spikes."""
    spike_chance: float = 0
    """Share of the beats that are spikes, which need eight times the CPU."""
    memory_chunks: tuple[int, int] = (0, 0)
    """Lowest and highest memory, in chunks of 256 KiB."""
    memory_period_seconds: float = 120
    """Time of one growth and fall."""
    read_kib: int = 0
    """Bytes read per beat (page cache: the kernel's rchar)."""
    write_kib: int = 0
    """Bytes written per beat (page cache: the kernel's wchar); the file is overwritten each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    name: str
    description: str
    roles: tuple[Role, ...]
    """The first ones survive when the profile is scaled down to fewer processes than roles."""
    most_processes: int
    """What it may be scaled up to."""
    max_cpu_share: float
    """Default bound of the CPU time of all its processes together, as a share of one core."""
    max_memory_bytes: int
    """Default bound of the private memory of all its processes together."""

    @property
    def processes(self) -> int:
        """How many processes may live at once in the unscaled profile."""
        return sum(role.seats for role in self.roles)


REALISTIC: Final = Profile(
    name="realistic",
    description="services that stay, workers that restart, jobs that come and go; CPU spikes, memory waves, I/O",
    most_processes=200,
    max_cpu_share=0.2,
    max_memory_bytes=512 * 1024 * 1024,
    roles=(
        Role(
            name="phx-db",
            seats=3,
            arguments=("--data-directory=/srv/db/{seat}", "--port={seat:04}"),
            beat_seconds=1,
            cpu_share=0.004,
            spike_chance=0.03,
            memory_chunks=(16, 48),
            memory_period_seconds=180,
            read_kib=64,
            write_kib=64,
        ),
        Role(
            name="phx-api",
            seats=6,
            arguments=("--listen=127.0.0.1:{seat:04}", "--region=eu"),
            beat_seconds=1,
            cpu_share=0.0015,
            spike_chance=0.04,
            memory_chunks=(8, 24),
            memory_period_seconds=120,
            read_kib=16,
            write_kib=8,
        ),
        Role(
            name="phx-cache",
            seats=4,
            arguments=("--shard={seat}", "--eviction=lru"),
            beat_seconds=2,
            cpu_share=0.001,
            memory_chunks=(32, 80),
            memory_period_seconds=240,
            read_kib=32,
        ),
        Role(
            name="phx-web",
            seats=10,
            arguments=("--listen=127.0.0.1:{seat:04}", "--release={generation}"),
            lifetime_seconds=300,
            pause_seconds=1,
            beat_seconds=2,
            cpu_share=0.001,
            spike_chance=0.03,
            memory_chunks=(4, 12),
            read_kib=32,
            write_kib=8,
        ),
        Role(
            name="phx-worker",
            seats=36,
            arguments=("--queue=default", "--slot={seat}", "--run={generation}"),
            lifetime_seconds=150,
            pause_seconds=3,
            beat_seconds=3,
            cpu_share=0.0004,
            spike_chance=0.05,
            memory_chunks=(2, 10),
            memory_period_seconds=90,
            read_kib=16,
            write_kib=16,
        ),
        Role(
            name="phx-cron",
            seats=10,
            arguments=("--job=cleanup-{seat}", "--run={generation}"),
            lifetime_seconds=8,
            pause_seconds=45,
            beat_seconds=1,
            cpu_share=0.006,
            read_kib=64,
        ),
        Role(
            name="phx-batch",
            seats=6,
            arguments=("--report=daily-{seat}", "--run={generation}"),
            lifetime_seconds=50,
            pause_seconds=40,
            beat_seconds=1,
            cpu_share=0.004,
            spike_chance=0.05,
            memory_chunks=(8, 32),
            memory_period_seconds=60,
            read_kib=128,
            write_kib=128,
        ),
        Role(
            name="phx-logger",
            seats=10,
            arguments=("--tail=/var/log/app-{seat}.log",),
            beat_seconds=2,
            cpu_share=0.0005,
            memory_chunks=(1, 2),
            write_kib=64,
        ),
        Role(
            name="phx-sidecar",
            seats=40,
            arguments=("--attach=pod-{seat:04}", "--admin-port=0"),
            beat_seconds=15,
            cpu_share=0.0001,
        ),
    ),
)

HIGH_CARDINALITY: Final = Profile(
    name="high-cardinality",
    description="idle processes, each with a command line of its own: many series, hardly any CPU",
    most_processes=2000,
    max_cpu_share=0.02,
    max_memory_bytes=1024 * 1024 * 1024,
    roles=(
        Role(
            name="phx-idle",
            seats=1500,
            arguments=("--tenant=tenant-{seat:05}", "--session={token}"),
        ),
    ),
)

HIGH_CHURN: Final = Profile(
    name="high-churn",
    description="25 processes a second that live for less than two, beside a population that stays",
    most_processes=2000,
    max_cpu_share=0.2,
    max_memory_bytes=1024 * 1024 * 1024,
    roles=(
        Role(
            name="phx-db",
            seats=3,
            arguments=("--data-directory=/srv/db/{seat}", "--port={seat:04}"),
            is_scaled=False,
            beat_seconds=1,
            cpu_share=0.004,
            memory_chunks=(16, 48),
            memory_period_seconds=180,
            read_kib=64,
            write_kib=64,
        ),
        Role(
            name="phx-api",
            seats=6,
            arguments=("--listen=127.0.0.1:{seat:04}", "--region=eu"),
            is_scaled=False,
            beat_seconds=1,
            cpu_share=0.0015,
            spike_chance=0.04,
            memory_chunks=(8, 24),
            read_kib=16,
            write_kib=8,
        ),
        Role(
            name="phx-sidecar",
            seats=60,
            arguments=("--attach=pod-{seat:04}", "--admin-port=0"),
        ),
        Role(
            name="phx-hook",
            seats=8,
            arguments=("--event={token}",),
            is_scaled=False,
            lifetime_seconds=0.4,
            pause_seconds=0.4,
        ),
        Role(
            name="phx-check",
            seats=12,
            arguments=("--probe={seat}", "--run={generation}"),
            is_scaled=False,
            lifetime_seconds=1,
            pause_seconds=0.5,
        ),
        Role(
            name="phx-build",
            seats=14,
            arguments=("--unit={token}",),
            is_scaled=False,
            lifetime_seconds=1.6,
            pause_seconds=0.4,
            beat_seconds=0.8,
            cpu_share=0.002,
            write_kib=4,
        ),
    ),
)

PROCESS_KILL: Final = Profile(
    name="process-kill",
    description="services and workers that are killed (-9) and started again, under other process ids",
    most_processes=200,
    max_cpu_share=0.2,
    max_memory_bytes=512 * 1024 * 1024,
    roles=(
        Role(
            name="phx-db",
            seats=3,
            arguments=("--data-directory=/srv/db/{seat}", "--port={seat:04}"),
            lifetime_seconds=45,
            is_killed=True,
            pause_seconds=1,
            beat_seconds=1,
            cpu_share=0.004,
            memory_chunks=(16, 48),
            read_kib=64,
            write_kib=64,
        ),
        Role(
            name="phx-api",
            seats=6,
            arguments=("--listen=127.0.0.1:{seat:04}", "--run={generation}"),
            lifetime_seconds=30,
            is_killed=True,
            pause_seconds=1,
            beat_seconds=1,
            cpu_share=0.0015,
            memory_chunks=(8, 24),
            read_kib=16,
            write_kib=8,
        ),
        Role(
            name="phx-worker",
            seats=20,
            arguments=("--queue=default", "--slot={seat}", "--run={generation}"),
            lifetime_seconds=20,
            is_killed=True,
            pause_seconds=1,
            beat_seconds=3,
            cpu_share=0.0004,
            memory_chunks=(2, 10),
            write_kib=16,
        ),
        Role(
            name="phx-logger",
            seats=10,
            arguments=("--tail=/var/log/app-{seat}.log",),
            beat_seconds=2,
            cpu_share=0.0005,
            write_kib=64,
        ),
        Role(
            name="phx-sidecar",
            seats=30,
            arguments=("--attach=pod-{seat:04}", "--admin-port=0"),
        ),
    ),
)

PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile for profile in (REALISTIC, HIGH_CARDINALITY, HIGH_CHURN, PROCESS_KILL)
}


def profile_named(name: str) -> Profile:
    """The profile of that name.

    Raises:
        NotFoundError: If there is none.
    """
    if name not in PROFILES:
        raise NotFoundError(
            f"profile: {name!r} does not exist; choose one of {', '.join(PROFILES)}"
        )
    return PROFILES[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a simulation may use at the most."""

    processes: int
    cpu_share: float
    """Of one core, all processes together."""
    memory_bytes: int
    """Private memory, all processes together."""

    @classmethod
    def of(
        cls,
        profile: Profile,
        *,
        processes: int | None = None,
        cpu_share: float | None = None,
        memory_bytes: int | None = None,
    ) -> "Limits":
        """The profile's own limits where none is given.

        Raises:
            InvalidInputError: If a limit is beyond what the profile allows, or the memory does not
                even hold the idle processes.
        """
        limits = cls(
            processes=profile.processes if processes is None else processes,
            cpu_share=profile.max_cpu_share if cpu_share is None else cpu_share,
            memory_bytes=profile.max_memory_bytes if memory_bytes is None else memory_bytes,
        )
        if not 1 <= limits.processes <= profile.most_processes:
            raise InvalidInputError(
                f"max_processes: {limits.processes} is not between 1 and {profile.most_processes}, "
                f"what {profile.name} allows"
            )
        if not 0 < limits.cpu_share <= 1:
            raise InvalidInputError(
                f"max_cpu_share: {limits.cpu_share} is not above 0 and at most 1 (one core)"
            )
        needed = limits.processes * SHELL_BYTES
        if limits.memory_bytes < needed:
            raise InvalidInputError(
                f"max_memory: {limits.memory_bytes} bytes do not hold {limits.processes} idle processes "
                f"({needed} bytes); raise max_memory or lower max_processes"
            )
        return limits
