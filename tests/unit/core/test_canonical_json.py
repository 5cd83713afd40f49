import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_platform.core.canonical_json import canonical_json
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.hashing import content_hash, sha256_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # RFC 8785, appendix B
        pytest.param(0.0, "0", id="zero"),
        pytest.param(-0.0, "0", id="minus-zero"),
        pytest.param(5e-324, "5e-324", id="smallest"),
        pytest.param(-1.7976931348623157e308, "-1.7976931348623157e+308", id="largest"),
        pytest.param(9007199254740992.0, "9007199254740992", id="2^53"),
        pytest.param(295147905179352830000.0, "295147905179352830000", id="twenty-one-digits"),
        pytest.param(9.999999999999997e22, "9.999999999999997e+22", id="large-exponent"),
        pytest.param(1e23, "1e+23", id="one-digit-exponent"),
        pytest.param(333333333.3333332, "333333333.3333332", id="fraction"),
        pytest.param(0.000001, "0.000001", id="last-without-exponent"),
        pytest.param(1e-7, "1e-7", id="first-with-exponent"),
        pytest.param(4.5, "4.5", id="simple"),
        pytest.param(True, "true", id="true"),
        pytest.param(None, "null", id="null"),
        pytest.param('€$\u000f\nA\'B"\\\\"/', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"', id="text"),
        pytest.param([1, {"b": 2, "a": [None]}], '[1,{"a":[null],"b":2}]', id="nested"),
        pytest.param(
            {"\ufb33": 1, "\U0001f600": 2, "1": 3},
            '{"1":3,"\U0001f600":2,"\ufb33":1}',
            id="utf-16-order",
        ),
    ],
)
def test_a_value_has_one_spelling(value: object, text: str) -> None:
    assert canonical_json(value) == text.encode()  # type: ignore[arg-type]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_reads_back_the_same(value: float) -> None:
    assert float(json.loads(canonical_json(value))) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**53 + 1, "\ud800"])
def test_what_a_reader_would_change_is_refused(value: float | str) -> None:
    with pytest.raises(InvalidInputError):
        canonical_json(value)


def test_equal_values_have_one_hash() -> None:
    assert content_hash({"a": 1, "b": [2.0]}) == content_hash({"b": [2], "a": 1.0})
    assert sha256_of(b"") == (
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
