"""Holding two decoders together: same rows, same numbers, same series, same refusals."""

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.otlp.columns import Columns
from phoenix_platform.otlp.errors import MalformedBodyError
from phoenix_platform.otlp.series import AttributeValue, Series
from phoenix_platform.otlp.series_table import SeriesTable


class AnyDecoder(Protocol):
    table: SeriesTable

    def decode(self, body: bytes) -> Columns: ...

    def forget(self, rows: NDArray[np.uint32]) -> None: ...


def offset_of(error: InvalidInputError) -> int:
    """The byte a refusal names."""
    offset = error.facts["offset"]
    assert isinstance(offset, int | float)
    return int(offset)


def outcome_of(decoder: AnyDecoder, body: bytes) -> Columns | None:
    """What the decoder makes of `body`; `None` if it refuses."""
    try:
        return decoder.decode(body)
    except MalformedBodyError:
        return None


def assert_agree(oracle: AnyDecoder, decoder: AnyDecoder, body: bytes) -> Columns | None:
    """Feed both and compare columns and tables; the columns both made, or `None` if both refused."""
    expected, columns = outcome_of(oracle, body), outcome_of(decoder, body)
    assert (expected is None) == (columns is None)
    if expected is not None and columns is not None:
        assert_same_columns(expected, columns)
    assert_same_tables(oracle.table, decoder.table)
    return columns


def assert_same_columns(expected: Columns, columns: Columns) -> None:
    assert_same_numbers(expected, columns)
    assert columns.body_bytes == expected.body_bytes


def assert_same_numbers(expected: Columns, columns: Columns) -> None:
    """All but the length of the body, which differs from encoding to encoding."""
    np.testing.assert_array_equal(columns.rows, expected.rows)
    np.testing.assert_array_equal(columns.time_unix_nano, expected.time_unix_nano)
    np.testing.assert_array_equal(columns.start_time_unix_nano, expected.start_time_unix_nano)
    np.testing.assert_array_equal(columns.value, expected.value)
    np.testing.assert_array_equal(columns.flags, expected.flags)
    np.testing.assert_array_equal(columns.fresh, expected.fresh)


def assert_same_tables(expected: SeriesTable, table: SeriesTable) -> None:
    in_use = np.flatnonzero(expected.point_bytes)
    np.testing.assert_array_equal(np.flatnonzero(table.point_bytes), in_use)
    np.testing.assert_array_equal(table.ids[in_use], expected.ids[in_use])
    np.testing.assert_array_equal(table.point_bytes[in_use], expected.point_bytes[in_use])
    for row in in_use.tolist():
        assert is_same_series(table.series(row), expected.series(row))


def is_same_series(one: Series, other: Series) -> bool:
    return all(is_same(getattr(one, name), getattr(other, name)) for name in Series.__slots__)


def is_same(one: AttributeValue, other: AttributeValue) -> bool:
    """Equality that tells 1, 1.0 and True apart, 0.0 from -0.0, and takes NaN for NaN."""
    if type(one) is not type(other):
        return False
    match one, other:
        case float(), float():
            both_nan = math.isnan(one) and math.isnan(other)
            return both_nan or (one == other and math.copysign(1, one) == math.copysign(1, other))
        case tuple(), tuple():
            return len(one) == len(other) and all(map(is_same, one, other))
        case dict(), dict():
            return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
        case _:
            return one == other
