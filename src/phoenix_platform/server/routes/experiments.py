"""Experiments: make, start, watch, stop (judge now), cancel (no verdict), and what came of them."""

from dataclasses import replace
from typing import Annotated, TypeAlias
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation
from litestar.types import ControllerRouterHandler

from phoenix_platform.analysis.certificates import ALGORITHM, key_id_of
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.application import experiments as use_cases
from phoenix_platform.application.ports import ExperimentQuery
from phoenix_platform.application.samples import read_samples
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.experiment_lifecycle import Phase
from phoenix_platform.domain.experiments import ExperimentId, Load
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.metering.sample_columns import columns_of
from phoenix_platform.server.admission import PUBLIC
from phoenix_platform.server.dependencies import ActorDep, BeginDep, ClockDep
from phoenix_platform.server.experiment_views import forecast_view_of, transition_view_of, view_of
from phoenix_platform.server.pagination import PageDep, encode_cursor
from phoenix_platform.server.versions import ExpectedVersionDep, versioned
from phoenix_platform.wire.v1.experiments import (
    CertificateKeyView,
    ExperimentPage,
    ExperimentView,
    ForecastView,
    NewExperimentRequest,
    ReasonRequest,
    SamplesView,
    TransitionList,
)
from phoenix_platform.wire.v1.guardrails import query_guardrail_of

CertificateKeyDep: TypeAlias = NamedDependency[SkipValidation[bytes]]
_Phases: TypeAlias = Annotated[
    str, QueryParameter(description="Phases, joined by commas; empty: any.", max_length=200)
]
_Name: TypeAlias = Annotated[
    str | None, QueryParameter(description="A part of the name.", max_length=200)
]
_After: TypeAlias = Annotated[
    int, QueryParameter(description="`next_after` of the part before; 0 begins.", ge=0)
]
_Limit: TypeAlias = Annotated[int, QueryParameter(description="Samples of a part.", ge=1, le=5000)]


@get("/api/v1/experiments", operation_id="listExperiments", permission=Permission.EXPERIMENTS_READ)
async def list_experiments(
    page: PageDep, begin: BeginDep, actor: ActorDep, phase: _Phases = "", name: _Name = None
) -> ExperimentPage:
    """Experiments, newest first."""
    where = ExperimentQuery(phases=_phases(phase), name=name)
    found = await use_cases.list_experiments(page, where, tenant_id=actor.tenant_id, begin=begin)
    return ExperimentPage(
        items=[view_of(one) for one in found.items], next_cursor=encode_cursor(found.next)
    )


@post(
    "/api/v1/experiments",
    operation_id="createExperiment",
    permission=Permission.EXPERIMENTS_WRITE,
)
async def create_experiment(
    data: JSONBody[NewExperimentRequest], begin: BeginDep, actor: ActorDep, clock: ClockDep
) -> Response[ExperimentView]:
    """Make a draft; its pipelines are frozen now."""
    experiment = await use_cases.create_experiment(
        _new(data), begin=begin, actor=actor, clock=clock
    )
    return versioned(view_of(experiment), experiment.version, status_code=201)


@post(
    "/api/v1/experiments/forecast",
    operation_id="forecastExperiment",
    permission=Permission.EXPERIMENTS_READ,
    status_code=200,
)
async def forecast_experiment(
    data: JSONBody[NewExperimentRequest], begin: BeginDep, actor: ActorDep, clock: ClockDep
) -> ForecastView:
    """A dry run: which hosts, what it costs there; nothing is written."""
    forecast = await use_cases.forecast_experiment(
        _new(data), begin=begin, actor=actor, clock=clock
    )
    return forecast_view_of(forecast)


@get(
    "/api/v1/experiments/{experiment_id:uuid}",
    operation_id="getExperiment",
    permission=Permission.EXPERIMENTS_READ,
)
async def get_experiment(
    experiment_id: FromPath[UUID], begin: BeginDep, actor: ActorDep
) -> Response[ExperimentView]:
    """One experiment, with what was last found."""
    experiment, judged = await use_cases.get_judged_experiment(
        ExperimentId(experiment_id), tenant_id=actor.tenant_id, begin=begin
    )
    return versioned(view_of(experiment, judged), experiment.version)


@post(
    "/api/v1/experiments/{experiment_id:uuid}/start",
    operation_id="startExperiment",
    permission=Permission.EXPERIMENTS_WRITE,
    status_code=200,
)
async def start(
    experiment_id: FromPath[UUID],
    expected_version: ExpectedVersionDep,
    begin: BeginDep,
    actor: ActorDep,
    clock: ClockDep,
) -> Response[ExperimentView]:
    """Check the pipelines and the hosts, then deploy both variants."""
    experiment = await use_cases.start_experiment(
        ExperimentId(experiment_id),
        expected=expected_version,
        begin=begin,
        actor=actor,
        clock=clock,
    )
    return versioned(view_of(experiment), experiment.version)


@post(
    "/api/v1/experiments/{experiment_id:uuid}/stop",
    operation_id="stopExperiment",
    permission=Permission.EXPERIMENTS_STOP,
    status_code=200,
)
async def stop(
    experiment_id: FromPath[UUID],
    data: JSONBody[ReasonRequest],
    begin: BeginDep,
    actor: ActorDep,
    clock: ClockDep,
) -> Response[ExperimentView]:
    """Judge now, with what there is."""
    experiment = await use_cases.stop_experiment(
        ExperimentId(experiment_id), data.reason, begin=begin, actor=actor, clock=clock
    )
    return versioned(view_of(experiment), experiment.version)


@post(
    "/api/v1/experiments/{experiment_id:uuid}/cancel",
    operation_id="cancelExperiment",
    permission=Permission.EXPERIMENTS_STOP,
    status_code=200,
)
async def cancel(
    experiment_id: FromPath[UUID],
    data: JSONBody[ReasonRequest],
    begin: BeginDep,
    actor: ActorDep,
    clock: ClockDep,
) -> Response[ExperimentView]:
    """End it without a verdict."""
    experiment = await use_cases.cancel_experiment(
        ExperimentId(experiment_id), data.reason, begin=begin, actor=actor, clock=clock
    )
    return versioned(view_of(experiment), experiment.version)


@delete(
    "/api/v1/experiments/{experiment_id:uuid}",
    operation_id="deleteExperiment",
    permission=Permission.EXPERIMENTS_WRITE,
)
async def delete_experiment(
    experiment_id: FromPath[UUID],
    expected_version: ExpectedVersionDep,
    begin: BeginDep,
    actor: ActorDep,
    clock: ClockDep,
) -> None:
    """Remove a draft or an ended experiment with its samples; the audit trail keeps that it was."""
    await use_cases.delete_experiment(
        ExperimentId(experiment_id),
        expected=expected_version,
        begin=begin,
        actor=actor,
        clock=clock,
    )


@get(
    "/api/v1/experiments/{experiment_id:uuid}/transitions",
    operation_id="listExperimentTransitions",
    permission=Permission.EXPERIMENTS_READ,
)
async def list_transitions(
    experiment_id: FromPath[UUID], begin: BeginDep, actor: ActorDep
) -> TransitionList:
    """Every move from phase to phase, with actor, reason and time."""
    found = await use_cases.list_transitions(
        ExperimentId(experiment_id), tenant_id=actor.tenant_id, begin=begin
    )
    return TransitionList(items=[transition_view_of(one) for one in found])


@get(
    "/api/v1/experiments/{experiment_id:uuid}/samples",
    operation_id="listExperimentSamples",
    permission=Permission.SAMPLES_READ,
)
async def list_samples(
    experiment_id: FromPath[UUID],
    begin: BeginDep,
    actor: ActorDep,
    after: _After = 0,
    limit: _Limit = 1000,
) -> SamplesView:
    """Samples in the order in which they came; ask on with `next_after`."""
    samples, position = await read_samples(
        ExperimentId(experiment_id),
        after=after,
        limit=limit,
        tenant_id=actor.tenant_id,
        begin=begin,
    )
    return SamplesView(columns=columns_of(samples), next_after=position)


@get(
    "/api/v1/experiments/{experiment_id:uuid}/certificate",
    operation_id="getExperimentCertificate",
    permission=Permission.CERTIFICATES_READ,
)
async def get_certificate(
    experiment_id: FromPath[UUID], begin: BeginDep, actor: ActorDep
) -> Response[bytes]:
    """The signed record of the verdict; `phoenix certificate verify` reads it."""
    content = await use_cases.get_certificate(
        ExperimentId(experiment_id), tenant_id=actor.tenant_id, begin=begin
    )
    return Response(content, media_type="application/json")


@get("/api/v1/certificate-key", operation_id="getCertificateKey", permission=PUBLIC)
async def get_certificate_key(certificate_key: CertificateKeyDep) -> CertificateKeyView:
    """The public key that certificates of this control plane are signed with."""
    return CertificateKeyView(
        algorithm=ALGORITHM,
        key_id=key_id_of(certificate_key),
        public_key=certificate_key.hex(),
    )


def _new(data: NewExperimentRequest) -> use_cases.NewExperiment:
    return use_cases.NewExperiment(
        name=data.name,
        selector=data.selector,
        baseline=data.baseline,
        candidate=data.candidate,
        plan=_plan(data),
        exporter=data.exporter,
        ignore=tuple(data.ignore),
        load=None if data.load is None else Load(profile=data.load.profile, seed=data.load.seed),
        max_host_cpu_share=data.max_host_cpu_share,
        quorum=data.quorum,
        deploy_timeout=data.deploy_timeout,
        absent_after=data.absent_after,
        allow_overlap=data.allow_overlap,
        starts_at=data.starts_at,
    )


def _plan(data: NewExperimentRequest) -> Plan:
    plan = Plan(
        target_reduction=data.target_reduction,
        interval=data.interval,
        objective=data.objective,
        production_interval=data.production_interval,
        max_duration=data.max_duration,
        min_duration=data.min_duration,
        accept_lost_totals=data.accept_lost_totals,
        critical_patterns=tuple(data.critical),
        critical_identity=data.critical_identity,
        critical_metrics=tuple(data.critical_metrics),
        queries=tuple(map(query_guardrail_of, data.guardrails)),
    )
    return replace(plan, min_coverage=data.min_coverage, min_recall=data.min_recall)


def _phases(text: str) -> frozenset[Phase]:
    names = [part.strip() for part in text.split(",") if part.strip()]
    try:
        return frozenset(Phase(name) for name in names)
    except ValueError as error:
        raise InvalidInputError(f"phase: {error}; choose among {', '.join(Phase)}") from error


ROUTES: list[ControllerRouterHandler] = [
    list_experiments,
    create_experiment,
    forecast_experiment,
    get_experiment,
    start,
    stop,
    cancel,
    delete_experiment,
    list_transitions,
    list_samples,
    get_certificate,
    get_certificate_key,
]
