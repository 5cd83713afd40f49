"""Pipelines and their versions, which nothing changes once they are there."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    select,
    update,
)
from sqlalchemy.engine import RowMapping
from sqlalchemy.sql.expression import ColumnElement

from phoenix_platform.adapters.sql.metadata import METADATA, UtcDateTime, id_column, tenant_column
from phoenix_platform.adapters.sql.pages import read_page
from phoenix_platform.adapters.sql.scopes import Scope, insert_new
from phoenix_platform.application.ports import Page, PageQuery
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.domain.pipelines import Pipeline, PipelineId, PipelineVersion
from phoenix_platform.domain.tenants import TenantId

pipelines: Final = Table(
    "pipelines",
    METADATA,
    tenant_column(),
    id_column(),
    Column("name", String(100), nullable=False),
    Column("description", Text(), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("latest", Integer(), nullable=False),
    Column("version", Integer(), nullable=False),
    UniqueConstraint("tenant_id", "name"),
)
pipeline_versions: Final = Table(
    "pipeline_versions",
    METADATA,
    tenant_column(),
    id_column("pipeline_id"),
    Column("number", Integer(), primary_key=True, autoincrement=False),
    Column("hash", String(100), nullable=False),
    Column("text", Text(), nullable=False),
    Column("message", Text(), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("created_by", Text(), nullable=False),
    ForeignKeyConstraint(["tenant_id", "pipeline_id"], ["pipelines.tenant_id", "pipelines.id"]),
)


class SqlPipelines:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def get(self, pipeline_id: PipelineId) -> Pipeline:
        if (pipeline := await self._one(pipelines.c.id == pipeline_id)) is None:
            raise NotFoundError(f"there is no pipeline {pipeline_id}", pipeline=str(pipeline_id))
        return pipeline

    async def by_name(self, name: str) -> Pipeline | None:
        return await self._one(pipelines.c.name == name)

    async def page(self, query: PageQuery) -> Page[Pipeline]:
        statement = select(pipelines).where(self._is_ours())
        return await read_page(self._scope, statement, pipelines.c.id, query, _pipeline)

    async def add(self, pipeline: Pipeline) -> None:
        values = {
            "tenant_id": pipeline.tenant_id,
            "id": pipeline.id,
            "name": pipeline.name,
            "created_at": pipeline.created_at,
            **_changing(pipeline),
        }
        if not await insert_new(self._scope.connection, pipelines, values):
            raise ConflictError(
                f"name: there is a pipeline {pipeline.name!r} already; choose another name"
            )

    async def save(self, pipeline: Pipeline) -> Pipeline:
        saved = replace(pipeline, version=pipeline.version + 1)
        statement = (
            update(pipelines)
            .where(
                self._is_ours(),
                pipelines.c.id == pipeline.id,
                pipelines.c.version == pipeline.version,
            )
            .values(_changing(saved))
        )
        if (await self._scope.connection.execute(statement)).rowcount != 1:
            raise ConflictError("someone else changed the pipeline; read it again")
        return saved

    async def add_version(self, version: PipelineVersion) -> None:
        values = {
            "tenant_id": version.tenant_id,
            "pipeline_id": version.pipeline_id,
            "number": version.number,
            "hash": version.hash,
            "text": version.text,
            "message": version.message,
            "created_at": version.created_at,
            "created_by": version.created_by,
        }
        if not await insert_new(self._scope.connection, pipeline_versions, values):
            raise ConflictError(
                f"number: version {version.number} is there already; read the pipeline again"
            )

    async def get_version(self, pipeline_id: PipelineId, number: int) -> PipelineVersion:
        statement = select(pipeline_versions).where(
            *self._of(pipeline_id), pipeline_versions.c.number == number
        )
        row = (await self._scope.connection.execute(statement)).mappings().one_or_none()
        if row is None:
            raise NotFoundError(f"there is no version {number} of the pipeline", number=number)
        return _version(row)

    async def versions(self, pipeline_id: PipelineId) -> Sequence[PipelineVersion]:
        statement = (
            select(pipeline_versions)
            .where(*self._of(pipeline_id))
            .order_by(pipeline_versions.c.number)
        )
        found = await self._scope.connection.execute(statement)
        return [_version(row) for row in found.mappings()]

    async def _one(self, where: ColumnElement[bool]) -> Pipeline | None:
        found = await self._scope.connection.execute(
            select(pipelines).where(self._is_ours(), where)
        )
        row = found.mappings().one_or_none()
        return None if row is None else _pipeline(row)

    def _is_ours(self) -> ColumnElement[bool]:
        return pipelines.c.tenant_id == self._scope.tenant_id

    def _of(self, pipeline_id: PipelineId) -> tuple[ColumnElement[bool], ...]:
        columns = pipeline_versions.c
        return columns.tenant_id == self._scope.tenant_id, columns.pipeline_id == pipeline_id


def _changing(pipeline: Pipeline) -> dict[str, Any]:
    return {
        "description": pipeline.description,
        "latest": pipeline.latest,
        "version": pipeline.version,
    }


def _pipeline(row: RowMapping) -> Pipeline:
    return Pipeline(
        id=PipelineId(row["id"]),
        tenant_id=TenantId(row["tenant_id"]),
        name=row["name"],
        description=row["description"],
        created_at=row["created_at"],
        latest=row["latest"],
        version=row["version"],
    )


def _version(row: RowMapping) -> PipelineVersion:
    return PipelineVersion(
        pipeline_id=PipelineId(row["pipeline_id"]),
        tenant_id=TenantId(row["tenant_id"]),
        number=row["number"],
        hash=row["hash"],
        text=row["text"],
        message=row["message"],
        created_at=row["created_at"],
        created_by=row["created_by"],
    )
