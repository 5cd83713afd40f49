from dataclasses import replace

import pytest
from tests.unit.analysis.runs import DATABASE, PROXY, sample

from phoenix_platform.metering.limits import (
    DISCARDED_SCRAPES,
    LOSS_INTERVALS,
    BrokenLimit,
    LimitName,
    LimitWatch,
)
from phoenix_platform.metering.samples import Sample, Variant

FIRST = DISCARDED_SCRAPES


def pair(scrape: int = FIRST, **changes: object) -> list[Sample]:
    """Baseline and candidate of a scrape; the changes are the candidate's."""
    candidate = sample(Variant.CANDIDATE, scrape, 40)
    return [sample(Variant.BASELINE, scrape, 100), replace(candidate, **changes)]  # type: ignore[arg-type]


def a_watch(**settings: bool | int) -> LimitWatch:
    return LimitWatch(max_host_cpu_share=0.1, **settings)  # type: ignore[arg-type]


def test_a_healthy_run_breaks_no_limit() -> None:
    watch = a_watch()
    assert all(watch.take(pair(scrape)) is None for scrape in range(50))


def test_a_confirmed_miss_of_a_critical_process_aborts_at_once() -> None:
    broken = a_watch().take(pair(critical_missing=(PROXY, DATABASE)))
    assert broken == BrokenLimit(
        LimitName.CRITICAL_RETENTION,
        "Critical process nginx (pid 4343) is missing from the candidate's output of scrape 2 (1 more "
        "with it).",
    )


@pytest.mark.parametrize(
    "settings",
    [{"aborts_on_critical_miss": False}, {"first_scrape": 1}],
    ids=["not asked for", "first scrapes of a run"],
)
def test_a_miss_that_does_not_count_aborts_nothing(settings: dict[str, bool | int]) -> None:
    assert a_watch(**settings).take(pair(critical_missing=(PROXY,))) is None


def test_a_miss_is_not_confirmed_where_a_variant_did_not_take_the_scrape() -> None:
    assert a_watch().take(pair(critical_missing=(PROXY,), acknowledged=False)) is None
    baseline, candidate = pair(critical_missing=(PROXY,))
    assert a_watch().take([replace(baseline, acknowledged=False), candidate]) is None


def test_a_miss_is_not_confirmed_where_both_were_held_up_or_there_is_no_baseline() -> None:
    baseline, candidate = pair(critical_missing=(PROXY,), output_points=0)
    assert a_watch().take([replace(baseline, output_points=0), candidate]) is None
    assert a_watch().take([candidate]) is None


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (
            {"dropped_points": 3, "queue_full": True},
            "The candidate lost points with its queue full",
        ),
        (
            {"refused_points": 3, "queue_full": True},
            "The candidate lost points with its queue full",
        ),
        ({"output_points": 0}, "Nothing came out of the candidate"),
    ],
)
def test_loss_in_three_intervals_in_a_row_aborts(changes: dict[str, object], what: str) -> None:
    watch = a_watch()
    assert watch.take(pair(FIRST, **changes)) is None
    assert watch.take(pair(FIRST + 1)) is None
    for scrape in range(FIRST + 2, FIRST + 1 + LOSS_INTERVALS):
        assert watch.take(pair(scrape, **changes)) is None
    broken = watch.take(pair(FIRST + 1 + LOSS_INTERVALS, **changes))
    assert broken == BrokenLimit(LimitName.DATA_LOSS, f"{what} in 3 intervals in a row.")


@pytest.mark.parametrize(
    "changes",
    [
        {"dropped_points": 3, "queue_full": False},
        {"dropped_points": None, "refused_points": None, "queue_full": None},
    ],
    ids=["queue not full", "not measured"],
)
def test_loss_without_a_full_queue_aborts_nothing(changes: dict[str, object]) -> None:
    watch = a_watch()
    assert all(watch.take(pair(scrape, **changes)) is None for scrape in range(10))


def test_more_of_the_hosts_cpu_than_allowed_breaks_the_limit() -> None:
    watch = a_watch()
    assert watch.take_host_cpu(None) is None
    assert watch.take_host_cpu(0.1) is None
    broken = watch.take_host_cpu(0.125)
    assert broken == BrokenLimit(
        LimitName.HOST_CPU,
        "The experiment used 12.5 % of this host's CPU, more than the allowed 10.0 %.",
    )
