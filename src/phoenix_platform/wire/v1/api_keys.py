"""API keys on the wire."""

from datetime import datetime, timedelta
from typing import Annotated, TypeAlias
from uuid import UUID

from msgspec import Meta, Struct

from phoenix_platform.domain.api_keys import DEFAULT_LIFE, KeyOwner
from phoenix_platform.domain.permissions import Permission

KeyScope: TypeAlias = Permission
"""What a key can be narrowed to; under this name for clients, which know no domain."""


class ApiKeyView(Struct, frozen=True, kw_only=True):
    """A key without its secret."""

    id: UUID
    name: str
    hint: str
    """How the key begins."""
    owner_kind: KeyOwner
    owner_id: UUID
    scopes: list[Permission] | None
    """null: everything that its owner may."""
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None


class ApiKeyPage(Struct, frozen=True, kw_only=True):
    items: list[ApiKeyView]
    next_cursor: str | None


class NewApiKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    """What it is for. Two of a name may live at once, so that a key can be replaced without a gap."""
    scopes: list[Permission] | None = None
    """What it is narrowed to; left out: everything that its owner may."""
    expires_in: timedelta = DEFAULT_LIFE
    """ISO 8601, such as `P90D`; at most 366 days."""
    service_account_id: UUID | None = None
    """Whose it is; left out: of whoever asks."""


class IssuedApiKey(Struct, frozen=True, kw_only=True):
    """A key with its secret, which is shown once."""

    key: ApiKeyView
    secret: str
