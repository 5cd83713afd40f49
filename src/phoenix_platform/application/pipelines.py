"""Pipelines: make one, publish a version, and find what a reference means."""

from dataclasses import dataclass, replace
from typing import Final

from phoenix_platform.application.changes import Change, write_change
from phoenix_platform.application.ports import Begin, Page, PageQuery, UnitOfWork
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import ConflictError, InvalidInputError, NotFoundError
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.actors import Actor
from phoenix_platform.domain.experiments import VariantPipeline
from phoenix_platform.domain.pipelines import Pipeline, PipelineId, PipelineVersion
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.configurations import parse_configuration
from phoenix_platform.pipelines.tried_pipelines import tried_pipelines

_TOPIC: Final = "pipelines"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPipeline:
    name: str
    text: str
    description: str = ""
    message: str = ""


async def create_pipeline(
    new: NewPipeline, *, begin: Begin, actor: Actor, clock: Clock
) -> tuple[Pipeline, PipelineVersion]:
    """Make a pipeline with its first version.

    Raises:
        ConflictError: If the name is taken, by the catalog too.
        InvalidInputError: If the text is not a collector configuration; with line and column.
    """
    if new.name in catalog.names():
        raise ConflictError(f"name: {new.name!r} is a pipeline of the catalog; choose another name")
    digest = _checked_hash(new.text, new.name)
    tenant_id = actor.tenant_id
    pipeline = Pipeline(
        id=PipelineId(new_id(clock)),
        tenant_id=tenant_id,
        name=new.name,
        description=new.description,
        created_at=clock.now(),
        latest=1,
    )
    version = _version(pipeline, 1, new.text, digest, new.message, actor, clock)
    async with begin(tenant_id) as work:
        if await work.pipelines.by_name(new.name) is not None:
            raise ConflictError(
                f"name: there is a pipeline {new.name!r}; publish a new version of it, or choose another name"
            )
        await work.pipelines.add(pipeline)
        await work.pipelines.add_version(version)
        await _write(work, pipeline, version, "pipeline.create", actor=actor, clock=clock)
    return pipeline, version


async def publish_version(
    pipeline_id: PipelineId,
    text: str,
    *,
    message: str = "",
    expected: int | None = None,
    begin: Begin,
    actor: Actor,
    clock: Clock,
) -> tuple[Pipeline, PipelineVersion]:
    """Publish the next version; the text of the newest one again gives that one.

    Raises:
        ConflictError: If the pipeline is no more at version `expected` of its row.
        InvalidInputError: If the text is not a collector configuration.
        NotFoundError: If there is no such pipeline.
    """
    async with begin(actor.tenant_id) as work:
        pipeline = await work.pipelines.get(pipeline_id)
        _check_expected(pipeline, expected)
        digest = _checked_hash(text, pipeline.name)
        newest = await work.pipelines.get_version(pipeline_id, pipeline.latest)
        if newest.text == text:
            return pipeline, newest
        number = pipeline.latest + 1
        version = _version(pipeline, number, text, digest, message, actor, clock)
        await work.pipelines.add_version(version)
        saved = await work.pipelines.save(replace(pipeline, latest=number))
        await _write(work, saved, version, "pipeline.publish", actor=actor, clock=clock)
    return saved, version


async def list_pipelines(query: PageQuery, *, tenant_id: TenantId, begin: Begin) -> Page[Pipeline]:
    async with begin(tenant_id) as work:
        return await work.pipelines.page(query)


async def get_pipeline(pipeline_id: PipelineId, *, tenant_id: TenantId, begin: Begin) -> Pipeline:
    async with begin(tenant_id) as work:
        return await work.pipelines.get(pipeline_id)


async def list_versions(
    pipeline_id: PipelineId, *, tenant_id: TenantId, begin: Begin
) -> list[PipelineVersion]:
    async with begin(tenant_id) as work:
        await work.pipelines.get(pipeline_id)
        return list(await work.pipelines.versions(pipeline_id))


async def get_version(
    pipeline_id: PipelineId, number: int, *, tenant_id: TenantId, begin: Begin
) -> PipelineVersion:
    async with begin(tenant_id) as work:
        return await work.pipelines.get_version(pipeline_id, number)


async def resolve(work: UnitOfWork, reference: str, *, field: str) -> VariantPipeline:
    """What a reference means now: a name of the catalog, `name` (its newest version) or `name@number`.

    Raises:
        InvalidInputError: If it cannot be tried, or the number is none.
        NotFoundError: If there is no such pipeline or version.
    """
    if reference in catalog.names():
        entry = catalog.get(reference)
        return VariantPipeline(
            reference=reference,
            hash=entry.configuration.hash,
            text=entry.text,
            totals_preserved=entry.totals_preserved,
        )
    name, _, number = reference.partition("@")
    pipeline = await work.pipelines.by_name(name)
    if pipeline is None:
        raise NotFoundError(
            f"{field}: there is no pipeline {name!r}; see `phoenix pipeline list`", name=name
        )
    if number and not number.isdecimal():
        raise InvalidInputError(
            f"{field}: {number!r} is no version; write {name}@{pipeline.latest}"
        )
    version = await work.pipelines.get_version(pipeline.id, int(number or pipeline.latest))
    configuration = parse_configuration(version.text, name=f"{name}@{version.number}")
    tried_pipelines(configuration)
    return VariantPipeline(
        reference=f"{name}@{version.number}",
        hash=version.hash,
        text=version.text,
        # Of one's own pipeline nothing is known beforehand: it must keep host totals.
        totals_preserved=True,
    )


def _checked_hash(text: str, name: str) -> str:
    return parse_configuration(text, name=name).hash


def _check_expected(pipeline: Pipeline, expected: int | None) -> None:
    if expected is not None and expected != pipeline.version:
        raise ConflictError(
            f"If-Match: the pipeline is at {pipeline.version}, not {expected}: its newest version is "
            f"{pipeline.latest} now; read it again",
            current=pipeline.version,
        )


def _version(
    pipeline: Pipeline,
    number: int,
    text: str,
    digest: str,
    message: str,
    actor: Actor,
    clock: Clock,
) -> PipelineVersion:
    return PipelineVersion(
        pipeline_id=pipeline.id,
        tenant_id=pipeline.tenant_id,
        number=number,
        hash=digest,
        text=text,
        message=message,
        created_at=clock.now(),
        created_by=actor.name,
    )


async def _write(
    work: UnitOfWork,
    pipeline: Pipeline,
    version: PipelineVersion,
    action: str,
    *,
    actor: Actor,
    clock: Clock,
) -> None:
    change = Change(
        action=action,
        target=f"pipeline:{pipeline.id}",
        topic=_TOPIC,
        kind="pipeline.published",
        changes={"name": pipeline.name, "number": version.number, "hash": version.hash},
    )
    await write_change(work, change, actor=actor, clock=clock)
