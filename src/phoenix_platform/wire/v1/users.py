"""Users, and signing in, on the wire."""

from datetime import datetime
from typing import Annotated, TypeAlias
from uuid import UUID

from msgspec import Meta, Struct

from phoenix_platform.domain.actors import ActorKind
from phoenix_platform.domain.permissions import Permission, Role
from phoenix_platform.domain.tenants import DEFAULT_TENANT_NAME

UserRole: TypeAlias = Role
"""What people and programs are in a tenant; under this name for clients, which know no domain."""
Name = Annotated[str, Meta(min_length=1, max_length=128)]
Password = Annotated[str, Meta(max_length=1024)]
Token = Annotated[str, Meta(max_length=100)]


class UserView(Struct, frozen=True, kw_only=True):
    """A person with a role in the tenant."""

    id: UUID
    name: str
    role: Role
    has_password: bool
    """False: they have not used their set-up link yet."""
    is_disabled: bool
    created_at: datetime
    last_sign_in_at: datetime | None
    version: int


class UserPage(Struct, frozen=True, kw_only=True):
    items: list[UserView]
    next_cursor: str | None


class NewUser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    """A short name or an e-mail address; case does not matter."""
    role: Role


class UserChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    role: Role | None = None
    is_disabled: bool | None = None


class InvitedUser(Struct, frozen=True, kw_only=True):
    """A user, and the link by which they choose a password; shown once."""

    user: UserView
    setup_token: str
    setup_path: str
    """Behind the address of the server; the token stands behind `#`, so that no log has it."""
    expires_at: datetime


class SignIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    password: Password
    tenant: Annotated[str, Meta(min_length=1, max_length=63)] = DEFAULT_TENANT_NAME


class SetUp(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    token: Token
    """`phx_set_…`, from the link."""
    password: Password
    name: Name | None = None
    """For the first admin of a tenant; everybody else has one."""


class RefreshToken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    refresh_token: Token


class PasswordChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    current: Password
    new: Password


class SignedInView(Struct, frozen=True, kw_only=True):
    """Tokens of a session: one for requests, one to get the next by."""

    access_token: str
    expires_at: datetime
    """Of the access token."""
    refresh_token: str
    """Used once; its answer brings the next."""
    session_expires_at: datetime
    """Unless it is refreshed before."""
    user: UserView


class MeView(Struct, frozen=True, kw_only=True):
    """Who asks."""

    tenant_id: UUID
    tenant: str
    kind: ActorKind
    id: str
    name: str
    role: Role | None
    permissions: list[Permission]
