"""What a configuration does to the data, as facts that can be laid side by side.

A reader in this package turns the settings of one component into facts; `diffs` compares the facts of two
configurations. A fact that reads the same on both sides is no change, however the settings are written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from phoenix_platform.pipelines.documents import Value


class Area(StrEnum):
    """What of the data a change concerns; in the order in which a reader wants to know."""

    PROCESSES = "processes"
    METRICS = "metrics"
    ATTRIBUTES = "attributes"
    IDENTITY = "identity"
    """Which points are one series."""
    TEMPORALITY = "temporality"
    POINTS = "points"
    """Data points, spans and log records by other conditions than a name."""
    VALUES = "values"
    TIMING = "timing"
    DELIVERY = "delivery"
    STRUCTURE = "structure"
    """Components that come, go, move or get another name."""
    OPERATION = "operation"
    """How the collector runs: extensions, its own telemetry, memory; the data is the same."""
    UNKNOWN = "unknown"
    """Settings whose effect is not known here."""


OFF: Final = "off"
"""The value of a fact that says no more than its absence, where the other side has no such component."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that a component does, in words and as something to compare."""

    area: Area
    what: str
    """Its name inside the component, the same on both sides of a comparison."""
    value: str
    """As people read it; secrets are masked by whoever makes the fact."""
    effect: str
    """A sentence: what this means for the data."""
    gone: str = ""
    """The sentence for a configuration that has the fact no more."""
    members: frozenset[str] | None = None
    """Where the value is a set, so that a change can name what comes and what goes."""
    number: float | None = None
    """Where the value is a quantity whose ratio says something (seconds between scrapes)."""
    compared: str = ""
    """What is compared beside the value: a hash where the value is masked. Never shown."""
    is_order: bool = False
    """Where the members have an order: compared only if both sides have the same members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that is known of one component."""

    facts: tuple[Fact, ...] = ()
    rest: Mapping[str, Value] = field(default_factory=dict[str, Value])
    """Settings that no fact speaks of; compared key by key."""
    effects: Mapping[str, tuple[Area, str]] = field(default_factory=dict[str, tuple[Area, str]])
    """What a change of one of the rest's keys means; others are `otherwise`."""
    otherwise: tuple[Area, str] = (Area.UNKNOWN, "The effect on the data is not known.")


def numbered(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """The facts with unlike names: the second of one name gets a number, in the order they come."""
    seen: dict[str, int] = {}
    result: list[Fact] = []
    for fact in facts:
        count = seen[fact.what] = seen.get(fact.what, 0) + 1
        result.append(fact if count == 1 else replace(fact, what=f"{fact.what} ({count})"))
    return tuple(result)


def joined(members: Iterable[str]) -> str:
    return ", ".join(sorted(members)) or "nothing"


def shown(value: Value) -> str:
    """A setting on one line."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Mapping():
            return "{" + ", ".join(f"{key}: {shown(value[key])}" for key in sorted(value)) + "}"
        case tuple():
            return "[" + ", ".join(map(shown, value)) + "]"
        case str():
            words = " ".join(value.split()) or '""'
            # What a terminal or a page would take for a command is shown, not passed on.
            return words if words.isprintable() else ascii(words)[1:-1]
        case _:
            return str(value)


def mapping(value: Value) -> Mapping[str, Value]:
    """The value if it is a mapping, else an empty one: readers here never refuse, the collector does."""
    return value if isinstance(value, Mapping) else {}


def entries(value: Value) -> tuple[Value, ...]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, tuple) else ()


def texts(value: Value) -> tuple[str, ...]:
    return tuple(shown(entry) for entry in entries(value))


def without(settings: Mapping[str, Value], *keys: str) -> Mapping[str, Value]:
    return {key: value for key, value in settings.items() if key not in keys}
