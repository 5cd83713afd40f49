"""Who may do what: the one table of roles and permissions.

A route names one permission, an actor has a role, and nothing else decides. docs/security.md
shows this table, and a test holds the two together.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """One thing that can be done, as `noun:verb`; also the scopes of an API key."""

    HOSTS_READ = "hosts:read"
    HOSTS_ENROLL = "hosts:enroll"
    HOSTS_MANAGE = "hosts:manage"
    PIPELINES_READ = "pipelines:read"
    PIPELINES_WRITE = "pipelines:write"
    EXPERIMENTS_READ = "experiments:read"
    EXPERIMENTS_WRITE = "experiments:write"
    EXPERIMENTS_STOP = "experiments:stop"
    SAMPLES_READ = "samples:read"
    CERTIFICATES_READ = "certificates:read"
    LOADS_READ = "loads:read"
    LOADS_WRITE = "loads:write"
    TENANTS_READ = "tenants:read"
    TENANTS_MANAGE = "tenants:manage"
    USERS_READ = "users:read"
    USERS_MANAGE = "users:manage"
    API_KEYS_OWN = "api-keys:own"
    API_KEYS_MANAGE = "api-keys:manage"
    AUDIT_READ = "audit:read"
    EVENTS_READ = "events:read"
    AGENT_REPORT = "agent:report"


class Role(StrEnum):
    """What a person or a service account is in a tenant."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    EXPERIMENTER = "experimenter"
    ADMIN = "admin"


AGENT_PERMISSIONS: Final = frozenset({Permission.AGENT_REPORT})
"""An agent reports for its own host, and nobody else does: no role has this permission."""

_VIEWER: Final = frozenset(
    {
        Permission.HOSTS_READ,
        Permission.PIPELINES_READ,
        Permission.EXPERIMENTS_READ,
        Permission.SAMPLES_READ,
        Permission.CERTIFICATES_READ,
        Permission.LOADS_READ,
        Permission.TENANTS_READ,
        Permission.EVENTS_READ,
        Permission.API_KEYS_OWN,
    }
)

PERMISSIONS_OF: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.VIEWER: _VIEWER,
    # Looks after hosts and may end what harms them, but decides no pipeline.
    Role.OPERATOR: _VIEWER
    | {
        Permission.HOSTS_ENROLL,
        Permission.HOSTS_MANAGE,
        Permission.EXPERIMENTS_STOP,
        Permission.LOADS_WRITE,
    },
    # Decides pipelines and tries them on the hosts that are there.
    Role.EXPERIMENTER: _VIEWER
    | {
        Permission.PIPELINES_WRITE,
        Permission.EXPERIMENTS_WRITE,
        Permission.EXPERIMENTS_STOP,
        Permission.LOADS_WRITE,
    },
    Role.ADMIN: frozenset(Permission) - AGENT_PERMISSIONS,
}
