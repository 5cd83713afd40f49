"""Service accounts on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from phoenix_platform.domain.permissions import Role


class ServiceAccountView(Struct, frozen=True, kw_only=True):
    """A program with a role in the tenant; it has API keys, no password."""

    id: UUID
    name: str
    role: Role
    is_disabled: bool
    created_at: datetime
    version: int


class ServiceAccountPage(Struct, frozen=True, kw_only=True):
    items: list[ServiceAccountView]
    next_cursor: str | None


class NewServiceAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=63)]
    role: Role


class ServiceAccountChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    role: Role | None = None
    is_disabled: bool | None = None
