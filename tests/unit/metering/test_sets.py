"""Sets of numbers as sorted arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_platform.metering.sets import sorted_once


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 3)))
def test_each_value_is_there_once_in_rising_order(values: list[int]) -> None:
    assert sorted_once(np.array(values, np.uint64)).tolist() == sorted(set(values))


@pytest.mark.parametrize("values", [[], [7], [7, 7]])
def test_few_values_are_a_set_too(values: list[int]) -> None:
    assert sorted_once(np.array(values, np.int64)).tolist() == sorted(set(values))
