import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_platform.pipelines.documents import Value, read_document, thawed
from phoenix_platform.pipelines.emission import write_document

TRAPS = [
    "on",
    "no",
    "010",
    "1_000",
    "12:30:45",
    "2024-01-01",
    "~",
    "<<",
    "",
    "a: b",
    "- x",
    "# x",
    "${env:X}",
    "\x85",
]

texts = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(TRAPS)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | texts
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4).map(tuple) | st.dictionaries(texts, inner, max_size=4)
    ),
    max_leaves=20,
)


@given(values)
def test_what_is_written_reads_back_the_same(value: Value) -> None:
    assert thawed(read_document(write_document(value), name="f").root) == thawed(value)


def test_a_configuration_stays_readable() -> None:
    value: Value = {"a": ({"b": 1, "c": ("x",)}, (), {}), "d": None, "e": "on", "f": 1.5, "g": True}
    expected = (
        'a:\n  -\n    b: 1\n    c:\n      - x\n  - []\n  - {}\nd: null\ne: "on"\nf: 1.5\ng: true\n'
    )
    assert write_document(value) == expected


@pytest.mark.parametrize(
    ("value", "text"), [(math.inf, ".inf"), (-math.inf, "-.inf"), (math.nan, ".nan")]
)
def test_numbers_beyond_numbers_have_their_yaml_names(value: float, text: str) -> None:
    assert write_document(value) == f"{text}\n"
