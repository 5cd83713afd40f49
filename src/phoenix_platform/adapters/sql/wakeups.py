"""Tells loops of this process to look now instead of at their next poll; nothing is lost when one is missed."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta


class Ear:
    """One loop's end of a bell. Rings while nobody waits are kept, as one."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, at_most: timedelta) -> bool:
        """Until the bell rings, or this time is over: whether it rang."""
        try:
            async with asyncio.timeout(at_most.total_seconds()):
                return await self._rung.wait()
        except TimeoutError:
            return False
        finally:
            self._rung.clear()


class Bell:
    """Rings for every loop that listens."""

    def __init__(self) -> None:
        self._ears: set[Ear] = set()

    def ring(self) -> None:
        for ear in self._ears:
            ear.ring()

    @contextmanager
    def listening(self) -> Generator[Ear]:
        ear = Ear()
        self._ears.add(ear)
        try:
            yield ear
        finally:
            self._ears.discard(ear)


class Bells:
    """Those of one process."""

    def __init__(self) -> None:
        self.waiting = Bell()
        """Events were put into the outbox: the publisher should number them."""
        self.published = Bell()
        """Events were numbered: whoever passes them on should read them."""

    def ring_all(self) -> None:
        self.waiting.ring()
        self.published.ring()
