"""Gauges whose values must be asked for, such as the length of a queue in the database.

They are asked for every few seconds, not while Prometheus scrapes. Until the first answer, and while the database is
away, there is no value rather than an old one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.server.metrics import ServerMetrics

EVERY_SECONDS: Final = 5.0

AskGauge: TypeAlias = Callable[[], Awaitable[Mapping[tuple[str, ...], float]]]
"""Values by the values of the labels."""


@dataclass(slots=True)
class Measuring:
    metrics: ServerMetrics
    _asked: dict[str, AskGauge] = field(default_factory=dict[str, AskGauge])
    _values: dict[str, Mapping[tuple[str, ...], float]] = field(
        default_factory=dict[str, Mapping[tuple[str, ...], float]]
    )

    def add(self, name: str, help_text: str, ask: AskGauge, labels: Sequence[str] = ()) -> None:
        """Show what `ask` gave last, as `name`.

        Raises:
            ConflictError: If the name is taken.
        """
        self.metrics.add_gauge(name, help_text, lambda: self._values.get(name, {}), labels)
        self._asked[name] = ask

    async def run(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            await self.ask_once()
            await asyncio.sleep(EVERY_SECONDS)

    async def ask_once(self) -> None:
        for name, ask in self._asked.items():
            try:
                self._values[name] = await ask()
            except UnavailableError:
                self._values.pop(name, None)
