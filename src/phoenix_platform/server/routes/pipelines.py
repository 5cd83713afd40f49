"""Pipelines: the catalog, one's own, and their versions, which never change."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler

from phoenix_platform.application import pipelines as use_cases
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.domain.pipelines import Pipeline, PipelineId, PipelineVersion
from phoenix_platform.pipelines import catalog
from phoenix_platform.server.dependencies import ActorDep, BeginDep, ClockDep
from phoenix_platform.server.pagination import PageDep, encode_cursor
from phoenix_platform.server.versions import ExpectedVersionDep, versioned
from phoenix_platform.wire.v1.pipelines import (
    CatalogEntryView,
    CatalogView,
    NewPipelineRequest,
    NewVersionRequest,
    PipelinePage,
    PipelineVersionList,
    PipelineVersionView,
    PipelineView,
)


@get("/api/v1/catalog", operation_id="listCatalog", permission=Permission.PIPELINES_READ)
async def list_catalog() -> CatalogView:
    """The pipelines that ship with Phoenix."""
    return CatalogView(
        items=[
            CatalogEntryView(
                name=entry.name,
                purpose=entry.purpose,
                keeps=entry.keeps,
                loses=entry.loses,
                totals_preserved=entry.totals_preserved,
                hash=entry.configuration.hash,
                text=entry.text,
            )
            for entry in catalog.entries()
        ]
    )


@get("/api/v1/pipelines", operation_id="listPipelines", permission=Permission.PIPELINES_READ)
async def list_pipelines(page: PageDep, begin: BeginDep, actor: ActorDep) -> PipelinePage:
    """The tenant's own pipelines."""
    found = await use_cases.list_pipelines(page, tenant_id=actor.tenant_id, begin=begin)
    return PipelinePage(
        items=[view_of(one) for one in found.items], next_cursor=encode_cursor(found.next)
    )


@post("/api/v1/pipelines", operation_id="createPipeline", permission=Permission.PIPELINES_WRITE)
async def create_pipeline(
    data: JSONBody[NewPipelineRequest], begin: BeginDep, actor: ActorDep, clock: ClockDep
) -> Response[PipelineView]:
    """Make a pipeline with its first version."""
    new = use_cases.NewPipeline(
        name=data.name, text=data.text, description=data.description, message=data.message
    )
    pipeline, _ = await use_cases.create_pipeline(new, begin=begin, actor=actor, clock=clock)
    return versioned(view_of(pipeline), pipeline.version, status_code=201)


@get(
    "/api/v1/pipelines/{pipeline_id:uuid}",
    operation_id="getPipeline",
    permission=Permission.PIPELINES_READ,
)
async def get_pipeline(
    pipeline_id: FromPath[UUID], begin: BeginDep, actor: ActorDep
) -> Response[PipelineView]:
    """One pipeline; its text is in its versions."""
    pipeline = await use_cases.get_pipeline(
        PipelineId(pipeline_id), tenant_id=actor.tenant_id, begin=begin
    )
    return versioned(view_of(pipeline), pipeline.version)


@get(
    "/api/v1/pipelines/{pipeline_id:uuid}/versions",
    operation_id="listPipelineVersions",
    permission=Permission.PIPELINES_READ,
)
async def list_versions(
    pipeline_id: FromPath[UUID], begin: BeginDep, actor: ActorDep
) -> PipelineVersionList:
    """All versions, oldest first."""
    found = await use_cases.list_versions(
        PipelineId(pipeline_id), tenant_id=actor.tenant_id, begin=begin
    )
    return PipelineVersionList(items=[version_view_of(one) for one in found])


@get(
    "/api/v1/pipelines/{pipeline_id:uuid}/versions/{number:int}",
    operation_id="getPipelineVersion",
    permission=Permission.PIPELINES_READ,
)
async def get_version(
    pipeline_id: FromPath[UUID], number: FromPath[int], begin: BeginDep, actor: ActorDep
) -> PipelineVersionView:
    """One version, as it was published."""
    version = await use_cases.get_version(
        PipelineId(pipeline_id), number, tenant_id=actor.tenant_id, begin=begin
    )
    return version_view_of(version)


@post(
    "/api/v1/pipelines/{pipeline_id:uuid}/versions",
    operation_id="publishPipelineVersion",
    permission=Permission.PIPELINES_WRITE,
)
async def publish_version(
    pipeline_id: FromPath[UUID],
    data: JSONBody[NewVersionRequest],
    expected_version: ExpectedVersionDep,
    begin: BeginDep,
    actor: ActorDep,
    clock: ClockDep,
) -> Response[PipelineVersionView]:
    """Publish the next version; the newest text again gives the newest version."""
    pipeline, version = await use_cases.publish_version(
        PipelineId(pipeline_id),
        data.text,
        message=data.message,
        expected=expected_version,
        begin=begin,
        actor=actor,
        clock=clock,
    )
    return versioned(version_view_of(version), pipeline.version, status_code=201)


def view_of(pipeline: Pipeline) -> PipelineView:
    return PipelineView(
        id=pipeline.id,
        name=pipeline.name,
        description=pipeline.description,
        latest=pipeline.latest,
        created_at=pipeline.created_at,
        version=pipeline.version,
    )


def version_view_of(version: PipelineVersion) -> PipelineVersionView:
    return PipelineVersionView(
        pipeline_id=version.pipeline_id,
        number=version.number,
        hash=version.hash,
        text=version.text,
        message=version.message,
        created_at=version.created_at,
        created_by=version.created_by,
    )


ROUTES: list[ControllerRouterHandler] = [
    list_catalog,
    list_pipelines,
    create_pipeline,
    get_pipeline,
    list_versions,
    get_version,
    publish_version,
]
