"""What the user asked for, read and checked before anything starts."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.host import Host, Processes
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.prices import PriceBook
from phoenix_platform.core.units import parse_share
from phoenix_platform.metering.patterns import ProcessPattern, parse_pattern
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.configurations import Configuration
from phoenix_platform.pipelines.host_metrics import read_host_metrics
from phoenix_platform.pipelines.tried_pipelines import tried_pipelines

FAST_INTERVAL = timedelta(seconds=1)
SLOW_INTERVAL = timedelta(seconds=5)
MANY_PROCESSES = 300
"""From here on a scrape a second costs a noticeable part of a core (0.19 ms a process)."""
DEFAULT_PRODUCTION_INTERVAL = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOptions:
    """A trial as it was asked for, with everything it names found and read."""

    baseline: Configuration
    candidate: Configuration
    binary: CollectorBinary
    host: Host
    processes: Processes
    plan: Plan
    critical: tuple[ProcessPattern, ...]
    exporter: str | None
    ignore: frozenset[str]
    seed_load: str | None
    seed: int
    max_host_cpu: float
    """Share of the whole host."""
    record: Path
    books: tuple[PriceBook, ...] = ()
    """What the run is priced with; one if it was chosen."""
    prometheus: str | None = None
    """Who is asked the queries of the plan; None: the one that the environment names."""
    hosts: int | None = None
    """Hosts to extrapolate the cost to; None: this one."""


def production_interval_of(
    candidate: Configuration, environment: dict[str, str], asked: timedelta | None
) -> timedelta:
    """The interval that CPU is judged at: as asked, else the candidate's own, else a minute."""
    if asked is not None:
        return asked
    receivers = tried_pipelines(candidate).receivers
    intervals = [read_host_metrics(candidate, one, environment).interval for one in receivers]
    return min(intervals, default=DEFAULT_PRODUCTION_INTERVAL)


def default_interval(processes: int) -> timedelta:
    return FAST_INTERVAL if processes < MANY_PROCESSES else SLOW_INTERVAL


def parse_patterns(texts: list[str]) -> tuple[ProcessPattern, ...]:
    return tuple(parse_pattern(text, field="--critical") for text in texts)


def preserves_totals(reference: str, *, accepts_loss: bool) -> bool:
    """Whether a pipeline declares that host totals stay whole.

    An entry of the catalog says so itself. Of one's own pipeline nothing is known beforehand: it must
    keep them, unless their loss is accepted.
    """
    if reference in catalog.names():
        return catalog.get(reference).totals_preserved
    return not accepts_loss


def share_or_none(text: str | None, *, field: str) -> float | None:
    return None if text is None else parse_share(text, field=field)


def totals_sentences(plan: Plan) -> list[str]:
    """What is to be known of host totals before the start; nothing where they must be kept."""
    if plan.may_lose_totals:
        return ["host totals: their loss is accepted; the verdict says what is lost"]
    if not plan.totals_preserved:
        without = "without --accept-lost-totals it cannot be promoted"
        return [f"host totals: the candidate declares that it does not preserve them; {without}"]
    if plan.accept_lost_totals:
        return ["host totals: the catalog says that the candidate preserves them, so it must"]
    return []
