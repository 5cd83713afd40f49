"""Experiments: two pipelines over the same input of many hosts, from a plan to a verdict.

Frozen values; what moves them is in `experiment_lifecycle` (the table) and `experiment_steps` (what to do
next). The plan, the hosts and the configurations are part of it: a version published later changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType, Self
from uuid import UUID

from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.verdicts import Verdict
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.experiment_lifecycle import ENDED, Phase, Trigger, next_phase
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.domain.selectors import Selector
from phoenix_platform.domain.tenants import TenantId

ExperimentId = NewType("ExperimentId", UUID)
_MAX_NAME = 200


class HostState(StrEnum):
    """Where one host of an experiment stands."""

    PENDING = "pending"
    """Chosen; its desired state holds the experiment or soon will."""
    FLOWING = "flowing"
    """Points of both variants arrive."""
    EXCLUDED = "excluded"
    """Left out by a rule, with its reason; its samples up to then stay."""
    DONE = "done"
    """Ended there, and all its samples are here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantPipeline:
    """What a variant runs: frozen when the experiment is made."""

    reference: str
    """As it was asked for: a catalog name, or `<pipeline>@<number>`."""
    hash: str
    text: str
    totals_preserved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A load simulation that runs with the experiment on each of its hosts."""

    profile: str
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentHost:
    host_id: HostId
    name: str
    state: HostState = HostState.PENDING
    reason: str | None = None
    log_tail: tuple[str, ...] = ()
    since: datetime
    run_id: str | None = None
    idle_cores: float | None = None
    interval_seconds: float | None = None
    """Between two scrapes, as the host does them."""
    through_sequence: int | None = None
    """Number of the last sample that it says it has made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    experiment_id: ExperimentId
    number: int
    """Counted from 1 within the experiment."""
    before: Phase
    after: Phase
    trigger: Trigger
    actor: str
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    id: ExperimentId
    tenant_id: TenantId
    name: str
    selector: Selector
    baseline: VariantPipeline
    candidate: VariantPipeline
    plan: Plan
    exporter: str | None = None
    ignore: tuple[str, ...] = ()
    load: Load | None = None
    max_host_cpu_share: float = 0.1
    """Share of a host that the experiment may use there; beyond it the host leaves."""
    quorum: float = 0.5
    """Least share of the chosen hosts that must be flowing, in (0, 1]."""
    deploy_timeout: timedelta = timedelta(minutes=5)
    """A host that is not flowing by then is left out."""
    absent_after: timedelta = timedelta(minutes=2)
    """A host without a sample for so long is left out, and named."""
    allow_overlap: bool = False
    """Whether its hosts may be in other running experiments too."""
    starts_at: datetime | None = None
    """Starts by itself then; None: when somebody starts it."""
    created_at: datetime
    created_by: str
    phase: Phase = Phase.DRAFT
    started_at: datetime | None = None
    running_since: datetime | None = None
    deadline: datetime | None = None
    """Set at the start; hosts end by themselves then."""
    ended_at: datetime | None = None
    hosts: tuple[ExperimentHost, ...] = ()
    verdict: Verdict | None = None
    end_reason: str | None = None
    """Why it failed, was cancelled, or was stopped before it had decided."""
    invalid_because: str | None = None
    """What spoilt it from outside, such as too few hosts."""
    aborted_because: str | None = None
    """Which limit a host found broken by itself."""
    transitions: int = 0
    version: int = 1

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= _MAX_NAME or not self.name.isprintable():
            raise InvalidInputError(
                f"name: give 1 to {_MAX_NAME} printable characters, not {self.name!r}"
            )
        if not 0 < self.quorum <= 1:
            raise InvalidInputError(f"quorum: not in (0, 1]: {self.quorum}; write 0.5 for half")
        if not 0 < self.max_host_cpu_share <= 1:
            raise InvalidInputError(
                f"max_host_cpu_share: not in (0, 1]: {self.max_host_cpu_share}; write 0.1 for 10 %"
            )
        for field in ("deploy_timeout", "absent_after"):
            if getattr(self, field) <= timedelta(0):
                raise InvalidInputError(f"{field}: not above zero; give a duration like 2 min")
        if (self.verdict is not None) != (self.phase is Phase.COMPLETED):
            raise InvalidInputError("verdict: a completed experiment has one, no other has")

    @property
    def is_ended(self) -> bool:
        return self.phase in ENDED

    @property
    def included(self) -> tuple[ExperimentHost, ...]:
        """Hosts that count."""
        return tuple(host for host in self.hosts if host.state is not HostState.EXCLUDED)

    def host(self, host_id: HostId) -> ExperimentHost | None:
        return next((host for host in self.hosts if host.host_id == host_id), None)

    def moved(
        self, trigger: Trigger, *, actor: str, at: datetime, reason: str | None = None
    ) -> tuple[Self, Transition]:
        """The experiment in its next phase, and the row that says so.

        Raises:
            IllegalTransitionError: If the trigger does not lead out of this phase.
        """
        after, number = next_phase(self.phase, trigger), self.transitions + 1
        transition = self._transition(after, trigger, actor=actor, at=at, reason=reason)
        moved = replace(self, phase=after, transitions=number)
        match trigger:
            case Trigger.START:
                # Deployment and warming up come before the run; its own limit is counted from `run`.
                deadline = at + self.deploy_timeout + self.plan.max_duration
                moved = replace(moved, started_at=at, deadline=deadline)
            case Trigger.RUN:
                moved = replace(moved, running_since=at)
            case Trigger.FAIL | Trigger.CANCEL:
                moved = replace(moved, ended_at=at, end_reason=reason)
            case Trigger.ANALYZE:
                moved = replace(moved, end_reason=reason)
            case Trigger.DEPLOY | Trigger.WARM_UP | Trigger.CONCLUDE:  # pragma: no branch
                pass
        return moved, transition

    def concluded(
        self, verdict: Verdict, *, actor: str, at: datetime, reason: str
    ) -> tuple[Self, Transition]:
        """The experiment with its verdict; only from `analyzing`."""
        after, number = next_phase(self.phase, Trigger.CONCLUDE), self.transitions + 1
        transition = self._transition(after, Trigger.CONCLUDE, actor=actor, at=at, reason=reason)
        ended = replace(self, phase=after, verdict=verdict, ended_at=at, transitions=number)
        return ended, transition

    def with_hosts(self, hosts: Iterable[ExperimentHost]) -> Self:
        """The experiment with these hosts in place of those of the same id."""
        changed = {host.host_id: host for host in hosts}
        return replace(self, hosts=tuple(changed.get(host.host_id, host) for host in self.hosts))

    def _transition(
        self, after: Phase, trigger: Trigger, *, actor: str, at: datetime, reason: str | None
    ) -> Transition:
        return Transition(
            experiment_id=self.id,
            number=self.transitions + 1,
            before=self.phase,
            after=after,
            trigger=trigger,
            actor=actor,
            reason=reason,
            at=at,
        )
