"""The only place that reads the time; everybody else is handed a `Clock`."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The wall clock, in UTC."""
        ...

    def unix_nano(self) -> int:
        """The wall clock, nanoseconds since 1970 (the time OTLP points carry)."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back. Use it for durations."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(tz=UTC)

    def unix_nano(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass(slots=True)
class FixedClock:
    """A clock that stands still until it is told to move."""

    nanoseconds: int = 1_800_000_000_000_000_000

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.nanoseconds / 1e9, tz=UTC)

    def unix_nano(self) -> int:
        return self.nanoseconds

    def monotonic(self) -> float:
        return self.nanoseconds / 1e9

    def advance(self, seconds: float) -> None:
        self.nanoseconds += round(seconds * 1e9)
