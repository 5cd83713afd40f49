import numpy as np
import pytest
from tests.builders import NOON, SECOND

from phoenix_platform.metering.increases import FORGET_AFTER_SCRAPES, Increases

TICK = 0.01


class Counter:
    """One counter of a stream, scrape by scrape."""

    def __init__(self, *, resolution: float = TICK) -> None:
        self.increases = Increases()
        self.resolution = resolution

    def see(self, scrape: int, *values: float, start: int = NOON - 3600 * SECOND) -> list[float]:
        many = len(values)
        increases: list[float] = self.increases.advance(
            np.zeros(many, np.int64),
            np.array(values),
            np.full(many, start),
            np.full(many, self.resolution),
            scrape=scrape,
            previous_started=NOON + (scrape - 1) * SECOND if scrape else None,
        ).tolist()
        return increases


def test_the_first_scrape_of_all_is_the_base() -> None:
    assert Counter().see(0, 500.0) == [0.0]


def test_what_was_added_since_the_last_scrape_counts() -> None:
    counter = Counter()
    counter.see(0, 10.0)
    assert counter.see(1, 10.5) == [0.5]
    assert counter.see(3, 12.0) == [1.5]


def test_a_process_born_between_two_scrapes_counts_whole() -> None:
    assert Counter().see(4, 0.75, start=NOON + 3 * SECOND) == [0.75]


def test_one_born_long_before_it_was_first_seen_counts_from_then_on() -> None:
    assert Counter().see(4, 99.0) == [0.0]


def test_start_times_cut_to_seconds_still_count_as_new() -> None:
    assert Counter().see(4, 0.75, start=NOON + SECOND + 1) == [0.75]


@pytest.mark.parametrize(
    ("value", "start", "increase"),
    [
        pytest.param(3.0, NOON, 3.0, id="a-later-start"),
        pytest.param(12.0, NOON, 12.0, id="a-later-start-and-a-higher-value"),
        pytest.param(3.0, NOON - 3600 * SECOND, 3.0, id="a-fall"),
        pytest.param(9.99, NOON - 3600 * SECOND, 0.0, id="a-fall-of-one-tick"),
        pytest.param(9.98, NOON - 3600 * SECOND, 9.98, id="a-fall-of-two-ticks"),
        pytest.param(
            10.5, NOON - 3600 * SECOND + SECOND // 200, 0.5, id="a-start-within-its-grain"
        ),
    ],
)
def test_a_reset_counts_the_new_value(value: float, start: int, increase: float) -> None:
    counter = Counter()
    counter.see(0, 10.0)
    assert counter.see(1, value, start=start) == pytest.approx([increase])


def test_a_counter_that_was_away_for_a_few_scrapes_goes_on() -> None:
    counter = Counter()
    counter.see(0, 10.0)
    assert counter.see(FORGET_AFTER_SCRAPES, 17.0) == [7.0]


def test_a_counter_that_was_away_for_longer_begins_anew() -> None:
    counter = Counter()
    counter.see(0, 10.0)
    assert counter.see(FORGET_AFTER_SCRAPES + 1, 17.0) == [0.0]


def test_two_points_of_one_counter_in_a_scrape_count_one_after_the_other() -> None:
    counter = Counter()
    counter.see(0, 10.0)
    assert counter.see(1, 11.0, 13.0) == [1.0, 2.0]
    assert counter.see(2, 13.5) == [0.5]


def test_a_forgotten_counter_is_new() -> None:
    counter = Counter()
    counter.see(0, 10.0)
    counter.increases.forget(np.array([0, 7_000]))
    assert counter.see(1, 17.0) == [0.0]


def test_nothing_in_nothing_out() -> None:
    assert Counter().see(0) == []
