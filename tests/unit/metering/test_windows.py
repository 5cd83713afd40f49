import numpy as np
from tests.builders import NOON, SECOND

from phoenix_platform.metering.windows import ACTIVE_WINDOW_NANO, HOUR_NANO, SeriesWindows

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
