"""Valid experiments for the tests of domain and application; each says what differs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from phoenix_platform.analysis.plans import Plan
from phoenix_platform.domain.experiment_lifecycle import Phase
from phoenix_platform.domain.experiments import (
    Experiment,
    ExperimentHost,
    ExperimentId,
    HostState,
    VariantPipeline,
)
from phoenix_platform.domain.hosts import Host, HostId, HostKind
from phoenix_platform.domain.selectors import Selector
from phoenix_platform.domain.tenants import TenantId

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
TENANT = TenantId(UUID(int=1))
WEB, DB, API = (HostId(UUID(int=number)) for number in (11, 12, 13))


def a_variant(name: str = "process-topk-v1") -> VariantPipeline:
    return VariantPipeline(
        reference=name, hash=f"sha256:{name}", text="receivers: {}", totals_preserved=True
    )


def a_host(host_id: HostId = WEB, name: str = "web-1", **changes: Any) -> Host:
    host = Host(
        id=host_id,
        tenant_id=TENANT,
        name=name,
        kind=HostKind.AGENT,
        instance_uid=f"{host_id.int:032x}",
        enrolled_at=NOON,
    )
    return replace(host, **changes)


def a_member(host_id: HostId = WEB, name: str = "web-1", **changes: Any) -> ExperimentHost:
    return replace(ExperimentHost(host_id=host_id, name=name, since=NOON), **changes)


def an_experiment(**changes: Any) -> Experiment:
    experiment = Experiment(
        id=ExperimentId(UUID(int=21)),
        tenant_id=TENANT,
        name="fewer series",
        selector=Selector(),
        baseline=a_variant("process-baseline-v1"),
        candidate=a_variant(),
        plan=Plan(
            target_reduction=0.3,
            interval=timedelta(seconds=1),
            critical_patterns=("postgres",),
            max_duration=timedelta(minutes=15),
        ),
        created_at=NOON,
        created_by="Ada",
    )
    return replace(experiment, **changes)


def a_started(phase: Phase, *members: ExperimentHost, **changes: Any) -> Experiment:
    """An experiment in a phase behind `draft`; two flowing hosts without other words."""
    hosts = members or (
        a_member(state=HostState.FLOWING),
        a_member(DB, "db-1", state=HostState.FLOWING),
    )
    fields = {"started_at": NOON, "deadline": NOON + timedelta(minutes=20), "hosts": hosts}
    if phase in {Phase.RUNNING, Phase.ANALYZING}:
        fields["running_since"] = NOON
    return an_experiment(phase=phase, **{**fields, **changes})
