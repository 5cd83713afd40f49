import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.server.bodies import check_text


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(rb'{"a":"\u0041"}', id="plain-escape"),
        pytest.param(rb'{"a":"\ud83d\ude00"}', id="a-pair"),
        pytest.param(rb'{"a":"\\ud800"}', id="a-backslash-before-it"),
        pytest.param(rb'{"a":"\\\\u0000"}', id="two-backslashes"),
        pytest.param('{"a":"\N{GRINNING FACE}"}'.encode(), id="raw"),
    ],
)
def test_text_that_can_be_stored_passes(body: bytes) -> None:
    check_text(body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b'{"a":"\0"}', "NUL byte at byte 6", id="raw-nul"),
        pytest.param(rb'{"a":"\u0000"}', "a NUL", id="escaped-nul"),
        pytest.param(rb'{"a":"\\\u0000"}', "a NUL", id="behind-a-backslash"),
        pytest.param(rb'{"a":"\ud83d"}', "lone surrogate", id="first-half"),
        pytest.param(rb'{"a":"\ude00"}', "lone surrogate", id="second-half"),
        pytest.param(rb'{"a":"\ud83d\ud83d"}', "lone surrogate", id="twice-the-first"),
        pytest.param(rb'{"a":"\ud83d \ude00"}', "lone surrogate", id="something-between"),
        pytest.param(rb'{"a":"\ud83d\n"}', "lone surrogate", id="another-escape-behind"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', "not UTF-8 at byte 6", id="raw-surrogate"),
        pytest.param(b'{"a":"\xff"}', "not UTF-8", id="no-utf-8"),
    ],
)
def test_text_that_cannot_be_stored_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        check_text(body)


def is_storable(text: str) -> bool:
    """The plain truth that the check is held to."""
    try:
        return "\0" not in text and bool(text.encode() or True)
    except UnicodeEncodeError:
        return False


any_text = st.text(
    st.one_of(
        st.sampled_from('\\u0d8\ud800\udc00\ude00\ud83d\0"\n\N{GRINNING FACE}'),
        st.characters(codec=None),
    )
)


@given(any_text)
def test_exactly_what_can_be_stored_passes(text: str) -> None:
    # Joins halves that stand side by side: that is what a JSON reader makes of their escapes.
    joined = (
        text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        if _pairs(text)
        else text
    )
    try:
        check_text(json.dumps(text).encode())
    except InvalidInputError:
        assert not is_storable(joined)
    else:
        assert is_storable(joined)


def _pairs(text: str) -> bool:
    try:
        text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        return False
    return True
