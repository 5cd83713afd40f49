from datetime import UTC, datetime
from itertools import product
from uuid import UUID

import pytest

from phoenix_platform.domain.actors import (
    Actor,
    ActorKind,
    ForbiddenError,
    agent_actor,
    is_home,
    system_actor,
)
from phoenix_platform.domain.permissions import AGENT_PERMISSIONS, PERMISSIONS_OF, Permission, Role
from phoenix_platform.domain.tenants import Tenant, TenantId

TENANT = TenantId(UUID(int=1))


def user(role: Role | None, scopes: frozenset[Permission] | None = None) -> Actor:
    return Actor(
        tenant_id=TENANT, kind=ActorKind.USER, id="1", name="Ada", role=role, scopes=scopes
    )


def test_every_role_has_a_row_in_the_table() -> None:
    assert set(PERMISSIONS_OF) == set(Role)


def test_every_permission_is_given_to_somebody() -> None:
    given = frozenset[Permission]().union(*PERMISSIONS_OF.values(), AGENT_PERMISSIONS)
    assert given == set(Permission)


def test_everybody_may_what_a_viewer_may_and_an_admin_what_anybody_may() -> None:
    for permissions in PERMISSIONS_OF.values():
        assert PERMISSIONS_OF[Role.VIEWER] <= permissions <= PERMISSIONS_OF[Role.ADMIN]


def test_no_role_reports_for_a_host() -> None:
    assert not any(AGENT_PERMISSIONS & permissions for permissions in PERMISSIONS_OF.values())


@pytest.mark.parametrize(("role", "permission"), list(product(Role, Permission)))
def test_a_user_may_what_the_table_says_and_nothing_else(
    role: Role, permission: Permission
) -> None:
    if permission in PERMISSIONS_OF[role]:
        user(role).require(permission)
    else:
        with pytest.raises(ForbiddenError, match=f"{permission} is needed, which the role {role}"):
            user(role).require(permission)


def test_an_agent_only_reports() -> None:
    assert agent_actor(TENANT, "host", "web-1").permissions == {Permission.AGENT_REPORT}
    with pytest.raises(ForbiddenError, match="the agent does not give"):
        agent_actor(TENANT, "host", "web-1").require(Permission.HOSTS_READ)


def test_the_control_plane_may_everything() -> None:
    assert system_actor(TENANT).permissions == set(Permission)


def test_an_actor_without_a_role_may_nothing() -> None:
    assert user(None).permissions == set()


def test_scopes_narrow_a_role_and_never_widen_it() -> None:
    scopes = frozenset({Permission.HOSTS_READ, Permission.USERS_MANAGE})
    assert user(Role.VIEWER, scopes).permissions == {Permission.HOSTS_READ}
    with pytest.raises(ForbiddenError, match="narrowed to the scopes of this key"):
        user(Role.ADMIN, scopes).require(Permission.AUDIT_READ)


def test_the_home_tenant_is_the_one_of_the_installation() -> None:
    at = datetime(2030, 1, 1, tzinfo=UTC)
    assert is_home(Tenant(id=TENANT, name="default", created_at=at))
    assert not is_home(Tenant(id=TENANT, name="team-a", created_at=at))
