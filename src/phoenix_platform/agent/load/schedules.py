"""What happens when in a simulated load: a pure function of profile, size and seed.

The supervisor plays it; tests compare it. Each seat draws from a generator of its own, so that
scaling one role leaves the lives of the others as they were.
"""

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias

from phoenix_platform.agent.load.profiles import Profile, Role

SPIKE_FACTOR: Final = 8
LONGEST_BURST_SECONDS: Final = 0.3
"""No single piece of CPU work is longer, so that every process stays quick to stop."""
_SHORTEST_LIFE_SECONDS: Final = 2.0
"""Where lives are long; of short ones, none is shorter than half of the mean."""
_HEX_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Life:
    """One process of the simulation, from its start to its end."""

    role: str
    seat: int
    generation: int
    """0 for the first process of the seat."""


@dataclass(frozen=True, slots=True)
class Start:
    at: float
    """Seconds since the start of the simulation."""
    life: Life
    arguments: tuple[str, ...]
    """Its command line after the name."""
    works: bool
    """Whether any `Work` follows; an idle process needs no channel."""


@dataclass(frozen=True, slots=True)
class Work:
    at: float
    life: Life
    cpu_seconds: float
    memory_chunks: int
    """Memory to hold from now on, in chunks of 256 KiB."""
    read_kib: int
    write_kib: int


@dataclass(frozen=True, slots=True)
class End:
    at: float
    life: Life
    is_kill: bool = False
    """SIGKILL instead of SIGTERM."""


Event: TypeAlias = Start | Work | End


def schedule(profile: Profile, *, processes: int, seed: int) -> Iterator[Event]:
    """All events in order of time, without end where a role has restarts or work.

    At most `processes` lives overlap.
    """
    seats = [
        _seat_events(role, seat, Random(f"{seed}/{role.name}/{seat}"))  # noqa: S311 - a schedule, no secret
        for role, count in seats_of(profile, processes=processes)
        for seat in range(count)
    ]
    return heapq.merge(*seats, key=lambda event: event.at)


def seats_of(profile: Profile, *, processes: int) -> list[tuple[Role, int]]:
    """How many seats each role gets when `processes` may live at once, largest remainders first.

    Each role keeps at least one seat while there are enough for all; else the first roles do. Roles
    that are not scaled keep all of theirs while every other still has one.
    """
    fixed = sum(role.seats for role in profile.roles if not role.is_scaled)
    scaled = [role for role in profile.roles if role.is_scaled]
    if fixed and processes >= fixed + len(scaled):
        counts = _shares_of(scaled, processes - fixed)
        return [
            (role, counts[role.name] if role.is_scaled else role.seats) for role in profile.roles
        ]
    if processes <= len(profile.roles):
        return [(role, 1) for role in profile.roles[:processes]]
    counts = _shares_of(profile.roles, processes)
    return [(role, counts[role.name]) for role in profile.roles]


def _shares_of(roles: Sequence[Role], processes: int) -> dict[str, int]:
    """One seat each, the spare ones in proportion, the largest remainders first."""
    spare = processes - len(roles)
    weights = [role.seats - 1 for role in roles]
    exact = [spare * weight / max(1, sum(weights)) for weight in weights]
    counts = [1 + math.floor(share) for share in exact]
    by_remainder = sorted(
        range(len(counts)), key=lambda index: (math.floor(exact[index]) - exact[index], index)
    )
    for index in by_remainder[: processes - sum(counts)]:
        counts[index] += 1
    return {role.name: count for role, count in zip(roles, counts, strict=True)}


def expected_cpu_share(profile: Profile, *, processes: int) -> float:
    """Mean CPU time of all processes together as a share of one core, before any limit."""
    return sum(
        count * role.cpu_share * _occupancy(role) * (1 + role.spike_chance * (SPIKE_FACTOR - 1))
        for role, count in seats_of(profile, processes=processes)
    )


def _occupancy(role: Role) -> float:
    if role.lifetime_seconds is None:
        return 1
    return role.lifetime_seconds / (role.lifetime_seconds + role.pause_seconds)


def _seat_events(role: Role, seat: int, random: Random) -> Iterator[Event]:
    # Seats with long pauses start somewhere in their cycle, or all jobs would come at once.
    cycle = (role.lifetime_seconds or 0) + role.pause_seconds
    at = random.random() * cycle * (1 - _occupancy(role))
    generation = 0
    while True:
        life = Life(role.name, seat, generation)
        yield Start(at, life, _arguments(role, life, random), works=role.beat_seconds is not None)
        end = _end_of(role, at, generation, random)
        yield from _works(role, life, at, end, random)
        if end == math.inf:
            return
        yield End(end, life, is_kill=role.is_killed)
        at = end + _around(role.pause_seconds, random)
        generation += 1


def _arguments(role: Role, life: Life, random: Random) -> tuple[str, ...]:
    token = f"{random.getrandbits(_HEX_BITS):016x}"
    return tuple(
        argument.format(seat=life.seat, generation=life.generation, token=token)
        for argument in role.arguments
    )


def _end_of(role: Role, start: float, generation: int, random: Random) -> float:
    if role.lifetime_seconds is None:
        return math.inf
    length = _around(role.lifetime_seconds, random)
    if generation == 0:
        length *= random.random()  # the first one was already alive when we came
    return start + max(min(_SHORTEST_LIFE_SECONDS, role.lifetime_seconds / 2), length)


def _works(role: Role, life: Life, start: float, end: float, random: Random) -> Iterator[Work]:
    if role.beat_seconds is None:
        return
    phase = random.random()
    at = start + random.random() * role.beat_seconds
    while at < end:
        beat = _around(role.beat_seconds, random)
        cpu = role.cpu_share * beat
        if random.random() < role.spike_chance:
            cpu *= SPIKE_FACTOR
        wave = 1 - abs(1 - 2 * ((at / role.memory_period_seconds + phase) % 1))
        low, high = role.memory_chunks
        yield Work(
            at,
            life,
            cpu_seconds=min(cpu, LONGEST_BURST_SECONDS),
            memory_chunks=low + round(wave * (high - low)),
            read_kib=round(_around(role.read_kib, random)),
            write_kib=round(_around(role.write_kib, random)),
        )
        at += beat


def _around(mean: float, random: Random) -> float:
    """Uniform between half and one and a half of the mean."""
    return mean * (0.5 + random.random())
