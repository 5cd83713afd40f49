"""Posting a real spool to a real HTTP server that answers as a test wants it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.control_planes import ControlPlaneForTests
from tests.unit.analysis.runs import sample

from phoenix_platform.agent.backoffs import Backoff
from phoenix_platform.agent.sample_batches import (
    SampleBatch,
    batch_of,
    from_payload,
    joined,
    to_payload,
)
from phoenix_platform.agent.spool import Spool
from phoenix_platform.agent.uploads import Uploader
from phoenix_platform.core.clock import SystemClock
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.sample_columns import samples_of
from phoenix_platform.metering.samples import Sample, Variant

pytestmark = pytest.mark.timeout(120)

ONE, OTHER = "01a2129a-0000-7000-8000-000000000001", "01a2129a-0000-7000-8000-000000000002"


@pytest.fixture
def plane() -> Generator[ControlPlaneForTests]:
    with ControlPlaneForTests() as plane:
        yield plane


@pytest.fixture
def spool(tmp_path: Path) -> Generator[Spool]:
    spool = Spool(tmp_path / "spool", clock=SystemClock())
    yield spool
    spool.close()


def pair(scrape: int) -> list[Sample]:
    return [sample(variant, scrape, 50) for variant in Variant]


def fill(spool: Spool, intervals: int, *, experiment_id: str = ONE, run_id: str = "r") -> None:
    for scrape in range(intervals):
        batch = batch_of(
            pair(scrape),
            experiment_id=experiment_id,
            run_id=run_id,
            first_sequence=2 * scrape + 1,
        )
        spool.append(to_payload(batch), samples=2)


@asynccontextmanager
async def posting(spool: Spool, plane: ControlPlaneForTests) -> AsyncGenerator[Uploader]:
    headers = {"authorization": f"Bearer {plane.credential}"}
    async with httpx.AsyncClient(base_url=plane.url, headers=headers, trust_env=False) as client:
        uploader = Uploader(
            spool,
            client,
            clock=SystemClock(),
            backoff=Backoff(lambda: 0.0, _seconds=0.02),
            gather_seconds=0.01,
        )
        task = asyncio.create_task(uploader.run())
        try:
            yield uploader
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(is_so: Callable[[], object]) -> None:
    for _ in range(6000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within a minute")


async def test_everything_that_waits_is_posted_and_acknowledged(
    spool: Spool, plane: ControlPlaneForTests
) -> None:
    fill(spool, 40)
    async with posting(spool, plane) as uploader:
        await until(lambda: spool.waiting_samples == 0)
        assert plane.posts == 1  # forty records of one run are one batch
        fill(spool, 1, run_id="later", experiment_id=OTHER)
        uploader.wake()
        await until(lambda: spool.waiting_samples == 0)
    assert len(plane.samples) == 82
    assert uploader.facts.posted_samples == 82
    assert uploader.facts.last_failure is None
    assert not plane.repeated


async def test_each_experiment_is_posted_by_itself(
    spool: Spool, plane: ControlPlaneForTests
) -> None:
    fill(spool, 3)
    fill(spool, 3, experiment_id=OTHER)
    async with posting(spool, plane):
        await until(lambda: len(plane.samples) == 12)
    assert plane.posts == 2


@pytest.mark.parametrize(
    ("status", "headers"), [(503, {}), (500, {}), (429, {"retry-after": "0"}), (400, {})]
)
async def test_a_failure_that_may_pass_loses_nothing(
    spool: Spool, plane: ControlPlaneForTests, status: int, headers: dict[str, str]
) -> None:
    fill(spool, 3)
    plane.answers += [(status, headers)] * 3
    async with posting(spool, plane):
        await until(lambda: len(plane.samples) == 6)
    assert plane.posts == 4
    assert spool.refused_samples == 0


async def test_what_is_refused_for_good_blocks_nothing_and_is_counted(
    spool: Spool, plane: ControlPlaneForTests
) -> None:
    fill(spool, 2)
    fill(spool, 3, experiment_id=OTHER)
    plane.answers.append((404, {}))
    async with posting(spool, plane):
        await until(lambda: len(plane.samples) == 6)
    assert spool.refused_samples == 4
    assert {key[0] for key in plane.samples} == {OTHER}


async def test_what_is_never_understood_is_let_go_in_the_end(
    spool: Spool, plane: ControlPlaneForTests
) -> None:
    fill(spool, 1)
    fill(spool, 1, experiment_id=OTHER)
    plane.answers += [(422, {})] * 20
    async with posting(spool, plane) as uploader:
        uploader._backoff = Backoff(lambda: 0.0, _seconds=0.0)
        await until(lambda: len(plane.samples) == 2)
    assert spool.refused_samples == 2
    assert plane.posts == 21


async def test_a_post_that_is_too_large_is_halved(
    spool: Spool, plane: ControlPlaneForTests
) -> None:
    fill(spool, 8)
    plane.answers += [(413, {})] * 2
    async with posting(spool, plane):
        await until(lambda: len(plane.samples) == 16)
    assert plane.posts > 4
    assert spool.refused_samples == 0


async def test_a_credential_that_is_not_accepted_loses_nothing_and_is_said(
    spool: Spool, plane: ControlPlaneForTests
) -> None:
    fill(spool, 1)
    plane.answers.append((401, {}))
    async with posting(spool, plane) as uploader:
        await until(lambda: uploader.facts.last_failure)
    assert uploader.facts.last_failure is not None
    assert "does not accept this agent's credential" in uploader.facts.last_failure
    assert spool.waiting_samples == 2


async def test_a_control_plane_that_is_away_and_comes_back_gets_everything(
    spool: Spool, plane: ControlPlaneForTests
) -> None:
    plane.go()
    fill(spool, 5)
    async with posting(spool, plane) as uploader:
        await until(lambda: uploader.facts.last_failure)
        plane.come()
        await until(lambda: spool.waiting_samples == 0)
    assert len(plane.samples) == 10


async def test_a_record_of_another_version_is_let_go_and_counted(
    spool: Spool, plane: ControlPlaneForTests
) -> None:
    spool.append(b"not ours", samples=3)
    fill(spool, 1)
    async with posting(spool, plane):
        await until(lambda: len(plane.samples) == 2)
    assert spool.refused_samples == 3


def test_batches_are_joined_only_where_nothing_is_between_them() -> None:
    def batch(scrape: int, *, run_id: str = "r", first: int | None = None) -> SampleBatch:
        return batch_of(
            pair(scrape),
            experiment_id=ONE,
            run_id=run_id,
            first_sequence=2 * scrape + 1 if first is None else first,
        )

    parts = [batch(0), batch(1), batch(2, run_id="other"), batch(3, run_id="other", first=9)]
    merged = joined(parts)
    assert [(one.first_sequence, one.through_sequence) for one in merged] == [
        (1, 4), (5, 6), (9, 10),
    ]  # fmt: skip
    assert samples_of(merged[0].columns) == [*pair(0), *pair(1)]


def test_a_payload_keeps_every_field_of_a_sample() -> None:
    odd = replace(pair(0)[0], active_series=None, critical_seen=(), queue_full=None)
    batch = batch_of([odd], experiment_id=ONE, run_id="r", first_sequence=1)
    assert samples_of(from_payload(to_payload(batch)).columns) == [odd]
    with pytest.raises(InvalidInputError, match="not samples"):
        from_payload(b"x")
