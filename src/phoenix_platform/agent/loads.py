"""A load simulation of the desired state on this host: until its deadline, or until nobody wants it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from phoenix_platform.agent.load.simulation import LONGEST, LoadSimulation
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import PhoenixError
from phoenix_platform.opamp.desired_state import DesiredLoad
from phoenix_platform.opamp.host_reports import LoadReport

STARTING: Final = "starting"
RUNNING: Final = "running"
ENDED: Final = "ended"
FAILED: Final = "failed"


class LoadRun:
    """One load; after a restart of the agent it begins again for the time that is left."""

    def __init__(self, desired: DesiredLoad, *, clock: Clock, changed: Callable[[], None]) -> None:
        self._desired = desired
        self._clock = clock
        self._changed = changed
        self.report = self._report(STARTING)

    async def run(self, stop: asyncio.Event) -> None:
        """Run it until it ends or `stop` is set."""
        left = self._desired.deadline - self._clock.now()
        if left <= timedelta(0):
            self._say(ENDED)
            return
        self._changed()
        try:
            simulation = LoadSimulation(
                self._desired.profile, seed=self._desired.seed, duration=min(left, LONGEST)
            )
            async with simulation:
                self._say(RUNNING)
                await _first_of(simulation, stop)
        except PhoenixError as error:
            self._say(FAILED, str(error))
        else:
            self._say(ENDED)

    def _say(self, state: str, reason: str | None = None) -> None:
        self.report = self._report(state, reason)
        self._changed()

    def _report(self, state: str, reason: str | None = None) -> LoadReport:
        return LoadReport(
            load_id=self._desired.id, state=state, at=self._clock.now(), reason=reason
        )


async def _first_of(simulation: LoadSimulation, stop: asyncio.Event) -> None:
    ending = asyncio.create_task(simulation.wait())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((ending, stopping), return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            ending.result()
    finally:
        ending.cancel()
        stopping.cancel()
        await asyncio.gather(ending, stopping, return_exceptions=True)
