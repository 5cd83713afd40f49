import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.scalars import (
    Scalar,
    parse_go_duration,
    resolve_plain,
    show_go_duration,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("Null", None),
        ("TRUE", True),
        ("false", False),
        ("on", "on"),
        ("no", "no"),
        ("y", "y"),
        ("tRUE", "tRUE"),
        ("010", 8),
        ("0o17", 15),
        ("0O17", 15),
        ("-0x1F", -31),
        ("0b101", 5),
        ("+12", 12),
        ("1_000", 1000),
        ("09", 9.0),
        ("0_8.5", 8.5),
        ("123456789012", 123456789012),
        ("-9223372036854775808", -(2**63)),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 1.8446744073709552e19),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        ("1.", 1.0),
        (".", "."),
        ("._5", "._5"),
        ("-", "-"),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("1.2.3", "1.2.3"),
        ("otlp", "otlp"),
        (".inf", math.inf),
        ("-.INF", -math.inf),
    ],
)
def test_a_plain_scalar_means_what_the_collector_takes_it_for(text: str, value: Scalar) -> None:
    assert resolve_plain(text) == value
    assert type(resolve_plain(text)) is type(value)


def test_not_a_number_is_read_as_such() -> None:
    value = resolve_plain(".NaN")
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1m0s", 60.0),
        ("1.5h", 5400.0),
        (".5s", 0.5),
        ("500ms", 0.5),
        ("2us", 0.000002),
        ("3\N{MICRO SIGN}s", 0.000003),
        ("4000ns", 0.000004),
        ("-10s", -10.0),
        ("+10s", 10.0),
        ("0", 0.0),
    ],
)
def test_go_durations_are_read(text: str, seconds: float) -> None:
    assert parse_go_duration(text, field="timeout") == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value", ["", "10", "s", "1 s", "1s2", "x1s", "1d", None, 11, True, False, ()]
)
def test_what_is_no_go_duration_is_refused(value: object) -> None:
    with pytest.raises(InvalidInputError, match=r"^timeout: not a duration"):
        parse_go_duration(value, field="timeout")


def test_the_number_zero_is_a_duration() -> None:
    assert parse_go_duration(0, field="timeout") == timedelta(0)


@given(st.integers(min_value=1, max_value=10**12))
def test_a_duration_that_is_written_reads_back_the_same(microseconds: int) -> None:
    duration = timedelta(microseconds=microseconds)
    assert parse_go_duration(show_go_duration(duration), field="x") == duration
