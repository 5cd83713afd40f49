"""Pipelines of a tenant: named collector configurations whose versions never change."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NewType
from uuid import UUID

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.tenants import TenantId

PipelineId = NewType("PipelineId", UUID)
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?")
MAX_TEXT_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    id: PipelineId
    tenant_id: TenantId
    name: str
    description: str = ""
    created_at: datetime
    latest: int = 0
    """Number of its newest version; 0 before the first."""
    version: int = 1
    """Of this row, for optimistic locking; not a pipeline version."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInputError(
                f"name: {self.name!r} is no pipeline name; use up to 100 lower-case letters, digits and hyphens"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineVersion:
    """One configuration; published once, never changed."""

    pipeline_id: PipelineId
    tenant_id: TenantId
    number: int
    hash: str
    """Content hash: comments and the order of keys do not change it."""
    text: str
    message: str = ""
    created_at: datetime
    created_by: str

    def __post_init__(self) -> None:
        if len(self.text.encode()) > MAX_TEXT_BYTES:
            raise InvalidInputError(
                f"text: {len(self.text.encode())} bytes; a configuration may have {MAX_TEXT_BYTES}"
            )
