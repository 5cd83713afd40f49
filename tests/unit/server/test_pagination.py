import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.server.pagination import decode_cursor, encode_cursor, provide_page


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_cursor_comes_back_as_the_position_it_was_made_of(position: str) -> None:
    cursor = encode_cursor(position)
    assert cursor is not None
    assert decode_cursor(cursor) == position


@pytest.mark.parametrize("cursor", ["", "!", "abc", "MA", "Af8", "é"])
def test_a_cursor_of_somebody_else_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^cursor: "):
        decode_cursor(cursor)


def test_the_last_page_has_no_cursor_and_the_first_needs_none() -> None:
    assert encode_cursor(None) is None
    assert provide_page(None, 10).after is None
    assert provide_page(encode_cursor("x"), 10).after == "x"
