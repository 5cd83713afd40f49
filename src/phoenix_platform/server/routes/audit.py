"""The audit trail of a tenant."""

from datetime import datetime
from typing import Annotated

from litestar import get
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler

from phoenix_platform.application.audit import list_audit, verify_audit
from phoenix_platform.application.ports import AuditQuery
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.audit import AuditEvent
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.server.dependencies import ActorDep, BeginDep
from phoenix_platform.server.pagination import PageDep, encode_cursor
from phoenix_platform.wire.v1.audit import (
    AuditActor,
    AuditEventView,
    AuditPage,
    AuditVerificationView,
)

_Target = Annotated[
    str | None, QueryParameter(description="`<noun>:<id>`: of one thing.", max_length=300)
]
_Action = Annotated[
    str | None,
    QueryParameter(description="`<noun>.<verb>`, such as `user.create`.", max_length=200),
]
_Since = Annotated[
    datetime | None, QueryParameter(description="RFC 3339, with its zone: not before this.")
]


@get("/api/v1/audit", operation_id="listAudit", permission=Permission.AUDIT_READ)
async def list_route(
    page: PageDep,
    begin: BeginDep,
    actor: ActorDep,
    target: _Target = None,
    action: _Action = None,
    since: _Since = None,
) -> AuditPage:
    """What was changed in the tenant, newest first."""
    if since is not None and since.tzinfo is None:
        raise InvalidInputError(f"since: {since.isoformat()} has no zone; append Z for UTC")
    where = AuditQuery(target=target, action=action, since=since)
    found = await list_audit(page, where, tenant_id=actor.tenant_id, begin=begin)
    views = [view_of(one) for one in found.items]
    return AuditPage(items=views, next_cursor=encode_cursor(found.next))


@get("/api/v1/audit/verification", operation_id="verifyAudit", permission=Permission.AUDIT_READ)
async def verify_route(begin: BeginDep, actor: ActorDep) -> AuditVerificationView:
    """Compute the tenant's chain of hashes anew."""
    verification = await verify_audit(tenant_id=actor.tenant_id, begin=begin)
    return AuditVerificationView(
        is_whole=verification.is_whole, first_broken=verification.first_broken
    )


def view_of(event: AuditEvent) -> AuditEventView:
    return AuditEventView(
        id=event.id,
        at=event.at,
        actor=AuditActor(kind=event.actor_kind, id=event.actor_id, name=event.actor_name),
        action=event.action,
        target=event.target,
        reason=event.reason,
        changes=dict(event.changes),
    )


ROUTES: list[ControllerRouterHandler] = [list_route, verify_route]
