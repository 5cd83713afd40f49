import pytest

from phoenix_platform.otlp.series import shown


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        pytest.param("nginx", "nginx", id="ascii"),
        pytest.param("ä€😀", "ä€😀", id="unicode"),
        pytest.param("a\udcff\udcc3", r"a\xff\xc3", id="not-utf-8"),
    ],
)
def test_text_is_shown_with_what_is_not_utf_8_escaped(text: str, escaped: str) -> None:
    assert shown(text) == escaped
    assert shown(text).encode()
