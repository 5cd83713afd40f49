"""Answers of a Prometheus read back exactly, once each, in the order in which they came."""

from dataclasses import replace

import pytest
from tests.domain_builders import an_experiment

from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.analysis.answers import Answer, AnswerKind
from phoenix_platform.application.ports import UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.domain.experiments import Experiment
from phoenix_platform.domain.tenants import TenantId

Units = Transactions[UnitOfWork]
AT = 1_800_000_000_123


@pytest.fixture
async def experiment(transactions: Units, tenant: TenantId, clock: FixedClock) -> Experiment:
    added = an_experiment(tenant, clock)
    async with transactions.begin(tenant) as work:
        await work.experiments.add(added)
    return added


def an_answer(value: float, at: int = AT, name: str = "errors") -> Answer:
    return Answer.of_value(name, value, evaluated_at_unix_ms=at, received_at_unix_ms=at + 7)


async def test_an_answer_reads_back_exactly(transactions: Units, experiment: Experiment) -> None:
    answers = [
        *(an_answer(value, AT + n) for n, value in enumerate((0.1 + 0.2, 5e-324, 1e300, -7.0))),
        *(an_answer(value, AT + n, "b") for n, value in enumerate((float("inf"), float("nan")))),
        Answer.without_number(
            "c",
            AnswerKind.NO_ANSWER,
            "nobody »there«",
            evaluated_at_unix_ms=AT,
            received_at_unix_ms=AT + 10_000,
        ),
    ]
    async with transactions.begin(experiment.tenant_id) as work:
        assert await work.answers.add(experiment.id, answers) == 7
    async with transactions.read(experiment.tenant_id) as work:
        assert await work.answers.after(experiment.id, 0, 100) == (answers, 7)
        assert await work.answers.after(experiment.id, 7, 100) == ([], 7)


async def test_answers_are_read_on_in_parts_and_have_one_effect_each(
    transactions: Units, experiment: Experiment
) -> None:
    first, second, third = (an_answer(float(n), AT + n) for n in range(3))
    async with transactions.begin(experiment.tenant_id) as work:
        assert await work.answers.add(experiment.id, [second, first]) == 2
        assert await work.answers.add(experiment.id, [replace(first, number=9.0), third]) == 1
        assert await work.answers.add(experiment.id, []) == 0
    async with transactions.read(experiment.tenant_id) as work:
        assert await work.answers.after(experiment.id, 0, 2) == ([second, first], 2)
        assert await work.answers.after(experiment.id, 2, 2) == ([third], 3)


async def test_answers_belong_to_a_tenant_and_go_with_their_experiment(
    transactions: Units, experiment: Experiment, other_tenant: TenantId
) -> None:
    async with transactions.begin(experiment.tenant_id) as work:
        await work.answers.add(experiment.id, [an_answer(1.0)])
    async with transactions.read(other_tenant) as work:
        assert await work.answers.after(experiment.id, 0, 10) == ([], 0)
    async with transactions.begin(experiment.tenant_id) as work:
        await work.experiments.remove(experiment.id)
    async with transactions.read(experiment.tenant_id) as work:
        assert await work.answers.after(experiment.id, 0, 10) == ([], 0)
