"""What the use cases need from outside, in their own words; `adapters` provide it.

Everything here belongs to one tenant: a repository sees its unit of work's tenant and nothing else, and a
foreign id is an unknown one.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from phoenix_platform.analysis.answers import Answer
from phoenix_platform.core.errors import ConflictError
from phoenix_platform.domain.audit import AuditEvent
from phoenix_platform.domain.events import Event
from phoenix_platform.domain.experiment_lifecycle import Phase
from phoenix_platform.domain.experiments import Experiment, ExperimentId, Transition
from phoenix_platform.domain.hosts import EnrollmentToken, Host, HostId
from phoenix_platform.domain.load_simulations import LoadSimulation, LoadSimulationId
from phoenix_platform.domain.pipelines import Pipeline, PipelineId, PipelineVersion
from phoenix_platform.domain.tenants import Tenant, TenantId
from phoenix_platform.metering.samples import Sample
from phoenix_platform.opamp.facts import RemoteConfig
from phoenix_platform.opamp.host_reports import HostReport

T = TypeVar("T")
DEFAULT_PAGE = 100
MAX_PAGE = 1000


class FencedOffError(ConflictError):
    """Somebody else holds the lease by now: nothing of this transaction is kept."""

    code = "fenced-off"


@dataclass(frozen=True, slots=True)
class Fence:
    """What a holder of a lease shows with each of its transactions."""

    lease: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """A part of a list, by id."""

    after: str | None = None
    """Cursor of the last item of the part before; opaque to whoever asks."""
    limit: int = DEFAULT_PAGE
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: Sequence[T]
    next: str | None
    """Cursor for the part after this; None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentQuery:
    phases: frozenset[Phase] = frozenset()
    """Empty: any."""
    name: str | None = None
    """A part of the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    target: str | None = None
    action: str | None = None
    since: datetime | None = None


class Tenants(Protocol):
    """Not bound to a tenant: who may see which is the caller's business."""

    async def get(self, tenant_id: TenantId) -> Tenant: ...
    async def by_name(self, name: str) -> Tenant | None: ...
    async def all(self) -> Sequence[Tenant]: ...
    async def add(self, tenant: Tenant) -> None:
        """Raise `ConflictError` if the name is taken."""
        ...


class Hosts(Protocol):
    async def get(self, host_id: HostId) -> Host: ...
    async def get_for_change(self, host_id: HostId) -> Host:
        """The host, which nobody else changes until this transaction ends."""
        ...

    async def by_name(self, name: str) -> Host | None: ...
    async def by_instance_uid(self, instance_uid: str) -> Host | None: ...
    async def page(self, query: PageQuery) -> Page[Host]: ...
    async def all(self) -> Sequence[Host]:
        """Every host, by name: for selectors."""
        ...

    async def add(self, host: Host) -> None:
        """Raise `ConflictError` if the name or the instance UID is taken."""
        ...

    async def save(self, host: Host) -> Host:
        """The host with its next version; raise `ConflictError` if it was saved since it was read."""
        ...

    async def remove(self, host_id: HostId) -> None: ...


class EnrollmentTokens(Protocol):
    async def by_hash(self, token_hash: str) -> EnrollmentToken | None: ...
    async def add(self, token: EnrollmentToken) -> None: ...
    async def save_use(self, token: EnrollmentToken) -> None:
        """Raise `ConflictError` if somebody else used it meanwhile."""
        ...


class Credentials(Protocol):
    """What agents show, as hashes; one per host."""

    async def put(self, host_id: HostId, credential_hash: str) -> None:
        """In place of the one before, which is worth nothing from now on."""
        ...

    async def remove(self, host_id: HostId) -> None: ...


class Pipelines(Protocol):
    async def get(self, pipeline_id: PipelineId) -> Pipeline: ...
    async def by_name(self, name: str) -> Pipeline | None: ...
    async def page(self, query: PageQuery) -> Page[Pipeline]: ...
    async def add(self, pipeline: Pipeline) -> None: ...
    async def save(self, pipeline: Pipeline) -> Pipeline: ...
    async def add_version(self, version: PipelineVersion) -> None:
        """Raise `ConflictError` if the number is taken."""
        ...

    async def get_version(self, pipeline_id: PipelineId, number: int) -> PipelineVersion: ...
    async def versions(self, pipeline_id: PipelineId) -> Sequence[PipelineVersion]: ...


class Experiments(Protocol):
    async def get(self, experiment_id: ExperimentId) -> Experiment: ...
    async def page(self, query: PageQuery, where: ExperimentQuery) -> Page[Experiment]: ...
    async def in_phases(self, phases: frozenset[Phase]) -> Sequence[Experiment]: ...
    async def add(self, experiment: Experiment) -> None: ...
    async def save(self, experiment: Experiment) -> Experiment:
        """The experiment with its next version; raise `ConflictError` if it was saved since it was read."""
        ...

    async def remove(self, experiment_id: ExperimentId) -> None: ...
    async def add_transition(self, transition: Transition) -> None: ...
    async def transitions(self, experiment_id: ExperimentId) -> Sequence[Transition]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCounts:
    """Per host of an experiment: how many samples there are, and when the last one ended."""

    samples: int
    last_ended_unix_nano: int


class Samples(Protocol):
    """Samples of experiments; one effect each, by (experiment, host, variant, scrape)."""

    async def add(
        self, experiment_id: ExperimentId, host_id: HostId, samples: Sequence[Sample]
    ) -> int:
        """How many were new; the others are there already and stay as they are."""
        ...

    async def after(
        self, experiment_id: ExperimentId, position: int, limit: int
    ) -> tuple[Sequence[Sample], int]:
        """Samples in the order in which they came, and the position behind the last; 0 begins."""
        ...

    async def counts(self, experiment_id: ExperimentId) -> dict[HostId, SampleCounts]: ...


class Answers(Protocol):
    """What came of the queries of experiments; one effect each, by (experiment, guardrail, time asked for)."""

    async def add(self, experiment_id: ExperimentId, answers: Sequence[Answer]) -> int:
        """How many were new. Under the fence of who asks: positions are given one after the other."""
        ...

    async def after(
        self, experiment_id: ExperimentId, position: int, limit: int
    ) -> tuple[Sequence[Answer], int]:
        """Answers in the order in which they came, and the position behind the last; 0 begins."""
        ...


class Judgements(Protocol):
    """What was last found of an experiment under way, for those who look."""

    async def put(self, experiment_id: ExperimentId, body: bytes, *, at: datetime) -> None: ...
    async def get(self, experiment_id: ExperimentId) -> tuple[bytes, datetime] | None: ...


class Certificates(Protocol):
    async def add(self, experiment_id: ExperimentId, content: bytes, *, at: datetime) -> None: ...
    async def get(self, experiment_id: ExperimentId) -> bytes: ...


class LoadSimulations(Protocol):
    async def get(self, load_id: LoadSimulationId) -> LoadSimulation: ...
    async def page(self, query: PageQuery) -> Page[LoadSimulation]: ...
    async def wanted(self, now: datetime) -> Sequence[LoadSimulation]: ...
    async def add(self, load: LoadSimulation) -> None: ...
    async def save(self, load: LoadSimulation) -> LoadSimulation: ...


class AuditTrail(Protocol):
    async def append(self, event: AuditEvent) -> None:
        """Put it at the end of the tenant's chain, in this transaction."""
        ...

    async def page(self, query: PageQuery, where: AuditQuery) -> Page[AuditEvent]: ...
    async def first_break(self) -> UUID | None:
        """The first event that does not follow from the one before; None: the chain is whole."""
        ...


class Outbox(Protocol):
    async def append(self, event: Event) -> None:
        """Let it leave once this transaction is committed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredDocument:
    """The desired state of one host, as it is offered."""

    host_id: HostId
    hash: str
    body: bytes
    at: datetime


class DesiredDocuments(Protocol):
    async def get(self, host_id: HostId) -> DesiredDocument | None: ...
    async def put(self, document: DesiredDocument) -> None: ...


class HostReports(Protocol):
    """What each host said last about itself."""

    async def get(self, host_id: HostId) -> HostReport | None: ...
    async def put(self, host_id: HostId, report: HostReport) -> None: ...


class GoodConfigurations(Protocol):
    """What last worked on each host under a foreign supervisor."""

    async def get(self, host_id: HostId) -> RemoteConfig | None: ...
    async def put(self, host_id: HostId, config: RemoteConfig) -> None: ...


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """One transaction of one tenant."""

    tenant_id: TenantId
    tenants: Tenants
    hosts: Hosts
    enrollment_tokens: EnrollmentTokens
    credentials: Credentials
    pipelines: Pipelines
    experiments: Experiments
    samples: Samples
    answers: Answers
    judgements: Judgements
    certificates: Certificates
    loads: LoadSimulations
    desired: DesiredDocuments
    reports: HostReports
    good_configurations: GoodConfigurations
    audit: AuditTrail
    outbox: Outbox


class Begin(Protocol):
    """Opens a transaction of one tenant. Leaving the block commits; an error undoes it all."""

    def __call__(
        self, tenant_id: TenantId, *, fence: Fence | None = None
    ) -> AbstractAsyncContextManager[UnitOfWork]:
        """Begin; with a fence, raise `FencedOffError` at the latest when it commits, if it is stale."""
        ...


class TenantOfSecret(Protocol):
    """Whose a secret is, before anybody is signed in."""

    async def __call__(self, secret_hash: str) -> TenantId | None: ...


AllTenants = Callable[[], AbstractAsyncContextManager[Tenants]]
"""For what works across tenants (the reconcilers): their list, and nothing of theirs."""


class ConfigurationChecks(Protocol):
    async def faults(
        self, text: str, *, distribution: str, upstream_version: str | None
    ) -> Sequence[str] | None:
        """What that collector says against it; None if there is no such binary here to ask."""
        ...


class Leases(Protocol):
    """Who may do what only one may do at a time, among all replicas."""

    async def acquire(self, name: str) -> Fence | None:
        """Take it if nobody holds it, or its holder was not heard of for too long."""
        ...

    async def renew(self, fence: Fence) -> None:
        """Hold it for longer; raise `FencedOffError` if somebody else took it meanwhile."""
        ...

    async def release(self, fence: Fence) -> None: ...
