import asyncio

import pytest
from tests.server_parts import until

from phoenix_platform.core.clock import FixedClock, SystemClock
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.server.health import Health


def a_health(clock: FixedClock | SystemClock, timeout: float = 30) -> Health:
    return Health(clock=clock, max_loop_lag_seconds=5, check_timeout_seconds=timeout)


def test_a_late_turn_of_the_event_loop_ends_life_until_it_is_forgotten() -> None:
    clock = FixedClock()
    health = a_health(clock)
    health.note_lag(4.9)
    assert health.is_alive()
    health.note_lag(5.1)
    assert not health.is_alive()
    clock.advance(14)
    assert not health.is_alive()
    clock.advance(2)
    assert health.is_alive()
    assert health.loop_lag_seconds == 0


async def test_the_loop_is_measured_while_it_runs() -> None:
    clock = FixedClock()
    health = a_health(clock)
    watching = asyncio.create_task(health.watch_loop())
    await asyncio.sleep(0)
    clock.advance(7.25)
    await until(lambda: health.loop_lag_seconds > 0)
    watching.cancel()
    assert health.loop_lag_seconds == pytest.approx(7.0)


async def test_a_process_is_ready_when_it_started_and_everything_answers() -> None:
    health = a_health(SystemClock())

    async def fine() -> None:
        return

    health.require("database", fine)
    assert await health.failures() == {"start": "this process is still starting"}
    health.is_started = True
    assert await health.failures() == {}
    health.is_draining = True
    assert await health.failures() == {"drain": "this process is going away"}


async def test_what_is_away_is_named_without_its_address() -> None:
    health = a_health(SystemClock(), timeout=0.01)
    health.is_started = True

    async def away() -> None:
        raise UnavailableError("postgresql://user:password@db is away")

    async def silent() -> None:
        await asyncio.Event().wait()

    health.require("database", away)
    health.require("bus", silent)
    assert await health.failures() == {
        "database": "UnavailableError",
        "bus": "no answer within 0.01 s",
    }
