"""Experiments, their transitions, samples and judgements, as they cross the API."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from phoenix_platform.analysis.plans import Objective
from phoenix_platform.analysis.verdicts import Verdict
from phoenix_platform.domain.experiment_lifecycle import Phase, Trigger
from phoenix_platform.domain.experiments import HostState
from phoenix_platform.metering.retention import CriticalIdentity
from phoenix_platform.wire.v1.guardrails import QueryGuardrailSpec


class LoadRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    profile: str
    seed: int = 0


class NewExperimentRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Durations are ISO 8601 (`PT15M`), shares lie between 0 and 1."""

    name: str
    candidate: str
    """A name of the catalog, or `<pipeline>` or `<pipeline>@<number>`."""
    baseline: str = "process-baseline-v1"
    selector: str = ""
    """Of host labels; empty: every host."""
    objective: Objective = Objective.SERIES
    target_reduction: float = 0.3
    interval: timedelta = timedelta(seconds=10)
    production_interval: timedelta = timedelta(seconds=60)
    max_duration: timedelta = timedelta(hours=1)
    min_duration: timedelta = timedelta(days=1)
    critical: list[str] = []
    critical_identity: CriticalIdentity = CriticalIdentity.INSTANCE
    critical_metrics: list[str] = []
    guardrails: list[QueryGuardrailSpec] = []
    """What the site's Prometheus that the server knows must say meanwhile."""
    accept_lost_totals: bool = False
    min_coverage: float | None = None
    min_recall: float | None = None
    exporter: str | None = None
    ignore: list[str] = []
    load: LoadRequest | None = None
    max_host_cpu_share: float = 0.1
    quorum: float = 0.5
    deploy_timeout: timedelta = timedelta(minutes=5)
    absent_after: timedelta = timedelta(minutes=2)
    allow_overlap: bool = False
    starts_at: datetime | None = None


class VariantView(msgspec.Struct, frozen=True, kw_only=True):
    reference: str
    hash: str


class ExperimentHostView(msgspec.Struct, frozen=True, kw_only=True):
    host_id: UUID
    name: str
    state: HostState
    reason: str | None
    log_tail: list[str]
    since: datetime


class ExperimentView(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    selector: str
    baseline: VariantView
    candidate: VariantView
    plan: dict[str, Any]
    load: LoadRequest | None
    quorum: float
    phase: Phase
    verdict: Verdict | None
    end_reason: str | None
    created_at: datetime
    created_by: str
    starts_at: datetime | None
    started_at: datetime | None
    running_since: datetime | None
    deadline: datetime | None
    ended_at: datetime | None
    hosts: list[ExperimentHostView]
    judgement: dict[str, Any] | None
    """What was last found; null before there are samples, and in lists."""
    judged_at: datetime | None
    version: int


class ExperimentPage(msgspec.Struct, frozen=True, kw_only=True):
    items: list[ExperimentView]
    next_cursor: str | None


class TransitionView(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    before: Phase
    after: Phase
    trigger: Trigger
    actor: str
    reason: str | None
    at: datetime


class TransitionList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[TransitionView]


class ReasonRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: str


class HostForecastView(msgspec.Struct, frozen=True, kw_only=True):
    host_id: UUID
    name: str
    is_connected: bool
    in_experiments: list[str]
    cpu_cores: float | None
    """Expected; null where the host did not say how many processes it has."""


class ForecastView(msgspec.Struct, frozen=True, kw_only=True):
    """A dry run: nothing was written."""

    hosts: list[HostForecastView]
    baseline: VariantView
    candidate: VariantView
    plan: dict[str, Any]


class SamplesView(msgspec.Struct, frozen=True, kw_only=True):
    columns: dict[str, Any]
    """One list per field, one element per sample, as in a record."""
    next_after: int
    """`after` of the next request."""


class CertificateKeyView(msgspec.Struct, frozen=True, kw_only=True):
    algorithm: str
    key_id: str
    public_key: str
    """64 hexadecimal digits, as `phoenix certificate verify --key` takes them."""


class AgentBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    experiment_id: UUID
    run_id: str
    first_sequence: int
    columns: dict[str, Any]


class AgentBatches(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    batches: list[AgentBatch]


class AcceptedBatch(msgspec.Struct, frozen=True, kw_only=True):
    experiment_id: UUID
    through_sequence: int


class AcceptedBatches(msgspec.Struct, frozen=True, kw_only=True):
    accepted: list[AcceptedBatch]
