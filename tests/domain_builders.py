"""Valid objects of the control plane's domain, for tests."""

from collections.abc import Mapping
from datetime import timedelta

from phoenix_platform.analysis.plans import Plan
from phoenix_platform.core.canonical_json import Json
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.audit import AuditEvent
from phoenix_platform.domain.events import Event, EventId
from phoenix_platform.domain.experiments import (
    Experiment,
    ExperimentHost,
    ExperimentId,
    VariantPipeline,
)
from phoenix_platform.domain.hosts import Host, HostId, HostKind
from phoenix_platform.domain.selectors import Selector
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.metering.samples import (
    HostTotal,
    KeptMetric,
    ProcessInstance,
    Sample,
    Variant,
    Visibility,
)

PLAN = Plan(target_reduction=0.3, interval=timedelta(seconds=1), critical_patterns=("nginx",))
BASELINE = VariantPipeline(
    reference="process-baseline-v1", hash="sha256:1", text="receivers: {}\n", totals_preserved=True
)
CANDIDATE = VariantPipeline(
    reference="own@2", hash="sha256:2", text="receivers: {a: 1}\n", totals_preserved=False
)


def a_host(tenant_id: TenantId, clock: FixedClock, name: str = "web-1") -> Host:
    return Host(
        id=HostId(new_id(clock)),
        tenant_id=tenant_id,
        name=name,
        kind=HostKind.AGENT,
        instance_uid=new_id(clock).hex,
        labels={"env": "prod"},
        enrolled_at=clock.now(),
    )


def an_experiment(
    tenant_id: TenantId, clock: FixedClock, name: str = "halve the series"
) -> Experiment:
    return Experiment(
        id=ExperimentId(new_id(clock)),
        tenant_id=tenant_id,
        name=name,
        selector=Selector.parse("env=prod,tier in (web,api),!canary", field="selector"),
        baseline=BASELINE,
        candidate=CANDIDATE,
        plan=PLAN,
        created_at=clock.now(),
        created_by="ada",
        hosts=(
            ExperimentHost(host_id=HostId(new_id(clock)), name="web-1", since=clock.now()),
        ),
    )  # fmt: skip


def an_event(
    tenant_id: TenantId,
    clock: FixedClock,
    kind: str = "experiment.created",
    payload: Mapping[str, Json] | None = None,
) -> Event:
    return Event(
        id=EventId(new_id(clock)),
        tenant_id=tenant_id,
        topic="experiments",
        kind=kind,
        payload={} if payload is None else payload,
        occurred_at=clock.now(),
    )


def an_audit_event(
    tenant_id: TenantId,
    clock: FixedClock,
    action: str = "experiment.start",
    changes: Mapping[str, Json] | None = None,
) -> AuditEvent:
    return AuditEvent(
        id=new_id(clock),
        tenant_id=tenant_id,
        at=clock.now(),
        actor_kind="user",
        actor_id="7",
        actor_name="ada",
        action=action,
        target="experiment:1",
        reason="it is time",
        changes={} if changes is None else changes,
    )


def a_sample(
    scrape: int = 0, variant: Variant = Variant.BASELINE, host: str = "web-1", **changed: object
) -> Sample:
    nginx = ProcessInstance("nginx", 1234, 1_764_000_000_123_456_789)
    started = 1_800_000_000_000_000_000 + scrape * 1_000_000_001
    fields: dict[str, object] = {
        "host": host,
        "variant": variant,
        "scrape": scrape,
        "scrapes": 1,
        "started_unix_nano": started,
        "ended_unix_nano": started + 400_000_003,
        "acknowledged": True,
        "input_points": 5000,
        "output_points": 3000,
        "series": 2900,
        "active_series": None,
        "hour_series": None,
        "label_series": 2899,
        "label_colliding_points": 1,
        "new_series": 0,
        "stored_bytes": 2**40 + 1,
        "otlp_bytes": 81_000,
        "metric_names": 22,
        "colliding_points": 0,
        "late_points": 0,
        "raw_processes": 230,
        "critical_seen": (nginx,),
        "critical_missing": (ProcessInstance("postgres", 9, 1),),
        "critical_metrics": {"process.cpu.time": KeptMetric(1, 1, nginx)},
        "totals": {"process.cpu.time": HostTotal(0.1 + 0.2, 0.3, 1e-17)},
        "visibility": {"cpu": Visibility(1.5, 1.25, 10, 8, 3.3333333333333335, 2.0)},
        "cpu_seconds": 0.017,
        "rss_bytes": 2**33,
        "refused_points": 0,
        "dropped_points": None,
        "queue_full": False,
        "delay_p50_seconds": 0.004,
        "delay_p95_seconds": None,
    }
    return Sample(**{**fields, **changed})  # type: ignore[arg-type]
