"""Tenants on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct


class TenantView(Struct, frozen=True, kw_only=True):
    """A unit of isolation."""

    id: UUID
    name: str
    created_at: datetime
    version: int


class TenantList(Struct, frozen=True, kw_only=True):
    items: list[TenantView]


class NewTenant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=63)]


class CreatedTenantView(Struct, frozen=True, kw_only=True):
    """A tenant, and the link by which its first admin chooses name and password; shown once."""

    tenant: TenantView
    setup_token: str
    setup_path: str
    expires_at: datetime
