"""Experiments: whole values with a version, their walk, their last judgement and their certificate."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.domain_builders import a_sample, an_experiment

from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.analysis.verdicts import Verdict
from phoenix_platform.application.ports import ExperimentQuery, PageQuery, UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.experiment_lifecycle import Phase, Trigger
from phoenix_platform.domain.experiments import Experiment, ExperimentId, HostState, Load
from phoenix_platform.domain.tenants import TenantId

Units = Transactions[UnitOfWork]


@pytest.fixture
async def experiment(transactions: Units, tenant: TenantId, clock: FixedClock) -> Experiment:
    added = an_experiment(tenant, clock)
    async with transactions.begin(tenant) as work:
        await work.experiments.add(added)
    return added


def _completed(experiment: Experiment, at: datetime) -> Experiment:
    """The experiment with every field set."""
    host = replace(
        experiment.hosts[0],
        state=HostState.EXCLUDED,
        reason="away",
        log_tail=("one", "two"),
        run_id="r",
        idle_cores=0.01,
        interval_seconds=1.0,
        through_sequence=2**40,
    )
    return replace(
        experiment,
        exporter="otlp",
        ignore=("a", "b"),
        load=Load(profile="realistic", seed=7),
        deploy_timeout=timedelta(seconds=1.5),
        allow_overlap=True,
        starts_at=at,
        phase=Phase.COMPLETED,
        started_at=at,
        running_since=at,
        deadline=at,
        ended_at=at,
        hosts=(host,),
        verdict=Verdict.PROMOTE,
        end_reason="enough",
        invalid_because="x",
        aborted_because="y",
        transitions=6,
    )


async def test_an_experiment_reads_back_as_it_was_written(
    transactions: Units, experiment: Experiment, clock: FixedClock
) -> None:
    async with transactions.begin(experiment.tenant_id) as work:
        assert await work.experiments.get(experiment.id) == experiment
        saved = await work.experiments.save(_completed(experiment, clock.now()))
    async with transactions.read(experiment.tenant_id) as work:
        assert await work.experiments.get(experiment.id) == saved
    assert saved == replace(_completed(experiment, clock.now()), version=2)


async def test_of_two_who_save_at_once_one_wins(
    transactions: Units, experiment: Experiment
) -> None:
    async def save() -> None:
        async with transactions.begin(experiment.tenant_id) as work:
            await work.experiments.save(experiment)

    found = await asyncio.gather(*(save() for _ in range(5)), return_exceptions=True)
    assert [type(one) for one in found].count(ConflictError) == 4


async def test_transitions_read_back_in_order_and_a_number_is_given_once(
    transactions: Units, experiment: Experiment, clock: FixedClock
) -> None:
    started, first = experiment.moved(Trigger.START, actor="ada", at=clock.now())
    _, second = started.moved(Trigger.FAIL, actor="walk", at=clock.now(), reason="no host")
    async with transactions.begin(experiment.tenant_id) as work:
        for transition in (second, first):
            await work.experiments.add_transition(transition)
        with pytest.raises(ConflictError, match="transition 1 is there already"):
            await work.experiments.add_transition(first)
        assert await work.experiments.transitions(experiment.id) == [first, second]


async def test_queries_find_by_phase_and_part_of_the_name(
    transactions: Units, experiment: Experiment, clock: FixedClock
) -> None:
    clock.advance(1)
    tenant = experiment.tenant_id
    running = replace(an_experiment(tenant, clock, "50%_Off"), phase=Phase.RUNNING)
    async with transactions.begin(tenant) as work:
        await work.experiments.add(running)

        async def names(**query: object) -> list[str]:
            page = await work.experiments.page(PageQuery(), ExperimentQuery(**query))  # type: ignore[arg-type]
            return [one.name for one in page.items]

        assert await names() == ["50%_Off", "halve the series"]
        assert await names(phases=frozenset({Phase.RUNNING})) == ["50%_Off"]
        assert await names(name="%_o") == ["50%_Off"]
        assert await names(name="SERIES") == ["halve the series"]
        assert await names(name="_") == ["50%_Off"]
        found = await work.experiments.in_phases(frozenset({Phase.DRAFT, Phase.FAILED}))
    assert found == [experiment]


async def test_a_certificate_is_kept_once_and_never_changes(
    transactions: Units, experiment: Experiment, clock: FixedClock
) -> None:
    async with transactions.begin(experiment.tenant_id) as work:
        with pytest.raises(NotFoundError, match="has no certificate"):
            await work.certificates.get(experiment.id)
        await work.certificates.add(experiment.id, b"\x00signed", at=clock.now())
        with pytest.raises(ConflictError, match="never changes"):
            await work.certificates.add(experiment.id, b"another", at=clock.now())
        assert await work.certificates.get(experiment.id) == b"\x00signed"


async def test_the_last_judgement_replaces_the_one_before(
    transactions: Units, experiment: Experiment, clock: FixedClock
) -> None:
    async with transactions.begin(experiment.tenant_id) as work:
        assert await work.judgements.get(experiment.id) is None
        await work.judgements.put(experiment.id, b"one", at=clock.now())
        clock.advance(1)
        await work.judgements.put(experiment.id, b"two", at=clock.now())
        assert await work.judgements.get(experiment.id) == (b"two", clock.now())


async def test_a_removed_experiment_takes_everything_of_it_along(
    transactions: Units, experiment: Experiment, clock: FixedClock
) -> None:
    _, transition = experiment.moved(Trigger.START, actor="ada", at=clock.now())
    host_id = experiment.hosts[0].host_id
    async with transactions.begin(experiment.tenant_id) as work:
        await work.experiments.add_transition(transition)
        await work.samples.add(experiment.id, host_id, [a_sample()])
        await work.certificates.add(experiment.id, b"signed", at=clock.now())
    async with transactions.begin(experiment.tenant_id) as work:
        await work.experiments.remove(experiment.id)
    async with transactions.begin(experiment.tenant_id) as work:
        assert await work.experiments.transitions(experiment.id) == []
        assert await work.samples.after(experiment.id, 0, 10) == ([], 0)
        assert await work.samples.counts(experiment.id) == {}
        with pytest.raises(NotFoundError):
            await work.experiments.remove(experiment.id)


async def test_an_unknown_experiment_is_not_found_and_one_is_added_once(
    transactions: Units, experiment: Experiment, clock: FixedClock
) -> None:
    async with transactions.begin(experiment.tenant_id) as work:
        with pytest.raises(NotFoundError):
            await work.experiments.get(ExperimentId(new_id(clock)))
        with pytest.raises(ConflictError, match="already"):
            await work.experiments.add(experiment)
