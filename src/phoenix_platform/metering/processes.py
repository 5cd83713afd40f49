"""The process that a series speaks of, read from its attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from phoenix_platform.metering.patterns import ProcessPattern
from phoenix_platform.otlp.series import Attributes, AttributeValue, shown

PREFIX: Final = "process."
PID: Final = "process.pid"
NAME: Final = "process.executable.name"

UNNAMED: Final = "(unnamed)"
"""Shown for a process whose executable name could not be read or was taken out."""


@dataclass(frozen=True, slots=True, eq=False)
class Process:
    """A process, or a group of processes, as one stream names it. Compared by identity."""

    attributes: Mapping[str, AttributeValue]
    """Only those that begin with `process.`."""
    pid: int | None
    """None where the pid was taken out: the series stands for a group."""
    name: str
    is_critical: bool

    def stands_for(self, attributes: Attributes) -> bool:
        """Whether a process with these attributes belongs to this group."""
        return all(attributes.get(key) == value for key, value in self.attributes.items())


def process_of(attributes: Attributes, critical: Sequence[ProcessPattern]) -> Process | None:
    """The process these attributes name; None if they name none."""
    own = {key: value for key, value in attributes.items() if key.startswith(PREFIX)}
    if not own:
        return None
    pid, name = own.get(PID), own.get(NAME)
    return Process(
        own,
        pid if isinstance(pid, int) and not isinstance(pid, bool) else None,
        shown(name) if isinstance(name, str) and name else UNNAMED,
        any(pattern.matches(own) for pattern in critical),
    )
