"""Load simulations, as they cross the API."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec


class NewLoadRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    profile: str
    selector: str = ""
    seed: int = 0
    duration: timedelta = timedelta(minutes=10)


class LoadView(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    profile: str
    seed: int
    hosts: list[UUID]
    is_wanted: bool
    created_at: datetime
    created_by: str
    deadline: datetime
    stopped_at: datetime | None
    version: int


class LoadPage(msgspec.Struct, frozen=True, kw_only=True):
    items: list[LoadView]
    next_cursor: str | None
