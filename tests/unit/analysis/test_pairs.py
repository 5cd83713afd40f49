"""Samples meet their partners, whatever order they come in."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.analysis.runs import SECOND, sample

from phoenix_platform.analysis.pairs import Pair, Timeline
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.samples import Sample, Variant

BASELINE, CANDIDATE = Variant.BASELINE, Variant.CANDIDATE


def one_host() -> Timeline:
    return Timeline(frozenset({"a"}), timedelta(seconds=1))


def two_hosts() -> Timeline:
    return Timeline(frozenset({"a", "b"}), timedelta(seconds=1))


def fill(timeline: Timeline, variant: Variant, *scrapes: int, host: str = "a") -> None:
    for scrape in scrapes:
        timeline.add(sample(variant, scrape, 100, host=host))


def scrapes_of(intervals: list[list[Pair]]) -> list[list[tuple[str, int]]]:
    return [[(pair.host, pair.scrape) for pair in pairs] for pairs in intervals]


def test_an_interval_waits_for_both_variants() -> None:
    timeline = one_host()
    fill(timeline, BASELINE, 0, 1, 2)
    assert list(timeline.hand_out(at_end=False)) == []
    fill(timeline, CANDIDATE, 0, 1)
    assert scrapes_of(list(timeline.hand_out(at_end=False))) == [[("a", 0)], [("a", 1)]]


def test_a_sample_passed_over_by_its_variant_is_missing() -> None:
    timeline = one_host()
    fill(timeline, BASELINE, 0, 1, 2)
    fill(timeline, CANDIDATE, 0, 2)
    missing = list(timeline.hand_out(at_end=False))[1][0]
    assert missing.baseline is not None
    assert missing.candidate is None
    assert missing.matched() is None


def test_at_the_end_what_is_under_way_is_left_out_and_what_never_came_is_missing() -> None:
    timeline = one_host()
    fill(timeline, BASELINE, *range(8))
    fill(timeline, CANDIDATE, 0, 1)
    assert scrapes_of(list(timeline.hand_out(at_end=True))) == [[("a", n)] for n in range(5)]


def test_without_a_sample_there_is_no_interval() -> None:
    assert list(one_host().hand_out(at_end=True)) == []
    assert list(Timeline(frozenset(), timedelta(seconds=1)).hand_out(at_end=False)) == []


def test_the_past_has_no_room() -> None:
    timeline = one_host()
    fill(timeline, BASELINE, 0)
    fill(timeline, CANDIDATE, 0)
    assert len(list(timeline.hand_out(at_end=False))) == 1
    assert not timeline.has_room_for(sample(BASELINE, 0, 100))
    assert not timeline.has_room_for(sample(BASELINE, 1, 100, host="b"))
    assert timeline.has_room_for(sample(BASELINE, 1, 100))


def test_a_second_sample_of_one_scrape_is_refused() -> None:
    timeline = one_host()
    fill(timeline, CANDIDATE, 3)
    with pytest.raises(InvalidInputError, match="two of host a, candidate, scrape 3"):
        fill(timeline, CANDIDATE, 3)


def test_hosts_meet_in_time_and_wait_for_each_other() -> None:
    timeline = two_hosts()
    for variant in Variant:
        fill(timeline, variant, 5, 6, host="a")
    assert list(timeline.hand_out(at_end=False)) == []
    for variant in Variant:
        for number in (5, 6):  # this host counts its scrapes from another start
            late = replace(sample(variant, number, 100, host="b"), scrape=number + 70)
            timeline.add(late)
    assert scrapes_of(list(timeline.hand_out(at_end=False))) == [[("a", 5), ("b", 75)]]
    assert scrapes_of(list(timeline.hand_out(at_end=True))) == [[("a", 6), ("b", 76)]]


def test_a_host_that_left_is_not_waited_for_and_counts_until_then() -> None:
    left_at = sample(CANDIDATE, 6, 100).ended_unix_nano
    timeline = Timeline(frozenset({"a", "b"}), timedelta(seconds=1), {"b": left_at})
    for variant in Variant:
        fill(timeline, variant, 5, 6, 7, 8, host="a")
        fill(timeline, variant, 5, 6, 7, host="b")
    assert scrapes_of(list(timeline.hand_out(at_end=False))) == [
        [("a", 5), ("b", 5)],
        [("a", 6), ("b", 6)],
        [("a", 7)],
    ]


def test_when_all_hosts_left_everything_that_came_is_handed_out_up_to_the_last() -> None:
    timeline = Timeline(frozenset({"a", "b"}), timedelta(seconds=1), {"a": 2**62, "b": 2**62})
    assert list(timeline.hand_out(at_end=False)) == []
    for variant in Variant:
        fill(timeline, variant, 5, 6, host="a")
    assert scrapes_of(list(timeline.hand_out(at_end=False))) == [[("a", 5)]]
    assert scrapes_of(list(timeline.hand_out(at_end=True))) == [[("a", 6)]]


def test_two_scrapes_of_one_host_may_share_a_second() -> None:
    timeline = two_hosts()
    first = sample(BASELINE, 5, 100)
    again = replace(first, scrape=6, ended_unix_nano=first.ended_unix_nano + SECOND // 2)
    timeline.add(first)
    timeline.add(again)
    fill(timeline, CANDIDATE, 5)
    assert scrapes_of(list(timeline.hand_out(at_end=True))) == [[("a", 5)]]


@pytest.mark.parametrize(
    ("baseline", "candidate"),
    [
        pytest.param({"acknowledged": False}, {}, id="baseline-refused"),
        pytest.param({}, {"acknowledged": False}, id="candidate-refused"),
        pytest.param({}, {"scrapes": 5}, id="other-span"),
    ],
)
def test_what_the_variants_did_not_both_see_whole_is_not_compared(
    baseline: dict[str, Any], candidate: dict[str, Any]
) -> None:
    pair = Pair(
        "a",
        0,
        replace(sample(BASELINE, 0, 100), **baseline),
        replace(sample(CANDIDATE, 0, 100), **candidate),
    )
    assert pair.matched() is None


def test_what_both_saw_whole_is_compared() -> None:
    both: tuple[Sample, Sample] = (sample(BASELINE, 0, 100), sample(CANDIDATE, 0, 50))
    assert Pair("a", 0, *both).matched() == both
