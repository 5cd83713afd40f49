"""What the pipelines of the catalog did in measured trials, under each load profile.

`catalog/measured.yaml` is written by `make catalog-table` from the records of its trials, never by hand.
`phoenix pipeline show` prints the part of an entry; the entries themselves do not depend on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from phoenix_platform.pipelines.documents import read_document, thawed

FILE: Final = "measured.yaml"
_FOLDER: Final = resources.files("phoenix_platform.pipelines").joinpath("catalog")


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What was saved of points or series; shares, 0.3 reads "30 % less"."""

    window: float | None
    """In the trial's own window: a count, without error. None if the baseline let nothing out."""
    low: float | None
    """What the longer run saves at least, at 95 %; None where the trial was too short to say."""
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalError:
    """How far a host total of the output was from that of the raw scrapes."""

    wape: float | None
    """Σ|output - raw| / Σ raw over the intervals; None where there was none of it."""
    broken: int
    """Intervals in which they differ by more than the rounding of doubles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What the two collectors used; None where it was not measured."""

    baseline: float | None
    candidate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One trial of one entry under one load profile."""

    profile: str
    verdict: str
    seconds: int
    """The window of the trial."""
    intervals: int
    """Pairs of samples that were compared."""
    processes: int
    """Of the raw scrapes, median over the intervals."""
    series: Saved
    points: Saved
    totals: Mapping[str, TotalError]
    """By metric name."""
    critical_checks: int
    """Critical process and interval, each pair counted; 0 where the profile runs none."""
    critical_misses: int
    cores: Use
    """CPU of each collector in cores, at the trial's interval."""
    rss_bytes: Use
    """Resident memory of each collector, median over the intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What is the same for all trials."""

    date: str
    """Of the newest trial, ISO 8601."""
    machine: str
    collector: str
    interval_seconds: float
    most_seconds: int
    """A trial without a verdict ended after this time."""
    seed: int
    at_once: int
    """Trials that ran at the same time."""
    is_isolated: bool
    """Whether each trial saw the processes of its own load only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    conditions: Conditions
    entries: Mapping[str, tuple[Effect, ...]]
    """By entry of the catalog, in the order of the load profiles."""


@cache
def effects() -> Effects:
    """Everything that was measured."""
    text = _FOLDER.joinpath(FILE).read_text("utf-8")
    return msgspec.convert(thawed(read_document(text, name=FILE).root), Effects)
