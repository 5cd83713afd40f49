import numpy as np
import pytest
from tests.builders import NOON, SECOND

from phoenix_platform.metering.pairing import Pairing, Window

MILLISECOND = 1_000_000


def a_window(number: int) -> Window:
    started = NOON + number * SECOND
    return Window(number, started, started + 20 * MILLISECOND)


def assigned(pairing: Pairing, *times: int) -> list[int]:
    numbers: list[int] = pairing.assign(np.array(times, np.int64)).tolist()
    return numbers


@pytest.fixture
def pairing() -> Pairing:
    pairing = Pairing(SECOND)
    for number in range(3):
        pairing.begin(a_window(number))
        pairing.accept(a_window(number))
    return pairing


def test_before_the_first_scrape_nothing_is_assigned() -> None:
    assert assigned(Pairing(SECOND), NOON) == [-1]


def test_a_request_without_points_is_assigned_nowhere(pairing: Pairing) -> None:
    assert assigned(pairing) == []


def test_a_request_with_the_times_of_the_last_scrape_is_of_that_scrape(pairing: Pairing) -> None:
    window = a_window(2)
    assert assigned(pairing, window.started_unix_nano, window.ended_unix_nano) == [2, 2]


def test_times_cut_to_the_interval_stay_with_the_scrape_they_came_with(pairing: Pairing) -> None:
    cut = a_window(2).started_unix_nano - SECOND + 1
    assert assigned(pairing, cut, cut) == [2, 2]


def test_a_batch_of_several_scrapes_is_split_by_time(pairing: Pairing) -> None:
    times = [a_window(number).started_unix_nano for number in (0, 1, 2)]
    assert assigned(pairing, *times) == [0, 1, 2]


def test_a_time_between_two_scrapes_goes_to_the_later_one(pairing: Pairing) -> None:
    assert assigned(pairing, NOON + SECOND // 2, a_window(2).started_unix_nano) == [1, 2]


def test_a_time_after_the_last_scrape_goes_to_the_last(pairing: Pairing) -> None:
    assert assigned(pairing, NOON + 60 * SECOND) == [2]


def test_output_may_come_before_its_scrape_is_acknowledged(pairing: Pairing) -> None:
    pairing.begin(a_window(3))
    assert assigned(pairing, a_window(3).started_unix_nano) == [3]
    assert assigned(pairing, a_window(3).started_unix_nano - SECOND // 2) == [3]


def test_output_of_the_scrape_before_may_come_while_the_next_is_under_way(pairing: Pairing) -> None:
    pairing.begin(a_window(3))
    assert assigned(pairing, a_window(2).started_unix_nano, a_window(2).ended_unix_nano) == [2, 2]


def test_output_of_a_refused_scrape_is_its_own(pairing: Pairing) -> None:
    pairing.begin(a_window(3))
    pairing.refuse()
    assert assigned(pairing, a_window(3).started_unix_nano) == [3]
    pairing.begin(a_window(4))
    pairing.accept(a_window(4))
    assert assigned(pairing, a_window(3).started_unix_nano) == [3]
    assert assigned(pairing, a_window(3).started_unix_nano, NOON + 3 * SECOND + SECOND // 2) == [
        3,
        4,
    ]


def test_a_refusal_of_nothing_changes_nothing() -> None:
    pairing = Pairing(SECOND)
    pairing.refuse()
    assert assigned(pairing, NOON) == [-1]


def test_after_the_clock_went_back_the_scrapes_before_take_nothing(pairing: Pairing) -> None:
    back = Window(3, NOON - 3600 * SECOND, NOON - 3600 * SECOND + MILLISECOND)
    pairing.begin(back)
    pairing.accept(back)
    assert assigned(pairing, back.started_unix_nano) == [3]
    assert assigned(pairing, a_window(1).started_unix_nano) == [3]
