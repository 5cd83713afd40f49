"""Samples read back exactly, once each, in an order in which no reader misses one."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text
from tests.domain_builders import a_sample, an_experiment

from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.application.ports import SampleCounts, UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.experiments import Experiment
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.metering.samples import Sample, Variant

Units = Transactions[UnitOfWork]


@pytest.fixture
async def experiment(transactions: Units, tenant: TenantId, clock: FixedClock) -> Experiment:
    added = an_experiment(tenant, clock)
    async with transactions.begin(tenant) as work:
        await work.experiments.add(added)
    return added


async def _add(transactions: Units, experiment: Experiment, *samples: Sample) -> int:
    async with transactions.begin(experiment.tenant_id) as work:
        return await work.samples.add(experiment.id, experiment.hosts[0].host_id, samples)


async def _all(transactions: Units, experiment: Experiment) -> list[Sample]:
    async with transactions.read(experiment.tenant_id) as work:
        return list((await work.samples.after(experiment.id, 0, 10_000))[0])


async def test_a_sample_reads_back_exactly(transactions: Units, experiment: Experiment) -> None:
    samples = [
        a_sample(0, Variant.BASELINE),
        a_sample(0, Variant.CANDIDATE, totals={}, critical_metrics={}, visibility={}),
        replace(a_sample(1), critical_seen=(), queue_full=None, rss_bytes=None, cpu_seconds=5e-324),
    ]
    assert await _add(transactions, experiment, *samples) == 3
    assert await _all(transactions, experiment) == samples


async def test_a_sample_that_comes_again_has_one_effect_and_stays_as_it_is(
    transactions: Units, experiment: Experiment
) -> None:
    first, second = a_sample(0), a_sample(1)
    assert await _add(transactions, experiment, first) == 1
    assert await _add(transactions, experiment, replace(first, series=1), second, second) == 1
    assert await _add(transactions, experiment, first, second) == 0
    assert await _add(transactions, experiment) == 0
    assert await _all(transactions, experiment) == [first, second]


async def test_hosts_variants_and_experiments_do_not_mix(
    transactions: Units, experiment: Experiment, clock: FixedClock
) -> None:
    other, another_host = an_experiment(experiment.tenant_id, clock), HostId(new_id(clock))
    mine = [a_sample(0, Variant.BASELINE), a_sample(0, Variant.CANDIDATE)]
    await _add(transactions, experiment, *mine)
    async with transactions.begin(experiment.tenant_id) as work:
        await work.experiments.add(other)
        assert await work.samples.add(experiment.id, another_host, [a_sample(0, host="b")]) == 1
        assert await work.samples.add(other.id, another_host, [a_sample(5)]) == 1
        counts = await work.samples.counts(experiment.id)
    assert counts == {
        experiment.hosts[0].host_id: SampleCounts(
            samples=2, last_ended_unix_nano=mine[0].ended_unix_nano
        ),
        another_host: SampleCounts(samples=1, last_ended_unix_nano=mine[0].ended_unix_nano),
    }
    assert [one.host for one in await _all(transactions, experiment)] == ["web-1", "web-1", "b"]


async def test_counts_keep_the_latest_end_whatever_the_order(
    transactions: Units, experiment: Experiment
) -> None:
    await _add(transactions, experiment, a_sample(9))
    await _add(transactions, experiment, a_sample(3))
    async with transactions.read(experiment.tenant_id) as work:
        (counts,) = (await work.samples.counts(experiment.id)).values()
    assert counts == SampleCounts(samples=2, last_ended_unix_nano=a_sample(9).ended_unix_nano)


async def test_a_reader_goes_on_where_it_ended(transactions: Units, experiment: Experiment) -> None:
    samples = [a_sample(number) for number in range(10)]
    await _add(transactions, experiment, *samples)
    seen: list[Sample] = []
    position = 0
    async with transactions.read(experiment.tenant_id) as work:
        for _ in range(4):
            piece, position = await work.samples.after(experiment.id, position, 3)
            seen.extend(piece)
        assert await work.samples.after(experiment.id, position, 3) == ([], position)
    assert seen == samples


async def test_a_reader_beside_many_writers_misses_none(
    transactions: Units, experiment: Experiment, clock: FixedClock
) -> None:
    hosts, batches, per_batch = [HostId(new_id(clock)) for _ in range(6)], 5, 4

    async def write(host_id: HostId) -> None:
        for batch in range(batches):
            scrapes = range(batch * per_batch, (batch + 1) * per_batch)
            async with transactions.begin(experiment.tenant_id) as work:
                samples = [a_sample(scrape, host=str(host_id)) for scrape in scrapes]
                await work.samples.add(experiment.id, host_id, samples)

    seen: list[tuple[str, int]] = []
    position = 0
    async with asyncio.TaskGroup() as group:
        for host_id in hosts:
            group.create_task(write(host_id))
        while len(seen) < len(hosts) * batches * per_batch:
            async with transactions.read(experiment.tenant_id) as work:
                piece, position = await work.samples.after(experiment.id, position, 1000)
            seen.extend((sample.host, sample.scrape) for sample in piece)
            await asyncio.sleep(0)
    assert len(set(seen)) == len(seen) == len(hosts) * batches * per_batch


async def test_a_row_of_a_newer_version_is_not_guessed_at(
    transactions: Units, experiment: Experiment
) -> None:
    await _add(transactions, experiment, a_sample())
    async with transactions.every_tenant() as connection:
        await connection.execute(
            text("UPDATE samples SET content = :content"), {"content": b"\xff"}
        )
    with pytest.raises(UnavailableError, match="newer version"):
        await _all(transactions, experiment)
