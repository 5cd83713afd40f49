"""Pipelines and their versions, as they cross the API."""

from datetime import datetime
from uuid import UUID

import msgspec


class NewPipelineRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    text: str
    """The collector configuration, YAML."""
    description: str = ""
    message: str = ""


class NewVersionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: str
    message: str = ""


class PipelineView(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    description: str
    latest: int
    """Number of its newest version."""
    created_at: datetime
    version: int


class PipelineVersionView(msgspec.Struct, frozen=True, kw_only=True):
    pipeline_id: UUID
    number: int
    hash: str
    text: str
    message: str
    created_at: datetime
    created_by: str


class PipelinePage(msgspec.Struct, frozen=True, kw_only=True):
    items: list[PipelineView]
    next_cursor: str | None


class PipelineVersionList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[PipelineVersionView]


class CatalogEntryView(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    purpose: str
    keeps: str
    loses: str
    totals_preserved: bool
    hash: str
    text: str


class CatalogView(msgspec.Struct, frozen=True, kw_only=True):
    items: list[CatalogEntryView]
