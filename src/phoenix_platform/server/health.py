"""Whether this process lives, has started, and may be sent requests. Routes: `server.routes.health`.

/livez looks at nothing but this process. /readyz asks what it depends on, each with a time limit, at once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import PhoenixError

ReadinessCheck: TypeAlias = Callable[[], Awaitable[None]]
"""Returns when the dependency answers; raises what is wrong with it."""

TICK_SECONDS: Final = 0.25
_REMEMBERED_SECONDS: Final = 15.0
"""How long a blocked turn is remembered: one and a half periods of a common liveness probe."""


@dataclass(slots=True, kw_only=True)
class Health:
    clock: Clock
    max_loop_lag_seconds: float
    check_timeout_seconds: float
    is_started: bool = False
    is_draining: bool = False
    checks: dict[str, ReadinessCheck] = field(default_factory=dict[str, ReadinessCheck])
    _lags: deque[tuple[float, float]] = field(default_factory=deque[tuple[float, float]])

    def require(self, name: str, check: ReadinessCheck) -> None:
        """Let `/readyz` depend on this too."""
        self.checks[name] = check

    @property
    def loop_lag_seconds(self) -> float:
        """The latest that a turn of the event loop was late, within the last seconds."""
        oldest = self.clock.monotonic() - _REMEMBERED_SECONDS
        while self._lags and self._lags[0][0] < oldest:
            self._lags.popleft()
        return max((lag for _, lag in self._lags), default=0.0)

    def note_lag(self, seconds: float) -> None:
        """Remember that a turn was late by this much."""
        self._lags.append((self.clock.monotonic(), seconds))

    def is_alive(self) -> bool:
        return self.loop_lag_seconds < self.max_loop_lag_seconds

    async def failures(self) -> dict[str, str]:
        """By dependency, why this process cannot serve; empty: it can."""
        if self.is_draining:
            return {"drain": "this process is going away"}
        if not self.is_started:
            return {"start": "this process is still starting"}
        found = await asyncio.gather(*(self._failure(check) for check in self.checks.values()))
        return {name: failure for name, failure in zip(self.checks, found, strict=True) if failure}

    async def watch_loop(self) -> None:
        """Measure how late the event loop is, until cancelled."""
        while True:
            before = self.clock.monotonic()
            await asyncio.sleep(TICK_SECONDS)
            self.note_lag(max(0.0, self.clock.monotonic() - before - TICK_SECONDS))

    async def _failure(self, check: ReadinessCheck) -> str | None:
        try:
            async with asyncio.timeout(self.check_timeout_seconds):
                await check()
        except TimeoutError:
            return f"no answer within {self.check_timeout_seconds:g} s"
        except (PhoenixError, OSError) as error:
            return type(error).__name__  # its text may hold addresses, and anybody may ask
        return None
