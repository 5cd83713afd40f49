"""What a report is about: a record as it was read, its verdict reached again, and the course of the run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from phoenix_platform.analysis.costs import CostEstimate
from phoenix_platform.analysis.histories import JudgedInterval, judged_intervals
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.records import differences, judge_again
from phoenix_platform.analysis.verdicts import Conditions, Judgement
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.reports.markup import short_name
from phoenix_platform.cli.reports.thinning import Point
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.sample_columns import samples_of
from phoenix_platform.metering.samples import Sample, Variant

NANOSECONDS: Final = 1e9
_MOST_NAMES: Final = 3


class RecordedHost(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    processors: int | None = None
    memory_bytes: int | None = None
    processes: int | None = None
    processes_with_unreadable_io: int | None = None


class RecordedMember(msgspec.Struct, frozen=True, kw_only=True):
    """One host of a fleet's experiment."""

    name: str
    state: str
    reason: str | None = None


class RecordedCollector(msgspec.Struct, frozen=True, kw_only=True):
    distribution: str | None = None
    version: str | None = None
    upstream_version: str | None = None
    build_id: str | None = None
    sha256: str | None = None


class RecordedVariant(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    content_hash: str | None = None
    configuration: Any = None
    """As its author wrote it, secrets masked."""
    config: Any = None
    """As it ran: receivers and exporters lead into the trial."""
    relay_every: int | None = None
    drops_with: tuple[str, ...] = ()
    """Component ids that drop processes, or sum them up."""


class RecordedUse(msgspec.Struct, frozen=True, kw_only=True):
    cpu_seconds: float | None = None
    rss_bytes: int | None = None


class RecordedLoss(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    processes: int
    visible: Mapping[Variant, int]


class RecordedTrial(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a record that the report shows; what an older record lacks stays empty.

    A trial has one `host`, an experiment of a fleet has `hosts`.
    """

    id: str
    phoenix_version: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    host: RecordedHost | None = None
    hosts: tuple[RecordedMember, ...] = ()
    collector: RecordedCollector = RecordedCollector()
    plan: Plan
    conditions: Conditions
    options: Mapping[str, Any] = {}
    variants: Mapping[Variant, RecordedVariant]
    notes: tuple[str, ...] = ()
    not_measured: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    counts: Mapping[str, int] = {}
    usage: Mapping[str, RecordedUse] = {}
    losses: tuple[RecordedLoss, ...] = ()
    series_by_metric: Mapping[Variant, Mapping[str, int]] = {}
    costs: tuple[CostEstimate, ...] = ()

    @property
    def place(self) -> str:
        """Where it ran, in one line."""
        if self.host is not None:
            return short_name(self.host.name)
        names = [short_name(one.name) for one in self.hosts]
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return ", ".join(names[:_MOST_NAMES]) + more or NO_DATA


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    file_name: str
    """Without its folder: the report must not depend on where the record lies."""
    trial: RecordedTrial
    judgement: Judgement
    """Reached again from the samples."""
    contradictions: tuple[str, ...]
    """Where the recorded judgement differs from it."""
    is_broken_off: bool
    """Whether the record has no judgement of its own."""
    samples: tuple[Sample, ...]
    intervals: tuple[JudgedInterval, ...]

    commands: tuple[str, ...]
    """What checks the file."""

    @property
    def started_unix_nano(self) -> int:
        return self.intervals[0].started_unix_nano if self.intervals else 0

    @property
    def seconds(self) -> float:
        """Of the window: from the first scrape judged to the last."""
        if not self.intervals:
            return 0.0
        return self.seconds_at(self.intervals[-1].ended_unix_nano)

    def seconds_at(self, unix_nano: int) -> float:
        return (unix_nano - self.started_unix_nano) / NANOSECONDS

    def name_of(self, variant: Variant) -> str:
        return self.trial.variants[variant].name

    def course(
        self, variant: Variant, value_of: Callable[[Sample], float | None], *, is_mean: bool = False
    ) -> list[Point]:
        """One value per interval, summed over the hosts compared (or their mean); None is a gap."""
        return [
            Point(
                self.seconds_at(interval.ended_unix_nano),
                _joined([value_of(one) for one in of_variant(interval, variant)], is_mean=is_mean),
            )
            for interval in self.intervals
        ]


def of_variant(interval: JudgedInterval, variant: Variant) -> list[Sample]:
    """The samples of one variant on the hosts that were compared in this interval."""
    return [pair[0] if variant is Variant.BASELINE else pair[1] for pair in interval.compared]


def subject_of(
    record: Mapping[str, Any], *, file_name: str, commands: Sequence[str] = ()
) -> Subject:
    """What a record tells.

    Raises:
        InvalidInputError: If it is no record of a trial, or a part of it is missing or wrong.
    """
    judgement = judge_again(record)
    try:
        trial = msgspec.convert(record, RecordedTrial)
    except msgspec.ValidationError as error:
        raise InvalidInputError(f"{file_name}: not the record of a trial: {error}") from error
    if trial.host is None and not trial.hosts:
        raise InvalidInputError("host: missing from the record, and no hosts are in it")
    missing = [variant for variant in Variant if variant not in trial.variants]
    if missing:
        raise InvalidInputError(f"variants: {missing[0]} is missing from the record")
    samples = tuple(samples_of(record["samples"]))
    is_broken_off = record.get("judgement") is None
    return Subject(
        file_name=file_name,
        trial=trial,
        judgement=judgement,
        contradictions=() if is_broken_off else tuple(differences(record, judgement)),
        is_broken_off=is_broken_off,
        samples=samples,
        intervals=judged_intervals(samples, trial.plan, trial.conditions, judgement),
        commands=tuple(commands),
    )


def _joined(values: Sequence[float | None], *, is_mean: bool) -> float | None:
    measured = [value for value in values if value is not None]
    if not measured:
        return None
    return sum(measured) / len(measured) if is_mean else sum(measured)
