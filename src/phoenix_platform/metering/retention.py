"""Whether critical processes of the raw stream stayed visible one to one (docs/trial.md)."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from phoenix_platform.metering.processes import Process
from phoenix_platform.metering.samples import ProcessInstance
from phoenix_platform.metering.scrapes import ProcessMetrics, Scrape


class CriticalIdentity(StrEnum):
    """What makes a critical process visible."""

    INSTANCE = "instance"
    """A series that stands for this process alone: by its pid, or as a group of one."""
    NAME = "name"
    """A series with its executable name, however many processes share it."""


@dataclass(frozen=True, slots=True)
class Visible:
    """What a variant's output of one scrape can name."""

    pids: frozenset[int]
    metrics: ProcessMetrics
    """Of these."""
    groups: Mapping[Process, Collection[str]]
    """Groups of processes, and the names of their metrics."""


def expected_in(
    scrape: Scrape, before: Scrape | None, after: Scrape | None
) -> frozenset[ProcessInstance]:
    """The critical instances that must be visible in this scrape.

    The first scrape of an instance is not checked unless it is also the last: a process that was
    just born may lack what a filter looks at.
    """
    old = before.critical if before else frozenset[ProcessInstance]()
    lives_on = after.critical if after else frozenset[ProcessInstance]()
    return frozenset(
        instance
        for instance in scrape.critical
        if instance in old
        or (after is not None and before is not None and instance not in lives_on)
    )


def seen_in(
    scrape: Scrape,
    expected: frozenset[ProcessInstance],
    visible: Visible,
    identity: CriticalIdentity,
) -> frozenset[ProcessInstance]:
    """Those of the expected instances that the output shows."""
    by_pid = frozenset(instance for instance in expected if instance.pid in visible.pids)
    rest = expected - by_pid
    if not rest or not visible.groups:
        return by_pid
    process_of = {process.pid: process for process in scrape.processes}
    return by_pid | frozenset(
        instance
        for instance in rest
        if any(groups_showing(process_of[instance.pid], scrape, visible.groups, identity))
    )


def groups_showing(
    process: Process, scrape: Scrape, groups: Iterable[Process], identity: CriticalIdentity
) -> Iterator[Process]:
    """The groups that make this process of the raw scrape visible."""
    for group in groups:
        if not group.stands_for(process.attributes):
            continue
        if identity is CriticalIdentity.NAME and group.name == process.name:
            yield group
            continue
        members = sum(group.stands_for(other.attributes) for other in scrape.processes)
        if members == 1:
            yield group
