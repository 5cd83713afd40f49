"""The schedule of a simulated load: what it promises, over many draws."""

from itertools import groupby, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phoenix_platform.agent.load.profiles import (
    HIGH_CARDINALITY,
    HIGH_CHURN,
    PROCESS_KILL,
    PROFILES,
    REALISTIC,
    Profile,
)
from phoenix_platform.agent.load.schedules import (
    LONGEST_BURST_SECONDS,
    End,
    Event,
    Life,
    Start,
    Work,
    expected_cpu_share,
    schedule,
    seats_of,
)


def the_first_minutes(
    profile: Profile, *, processes: int, seed: int, seconds: float = 180
) -> list[Event]:
    events = schedule(profile, processes=processes, seed=seed)
    return list(takewhile(lambda event: event.at < seconds, events))


def most_alive(events: list[Event]) -> int:
    change = {Start: 1, End: -1, Work: 0}
    alive = most = 0
    for event in events:
        alive += change[type(event)]
        most = max(most, alive)
    return most


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_equal_seeds_give_equal_schedules_and_others_do_not(profile: Profile) -> None:
    first = the_first_minutes(profile, processes=60, seed=7)
    assert the_first_minutes(profile, processes=60, seed=7) == first
    assert the_first_minutes(profile, processes=60, seed=8) != first


@settings(deadline=None)  # a busy machine is no fault of the schedule
@given(st.integers(1, 200), st.integers())
def test_never_more_processes_than_allowed_and_time_runs_forward(processes: int, seed: int) -> None:
    events = the_first_minutes(REALISTIC, processes=processes, seed=seed, seconds=40)
    assert most_alive(events) <= processes
    assert [event.at for event in events] == sorted(event.at for event in events)


def test_a_life_starts_then_works_then_ends() -> None:
    alive: set[Life] = set()
    ended: set[Life] = set()
    for event in the_first_minutes(REALISTIC, processes=125, seed=1):
        match event:
            case Start():
                assert event.life not in alive | ended
                alive.add(event.life)
            case Work():
                assert event.life in alive
            case End():
                alive.remove(event.life)
                ended.add(event.life)
    assert len(ended) > 40


def test_the_realistic_profile_has_dozens_of_lives_and_two_services_that_stay() -> None:
    events = the_first_minutes(REALISTIC, processes=125, seed=1, seconds=600)
    lives = {event.life for event in events if isinstance(event, Start)}
    ended = {event.life.role for event in events if isinstance(event, End)}
    assert 50 <= most_alive(events) <= 125
    assert len(lives) > 150
    assert {"phx-db", "phx-api"}.isdisjoint(ended)
    assert {"phx-worker", "phx-cron", "phx-batch", "phx-web"} <= ended


def test_the_realistic_profile_spikes_and_its_memory_grows_and_falls() -> None:
    works = [
        event
        for event in the_first_minutes(REALISTIC, processes=125, seed=1, seconds=600)
        if isinstance(event, Work) and event.life == Life("phx-db", 0, 0)
    ]
    usual = sorted(work.cpu_seconds for work in works)[len(works) // 2]
    assert max(work.cpu_seconds for work in works) > 4 * usual
    held = [chunks for chunks, _ in groupby(work.memory_chunks for work in works)]
    assert max(held) - min(held) > 20
    neighbours = zip(held, held[1:], held[2:], strict=False)
    assert sum((now > before) != (after > now) for before, now, after in neighbours) >= 2


def test_the_work_asked_for_is_what_the_profile_expects() -> None:
    events = the_first_minutes(REALISTIC, processes=125, seed=3, seconds=900)
    asked = sum(event.cpu_seconds for event in events if isinstance(event, Work)) / 900
    assert asked == pytest.approx(expected_cpu_share(REALISTIC, processes=125), rel=0.1)
    assert expected_cpu_share(REALISTIC, processes=200) < REALISTIC.max_cpu_share


def test_no_burst_is_longer_than_stopping_may_take() -> None:
    works = (event for event in the_first_minutes(REALISTIC, processes=200, seed=5))
    assert all(
        work.cpu_seconds <= LONGEST_BURST_SECONDS for work in works if isinstance(work, Work)
    )


def test_idle_processes_have_command_lines_of_their_own() -> None:
    events = the_first_minutes(HIGH_CARDINALITY, processes=2000, seed=1)
    assert len(events) == 2000
    assert len({event.arguments for event in events if isinstance(event, Start)}) == 2000


@given(st.integers(1, 2000))
def test_seats_add_up_to_what_is_allowed(processes: int) -> None:
    for profile in PROFILES.values():
        counts = seats_of(profile, processes=processes)
        assert sum(count for _, count in counts) == processes
        assert all(count >= 1 for _, count in counts)


def test_unscaled_every_role_has_its_own_seats() -> None:
    counts = seats_of(REALISTIC, processes=REALISTIC.processes)
    assert [count for _, count in counts] == [role.seats for role in REALISTIC.roles]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_the_kernel_does_not_cut_off_a_name(profile: Profile) -> None:
    assert all(len(role.name.encode()) <= 15 for role in profile.roles)
    assert len({role.name for role in profile.roles}) == len(profile.roles)


@pytest.mark.parametrize("processes", [50, 103, 1_500])
def test_the_churn_stays_when_the_population_is_scaled(processes: int) -> None:
    events = the_first_minutes(HIGH_CHURN, processes=processes, seed=3, seconds=60)
    births = [event for event in events if isinstance(event, Start) and event.at > 5]
    assert 20 <= len(births) / 55 <= 30
    assert most_alive(events) <= processes
    assert sum(seats for _, seats in seats_of(HIGH_CHURN, processes=processes)) == processes


def test_without_room_for_the_churn_every_role_is_scaled() -> None:
    assert [seats for _, seats in seats_of(HIGH_CHURN, processes=6)] == [1] * 6
    assert sum(seats for _, seats in seats_of(HIGH_CHURN, processes=30)) == 30


def test_the_short_processes_live_for_less_than_three_seconds() -> None:
    began: dict[Life, float] = {}
    ages: list[float] = []
    for event in the_first_minutes(HIGH_CHURN, processes=103, seed=1, seconds=30):
        match event:
            case Start():
                began[event.life] = event.at
            case End():
                ages.append(event.at - began[event.life])
            case Work():
                pass
    assert len(ages) > 500
    assert min(ages) > 0.19
    assert max(ages) < 2.5


def test_services_are_killed_and_come_again_under_the_same_name() -> None:
    events = the_first_minutes(PROCESS_KILL, processes=69, seed=1)
    ends = [event for event in events if isinstance(event, End)]
    assert ends
    assert all(end.is_kill for end in ends)
    assert {end.life.role for end in ends} == {"phx-db", "phx-api", "phx-worker"}
    starts = {event.life for event in events if isinstance(event, Start)}
    returned = [
        end for end in ends if Life(end.life.role, end.life.seat, end.life.generation + 1) in starts
    ]
    assert len(returned) > 0.9 * len(ends)
    assert not any(
        event.is_kill
        for event in the_first_minutes(REALISTIC, processes=125, seed=1)
        if isinstance(event, End)
    )
