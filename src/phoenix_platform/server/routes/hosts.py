"""Hosts: the fleet as it is known, enrolment, labels."""

from typing import Annotated, TypeAlias
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation
from litestar.types import ControllerRouterHandler

from phoenix_platform.application import hosts as use_cases
from phoenix_platform.application.ports import TenantOfSecret
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.tokens import TokenKind, check_token, token_hash
from phoenix_platform.domain.hosts import Host, HostId
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.domain.selectors import Selector
from phoenix_platform.opamp.instance_uids import parse_instance_uid
from phoenix_platform.server.admission import PUBLIC
from phoenix_platform.server.dependencies import ActorDep, BeginDep, ClockDep
from phoenix_platform.server.pagination import PageDep, encode_cursor
from phoenix_platform.server.versions import ExpectedVersionDep, versioned
from phoenix_platform.wire.v1.hosts import (
    CollectorView,
    EnrolledView,
    EnrollmentRequest,
    EnrollmentTokenView,
    FactView,
    HostPage,
    HostReportView,
    HostView,
    LabelsChange,
    NewEnrollmentToken,
    ProductionChange,
    QuarantineView,
    ReleaseRequest,
)

TenantOfSecretDep: TypeAlias = NamedDependency[SkipValidation[TenantOfSecret]]
_Selector: TypeAlias = Annotated[
    str,
    QueryParameter(
        description="Label selector, such as `env=prod,!canary`; empty: every host.",
        max_length=2000,
    ),
]


@get("/api/v1/hosts", operation_id="listHosts", permission=Permission.HOSTS_READ)
async def list_hosts(
    page: PageDep, begin: BeginDep, actor: ActorDep, selector: _Selector = ""
) -> HostPage:
    """Hosts page by page; with a selector, all that it finds."""
    found = await use_cases.list_hosts(
        page,
        Selector.parse(selector, field="selector"),
        tenant_id=actor.tenant_id,
        begin=begin,
    )
    return HostPage(
        items=[view_of(one) for one in found.items], next_cursor=encode_cursor(found.next)
    )


@get("/api/v1/hosts/{host_id:uuid}", operation_id="getHost", permission=Permission.HOSTS_READ)
async def get_host(host_id: FromPath[UUID], begin: BeginDep, actor: ActorDep) -> Response[HostView]:
    """One host with its five facts."""
    host = await use_cases.get_host(HostId(host_id), tenant_id=actor.tenant_id, begin=begin)
    return versioned(view_of(host), host.version)


@get(
    "/api/v1/hosts/{host_id:uuid}/report",
    operation_id="getHostReport",
    permission=Permission.HOSTS_READ,
)
async def get_report(host_id: FromPath[UUID], begin: BeginDep, actor: ActorDep) -> HostReportView:
    """What the agent said last: experiments on it, collectors, spool."""
    report = await use_cases.host_report(HostId(host_id), tenant_id=actor.tenant_id, begin=begin)
    return HostReportView(report=None if report is None else msgspec.to_builtins(report))


@put(
    "/api/v1/hosts/{host_id:uuid}/labels",
    operation_id="setHostLabels",
    permission=Permission.HOSTS_MANAGE,
)
async def set_labels(
    host_id: FromPath[UUID],
    data: JSONBody[LabelsChange],
    expected_version: ExpectedVersionDep,
    begin: BeginDep,
    actor: ActorDep,
    clock: ClockDep,
) -> Response[HostView]:
    """Give the host these labels in place of its own."""
    host = await use_cases.label_host(
        HostId(host_id),
        data.labels,
        expected=expected_version,
        begin=begin,
        actor=actor,
        clock=clock,
    )
    return versioned(view_of(host), host.version)


@put(
    "/api/v1/hosts/{host_id:uuid}/production",
    operation_id="setHostProduction",
    permission=Permission.HOSTS_MANAGE,
)
async def set_production(
    host_id: FromPath[UUID],
    data: JSONBody[ProductionChange],
    expected_version: ExpectedVersionDep,
    begin: BeginDep,
    actor: ActorDep,
    clock: ClockDep,
) -> Response[HostView]:
    """Let the host's production collector run this pipeline; it is changed blue/green."""
    host = await use_cases.set_production(
        HostId(host_id),
        data.pipeline,
        expected=expected_version,
        begin=begin,
        actor=actor,
        clock=clock,
    )
    return versioned(view_of(host), host.version)


@post(
    "/api/v1/hosts/{host_id:uuid}/release",
    operation_id="releaseHostQuarantine",
    permission=Permission.HOSTS_MANAGE,
    status_code=200,
)
async def release(
    host_id: FromPath[UUID],
    data: JSONBody[ReleaseRequest],
    begin: BeginDep,
    actor: ActorDep,
    clock: ClockDep,
) -> Response[HostView]:
    """Let a configuration that failed on the host be offered to it again."""
    host = await use_cases.release_quarantine(
        HostId(host_id), data.hash, begin=begin, actor=actor, clock=clock
    )
    return versioned(view_of(host), host.version)


@delete(
    "/api/v1/hosts/{host_id:uuid}",
    operation_id="removeHost",
    permission=Permission.HOSTS_MANAGE,
)
async def remove_host(
    host_id: FromPath[UUID], begin: BeginDep, actor: ActorDep, clock: ClockDep
) -> None:
    """Forget the host; its credential is worth nothing from now on."""
    await use_cases.remove_host(HostId(host_id), begin=begin, actor=actor, clock=clock)


@post(
    "/api/v1/enrollment-tokens",
    operation_id="issueEnrollmentToken",
    takes_idempotency_key=False,
    permission=Permission.HOSTS_ENROLL,
)
async def issue_token(
    data: JSONBody[NewEnrollmentToken], begin: BeginDep, actor: ActorDep, clock: ClockDep
) -> EnrollmentTokenView:
    """A token that lets one host in, once."""
    issued = await use_cases.issue_enrollment_token(
        data.labels,
        life=use_cases.token_life(data.expires_in_seconds),
        begin=begin,
        actor=actor,
        clock=clock,
    )
    return EnrollmentTokenView(token=issued.secret, expires_at=issued.token.expires_at)


@post("/api/v1/enroll", operation_id="enrollHost", permission=PUBLIC)
async def enroll(
    data: JSONBody[EnrollmentRequest],
    begin: BeginDep,
    clock: ClockDep,
    tenant_of_enrollment_token: TenantOfSecretDep,
) -> EnrolledView:
    """Let a host in by its token; the answer holds its credential."""
    if check_token(data.token) is not TokenKind.ENROLLMENT:
        raise InvalidInputError("token: of another kind; make one with `phoenix host enroll`")
    tenant_id = await tenant_of_enrollment_token(token_hash(data.token))
    if tenant_id is None:
        raise InvalidInputError("token: unknown; make one with `phoenix host enroll`")
    enrollment = use_cases.Enrollment(
        token=data.token,
        instance_uid=parse_instance_uid(data.instance_uid),
        host_name=data.host_name,
        labels=data.labels,
        kind=data.kind,
    )
    enrolled = await use_cases.enroll_host(
        enrollment, tenant_id=tenant_id, begin=begin, clock=clock
    )
    return EnrolledView(
        host_id=enrolled.host.id, tenant_id=tenant_id, credential=enrolled.credential
    )


def view_of(host: Host) -> HostView:
    return HostView(
        id=host.id,
        name=host.name,
        kind=host.kind,
        labels=dict(host.labels),
        is_connected=host.is_connected,
        last_seen_at=host.last_seen_at,
        facts={name: FactView(hash=fact.hash, at=fact.at) for name, fact in host.facts.items()},
        quarantine=[
            QuarantineView(hash=one.hash, at=one.at, reason=one.reason, log_tail=list(one.log_tail))
            for one in host.quarantine
        ],
        agent_version=host.agent_version,
        processors=host.processors,
        memory_bytes=host.memory_bytes,
        processes=host.processes,
        process_names=list(host.process_names),
        collectors=[
            CollectorView(
                distribution=one.distribution,
                version=one.version,
                upstream_version=one.upstream_version,
            )
            for one in host.collectors
        ],
        production=host.production,
        enrolled_at=host.enrolled_at,
        version=host.version,
    )


ROUTES: list[ControllerRouterHandler] = [
    list_hosts,
    get_host,
    get_report,
    set_labels,
    set_production,
    release,
    remove_host,
    issue_token,
    enroll,
]
