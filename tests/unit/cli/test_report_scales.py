"""Axes have round steps, and every value has its place on them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_platform.cli.reports.scales import Scale, round_ticks, show_time, time_ticks

SIZES = st.floats(min_value=1e-9, max_value=1e15)


@given(low=st.floats(-1e12, 1e12), span=SIZES, most=st.integers(2, 9))
def test_ticks_enclose_the_values_and_are_few(low: float, span: float, most: int) -> None:
    high = low + span
    ticks = round_ticks(low, high, most=most)
    tolerance = 1e-6 * max(1.0, abs(low), span)
    assert ticks[0] <= low + tolerance
    assert ticks[-1] >= high - tolerance
    assert 2 <= len(ticks) <= most + 2


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        pytest.param(0, 1, (0, 0.25, 0.5, 0.75, 1), id="a-share"),
        pytest.param(0, 2_500, (0, 1_000, 2_000, 3_000), id="thousands"),
        pytest.param(0, 0, (0, 0.25, 0.5, 0.75, 1), id="a-constant-zero"),
        pytest.param(-0.3, 1, (-0.5, 0, 0.5, 1), id="below-zero"),
    ],
)
def test_steps_are_round(low: float, high: float, ticks: tuple[float, ...]) -> None:
    assert round_ticks(low, high, most=4) == pytest.approx(ticks)


def test_bytes_have_steps_that_are_powers_of_two() -> None:
    assert round_ticks(0, 700 * 1024, most=4, binary=True) == (0, 262_144, 524_288, 786_432)


def test_less_than_a_byte_has_steps_too() -> None:
    assert round_ticks(0, 1, most=4, binary=True)[-1] == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        pytest.param(40, ["0", "10 s", "20 s", "30 s", "40 s"], id="seconds"),
        pytest.param(480, ["0", "2 min", "4 min", "6 min", "8 min"], id="minutes"),
        pytest.param(14_400, ["0", "1 h", "2 h", "3 h", "4 h"], id="hours"),
        pytest.param(10**7, ["0", "25 d", "50 d", "75 d", "100 d"], id="days"),
        pytest.param(0, ["0"], id="no-time-at-all"),
    ],
)
def test_times_are_round_in_their_unit(seconds: float, words: list[str]) -> None:
    assert [show_time(tick) for tick in time_ticks(seconds, most=5)] == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(95, "1:35 min"), (5_400, "1:30 h"), (86_400, "1 d"), (7_200, "2 h"), (0.5, "0.5 s")],
)
def test_other_times_name_their_parts(seconds: float, words: str) -> None:
    assert show_time(seconds) == words


def test_what_lies_beyond_a_scale_stays_at_its_edge() -> None:
    scale = Scale(0, 10, 100, 200)
    assert [scale.place(value) for value in (-5, 0, 5, 10, 99)] == [100, 100, 150, 200, 200]
