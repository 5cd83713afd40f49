"""Which metrics may be summed over processes, and how; the one table behind every host total."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Additivity(StrEnum):
    INCREASES = "increases"
    """Work: what was added since the last scrape adds up over processes."""
    CURRENT_VALUES = "current_values"
    """State: the values of one scrape add up over processes."""


ADDITIVITY_OF: Final[Mapping[str, Additivity]] = {
    "process.cpu.time": Additivity.INCREASES,
    "process.disk.io": Additivity.INCREASES,
    "process.disk.operations": Additivity.INCREASES,
    "process.context_switches": Additivity.INCREASES,
    "process.paging.faults": Additivity.INCREASES,
    "process.memory.usage": Additivity.CURRENT_VALUES,
    "process.memory.virtual": Additivity.CURRENT_VALUES,
    "process.threads": Additivity.CURRENT_VALUES,
    "process.thread.count": Additivity.CURRENT_VALUES,
    "process.open_file_descriptors": Additivity.CURRENT_VALUES,
    "process.unix.file_descriptor.count": Additivity.CURRENT_VALUES,
    "process.handles": Additivity.CURRENT_VALUES,
    "process.signals_pending": Additivity.CURRENT_VALUES,
    "process.cpu.utilization": Additivity.CURRENT_VALUES,
    "process.memory.utilization": Additivity.CURRENT_VALUES,
}
"""By metric name, the old and the new semantic conventions. What is not here is not summed."""

RESOLUTION_OF: Final[Mapping[str, float]] = {"process.cpu.time": 0.01}
"""The step of a counter in its unit, where it is not 1: CPU time comes in clock ticks of 10 ms."""
