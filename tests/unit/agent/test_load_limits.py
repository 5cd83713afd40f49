"""What a simulation may use, and how it is held to it."""

import pytest

from phoenix_platform.agent.load.budgets import CpuBudget, MemoryBudget
from phoenix_platform.agent.load.profiles import REALISTIC, SHELL_BYTES, Limits, profile_named
from phoenix_platform.agent.load.schedules import Life
from phoenix_platform.core.errors import InvalidInputError, NotFoundError


def test_an_unknown_profile_is_named_with_those_there_are() -> None:
    with pytest.raises(NotFoundError, match="'calm' does not exist; choose one of realistic, high"):
        profile_named("calm")


def test_without_limits_the_profile_s_own_hold() -> None:
    assert Limits.of(REALISTIC) == Limits(
        processes=125, cpu_share=0.2, memory_bytes=512 * 1024 * 1024
    )


@pytest.mark.parametrize("processes", [0, 201])
def test_a_number_of_processes_beyond_the_profile_is_refused(processes: int) -> None:
    with pytest.raises(InvalidInputError, match=rf"^max_processes: {processes} is not between"):
        Limits.of(REALISTIC, processes=processes)


@pytest.mark.parametrize("share", [0.0, 1.5])
def test_a_cpu_share_beyond_one_core_is_refused(share: float) -> None:
    with pytest.raises(InvalidInputError, match=r"^max_cpu_share: "):
        Limits.of(REALISTIC, cpu_share=share)


def test_memory_must_hold_the_idle_processes() -> None:
    with pytest.raises(InvalidInputError, match=r"^max_memory: .* do not hold 10 idle"):
        Limits.of(REALISTIC, processes=10, memory_bytes=10 * SHELL_BYTES - 1)
    assert Limits.of(REALISTIC, processes=10, memory_bytes=10 * SHELL_BYTES).processes == 10


def test_cpu_time_is_granted_as_time_passes() -> None:
    budget = CpuBudget(share=0.1)
    assert budget.take(0.05) == 0
    budget.advance(1.0)
    assert budget.take(0.05) == 0.05
    assert budget.take(0.06) == 0
    assert budget.take(0.05) == 0.05


def test_unspent_cpu_time_is_kept_for_five_seconds_only() -> None:
    budget = CpuBudget(share=0.1)
    budget.advance(1000.0)
    assert budget.take(0.51) == 0
    assert budget.take(0.5) == 0.5


def test_what_the_kernel_counted_beyond_the_grants_is_paid_back() -> None:
    budget = CpuBudget(share=0.1)
    budget.advance(1.0)
    budget.correct(0.5)
    budget.advance(4.9)
    assert budget.take(0.01) == 0
    budget.advance(5.2)
    assert budget.take(0.01) == 0.01


def test_a_lower_count_of_the_kernel_gives_nothing_back() -> None:
    budget = CpuBudget(share=0.1)
    budget.advance(1.0)
    assert budget.take(0.1) == 0.1
    budget.correct(0.0)
    assert budget.take(0.01) == 0


def test_memory_is_held_up_to_the_limit_and_given_back() -> None:
    budget = MemoryBudget(limit_bytes=100)
    first, second = Life("phx-db", 0, 0), Life("phx-db", 1, 0)
    assert budget.hold(first, 60)
    assert not budget.hold(second, 50)
    assert budget.hold(first, 40)
    assert budget.hold(second, 60)
    budget.release(first)
    budget.release(first)
    assert budget.hold(second, 100)
