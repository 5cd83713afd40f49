"""The audit trail: read it, and see whether it is whole. Every use case that changes something writes it."""

from dataclasses import dataclass
from uuid import UUID

from phoenix_platform.application.ports import AuditQuery, Begin, Page, PageQuery
from phoenix_platform.domain.audit import AuditEvent
from phoenix_platform.domain.tenants import TenantId


@dataclass(frozen=True, slots=True)
class AuditVerification:
    """Whether each event follows from the one before it."""

    first_broken: UUID | None
    """The first event whose hash does not follow: it, or what stood before it, was changed."""

    @property
    def is_whole(self) -> bool:
        return self.first_broken is None


async def verify_audit(*, tenant_id: TenantId, begin: Begin) -> AuditVerification:
    """Compute the chain of the tenant anew. It cannot show that its newest events were cut off."""
    async with begin(tenant_id) as work:
        return AuditVerification(await work.audit.first_break())


async def list_audit(
    query: PageQuery, where: AuditQuery, *, tenant_id: TenantId, begin: Begin
) -> Page[AuditEvent]:
    async with begin(tenant_id) as work:
        return await work.audit.page(query, where)
