"""Pipelines, and versions that never change."""

from dataclasses import replace

import pytest

from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.application.ports import PageQuery, UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.pipelines import Pipeline, PipelineId, PipelineVersion
from phoenix_platform.domain.tenants import TenantId

Units = Transactions[UnitOfWork]


def _version(pipeline: Pipeline, number: int, text: str = "a: 1\n") -> PipelineVersion:
    return PipelineVersion(
        pipeline_id=pipeline.id,
        tenant_id=pipeline.tenant_id,
        number=number,
        hash=f"sha256:{number}",
        text=text,
        message="why",
        created_at=pipeline.created_at,
        created_by="ada",
    )


@pytest.fixture
async def pipeline(transactions: Units, tenant: TenantId, clock: FixedClock) -> Pipeline:
    made = Pipeline(
        id=PipelineId(new_id(clock)),
        tenant_id=tenant,
        name="cheaper",
        description="half of it",
        created_at=clock.now(),
        latest=1,
    )
    async with transactions.begin(tenant) as work:
        await work.pipelines.add(made)
        await work.pipelines.add_version(_version(made, 1))
    return made


async def test_a_pipeline_and_its_versions_read_back_as_they_were_written(
    transactions: Units, pipeline: Pipeline
) -> None:
    second = _version(pipeline, 2, "receivers: {ä: \u2028}\r\n\t")
    async with transactions.begin(pipeline.tenant_id) as work:
        await work.pipelines.add_version(second)
        saved = await work.pipelines.save(replace(pipeline, latest=2))
    async with transactions.read(pipeline.tenant_id) as work:
        assert await work.pipelines.get(pipeline.id) == saved
        assert await work.pipelines.by_name("cheaper") == saved
        assert await work.pipelines.by_name("dearer") is None
        assert await work.pipelines.get_version(pipeline.id, 2) == second
        assert await work.pipelines.versions(pipeline.id) == [_version(pipeline, 1), second]
        assert (await work.pipelines.page(PageQuery())).items == [saved]
    assert (saved.latest, saved.version) == (2, 2)


async def test_a_version_is_never_replaced(transactions: Units, pipeline: Pipeline) -> None:
    async with transactions.begin(pipeline.tenant_id) as work:
        with pytest.raises(ConflictError, match="version 1 is there already"):
            await work.pipelines.add_version(_version(pipeline, 1, "b: 2\n"))
        assert (await work.pipelines.get_version(pipeline.id, 1)).text == "a: 1\n"


async def test_names_are_unique_within_a_tenant(
    transactions: Units, pipeline: Pipeline, other_tenant: TenantId, clock: FixedClock
) -> None:
    again = replace(pipeline, id=PipelineId(new_id(clock)))
    async with transactions.begin(pipeline.tenant_id) as work:
        with pytest.raises(ConflictError, match="there is a pipeline 'cheaper'"):
            await work.pipelines.add(again)
    async with transactions.begin(other_tenant) as work:
        await work.pipelines.add(replace(again, tenant_id=other_tenant))


async def test_a_pipeline_that_was_changed_meanwhile_is_not_overwritten(
    transactions: Units, pipeline: Pipeline
) -> None:
    async with transactions.begin(pipeline.tenant_id) as work:
        await work.pipelines.save(pipeline)
        with pytest.raises(ConflictError, match="read it again"):
            await work.pipelines.save(pipeline)


async def test_what_is_not_there_is_not_found(
    transactions: Units, pipeline: Pipeline, clock: FixedClock
) -> None:
    async with transactions.read(pipeline.tenant_id) as work:
        with pytest.raises(NotFoundError):
            await work.pipelines.get(PipelineId(new_id(clock)))
        with pytest.raises(NotFoundError, match="no version 9"):
            await work.pipelines.get_version(pipeline.id, 9)
