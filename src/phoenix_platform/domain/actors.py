"""Who asks: a person, a service account, an agent, or the control plane itself.

Authentication makes one actor per request; use cases check it, and write it into the audit chain.
"""

from dataclasses import dataclass
from enum import StrEnum

from phoenix_platform.core.errors import PhoenixError
from phoenix_platform.domain.permissions import AGENT_PERMISSIONS, PERMISSIONS_OF, Permission, Role
from phoenix_platform.domain.tenants import DEFAULT_TENANT_NAME, Tenant, TenantId


class ActorKind(StrEnum):
    USER = "user"
    SERVICE_ACCOUNT = "service_account"
    AGENT = "agent"
    SYSTEM = "system"
    """The control plane, as in a reconciler; may do everything within its tenant."""
    LOCAL = "local"
    """Whoever may read the key in the data directory of an embedded server."""


class ForbiddenError(PhoenixError):
    """The actor is known, and may not do this."""

    code = "forbidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    tenant_id: TenantId
    kind: ActorKind
    id: str
    """Of the user, service account or host; a fixed word for the control plane."""
    name: str
    role: Role | None = None
    """None for agents and the control plane, whose kind says what they may do."""
    scopes: frozenset[Permission] | None = None
    """What an API key was narrowed to; None: everything of the role."""

    @property
    def permissions(self) -> frozenset[Permission]:
        """What it may do; an actor without a role may do nothing."""
        granted = self._granted()
        return granted if self.scopes is None else granted & self.scopes

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raise `ForbiddenError` unless it may do this."""
        if not self.may(permission):
            who = f"the role {self.role}" if self.role is not None else f"the {self.kind}"
            narrowed = "" if self.scopes is None else ", narrowed to the scopes of this key,"
            raise ForbiddenError(
                f"{permission} is needed, which {who}{narrowed} does not give; ask an admin",
                permission=permission,
            )

    def _granted(self) -> frozenset[Permission]:
        if self.kind is ActorKind.AGENT:
            return AGENT_PERMISSIONS
        if self.kind is ActorKind.SYSTEM:
            return frozenset(Permission)
        return frozenset() if self.role is None else PERMISSIONS_OF[self.role]


def agent_actor(tenant_id: TenantId, host_id: str, name: str) -> Actor:
    """The agent of a host, after its credential was checked."""
    return Actor(tenant_id=tenant_id, kind=ActorKind.AGENT, id=host_id, name=name)


def system_actor(tenant_id: TenantId, name: str = "control plane") -> Actor:
    """The control plane at work in a tenant; `name` says which part of it."""
    return Actor(tenant_id=tenant_id, kind=ActorKind.SYSTEM, id="system", name=name)


def is_home(tenant: Tenant) -> bool:
    """Whether this is the tenant of those who run the installation.

    Its admins make and list tenants; an admin elsewhere sees and changes the own tenant only.
    """
    return tenant.name == DEFAULT_TENANT_NAME
