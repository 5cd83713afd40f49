from datetime import timedelta

import numpy as np
from tests.builders import NOON, SECOND

from phoenix_platform.metering.windows import (
    ACTIVE_WINDOW_NANO,
    HOUR_NANO,
    CountedSeries,
    SeriesWindows,
)

HOUR = NOON - NOON % HOUR_NANO
MINUTE = 60 * SECOND


def ids(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.uint64)


def seen(*times: int) -> np.ndarray:
    return np.array(times, np.int64)


def test_active_series_are_unknown_until_the_window_is_whole() -> None:
    windows = SeriesWindows(NOON)
    assert windows.active(ids(1), seen(NOON), now=NOON + ACTIVE_WINDOW_NANO - 1) is None
    assert windows.active(ids(1), seen(NOON), now=NOON + ACTIVE_WINDOW_NANO) == 1


def test_a_series_that_left_the_table_stays_active_for_twenty_minutes() -> None:
    windows = SeriesWindows(NOON)
    windows.forget(ids(7, 8), seen(NOON + 5 * MINUTE, NOON + 25 * MINUTE), now=NOON + 26 * MINUTE)
    now = NOON + 30 * MINUTE
    assert windows.active(ids(8, 9), seen(now, now), now=now) == 2
    assert windows.active(ids(9), seen(now), now=now) == 2


def test_the_hour_is_unknown_if_it_began_earlier() -> None:
    windows = SeriesWindows(HOUR + MINUTE)
    assert windows.hour(ids(1), seen(HOUR + MINUTE), now=HOUR + 59 * MINUTE) is None
    assert windows.hour(ids(1), seen(HOUR), now=HOUR + HOUR_NANO) == 0


def test_distinct_series_of_an_hour_count_once_each() -> None:
    windows = SeriesWindows(HOUR - MINUTE)
    windows.forget(ids(1, 2), seen(HOUR - 1, HOUR + 1), now=HOUR + 2)
    assert windows.hour(ids(2, 3), seen(HOUR + 5, HOUR + 5), now=HOUR + MINUTE) == 2
    windows.forget(ids(4), seen(HOUR + HOUR_NANO), now=HOUR + HOUR_NANO + MINUTE)
    assert windows.hour(ids(), seen(), now=HOUR + HOUR_NANO + 2 * MINUTE) == 1


def test_both_windows_equal_a_count_by_hand_under_churn() -> None:
    random = np.random.default_rng(7)
    windows = SeriesWindows(HOUR)
    table: dict[int, int] = {}
    ever: dict[int, int] = {}
    for minute in range(150):
        now = HOUR + minute * MINUTE
        for number in (minute * 5 + random.choice(400, 40, replace=False)).tolist():
            table[number] = ever[number] = now
        stale = {number: at for number, at in table.items() if at < now - 3 * MINUTE}
        windows.forget(ids(*stale), seen(*stale.values()), now=now)
        table = {number: at for number, at in table.items() if number not in stale}
        within = (ids(*table), seen(*table.values()))
        recent = sum(at >= now - 20 * MINUTE for at in ever.values())
        assert windows.active(*within, now=now) == (recent if minute >= 20 else None)
        of_hour = sum(at >= now - now % HOUR_NANO for at in ever.values())
        assert windows.hour(*within, now=now) == of_hour
    assert len(windows) < len(ever)


def test_a_series_with_two_descriptions_leaves_as_one() -> None:
    windows = SeriesWindows(HOUR)
    windows.forget(ids(5, 5, 3), seen(HOUR + 2, HOUR + 1, HOUR), now=HOUR + 3)
    assert len(windows) == 2
    assert windows.hour(ids(), seen(), now=HOUR + 3) == 2


def test_more_series_than_can_be_remembered_are_no_data_and_not_too_few() -> None:
    windows = SeriesWindows(HOUR, most_forgotten=10)
    numbers = range(25)
    windows.forget(ids(*numbers), seen(*(HOUR + n * MINUTE for n in numbers)), now=HOUR)
    assert len(windows) <= 10
    assert windows.hour(ids(), seen(), now=HOUR + 30 * MINUTE) is None
    assert windows.active(ids(), seen(), now=HOUR + 30 * MINUTE) is None
    assert windows.active(ids(), seen(), now=HOUR + 36 * MINUTE) == 9
    assert windows.hour(ids(99), seen(HOUR + HOUR_NANO), now=HOUR + HOUR_NANO) == 1


def test_new_series_are_counted_once_a_production_interval() -> None:
    counted = CountedSeries(timedelta(minutes=1), timedelta(seconds=10))
    at = [0, 10, 50, 59, 70, 200, 239, 240]
    spans = [ids(1, 2), ids(9), ids(9), ids(2, 3), ids(9), ids(3, 4, 5), ids(6), ids(6)]
    new = [counted.new_in(s, ended=HOUR + t * SECOND) for s, t in zip(spans, at, strict=True)]
    assert new == [2, None, None, 1, None, 2, 1, None]


def test_new_series_are_unknown_once_too_many_are_known() -> None:
    counted = CountedSeries(timedelta(seconds=1), timedelta(seconds=1), most=3)
    assert counted.new_in(ids(1, 2, 3, 4), ended=0) == 4
    assert counted.new_in(ids(5), ended=SECOND) is None
