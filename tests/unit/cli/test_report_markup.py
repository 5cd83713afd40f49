"""Text from anybody is shown as what it is, and never as markup."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from phoenix_platform.cli.reports.markup import (
    LONGEST_NAME,
    element,
    readable,
    short_name,
    visible,
)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("postgres", "postgres", id="plain"),
        pytest.param("a\u202egpj.exe", r"a\u202egpj.exe", id="turned-direction"),
        pytest.param("a\x1b[31mb", r"a\x1b[31mb", id="escape-sequence"),
        pytest.param("a\nb\tc", r"a\nb\tc", id="lines"),
        pytest.param("a\u200bb", r"a\u200bb", id="no-width"),
        pytest.param("\udc80", r"\udc80", id="half-a-surrogate"),
        pytest.param("a\u00a0b", r"a\xa0b", id="a-space-that-is-none"),
        pytest.param("größe", "größe", id="letters-of-others"),
    ],
)
def test_what_cannot_be_seen_in_a_name_is_written_out(name: str, shown: str) -> None:
    assert short_name(name) == shown


def test_a_long_name_says_how_long_it_is() -> None:
    shown = short_name("x" * 10_000)
    assert shown == f"{'x' * LONGEST_NAME}… (10000 characters)"


def test_a_long_word_in_a_sentence_is_shortened_and_a_hash_is_not() -> None:
    digest = "sha256:" + "ab" * 32
    assert readable(f"{digest} {'x' * 5_000} end") == f"{digest} {short_name('x' * 5_000)} end"


def test_the_spaces_of_our_own_numbers_stay() -> None:
    assert visible("1\u202f234\u00a0%\n") == "1\u202f234\u00a0%\n"


def test_an_element_escapes_its_text_and_its_attributes() -> None:
    made = element("text", "<script>", class_='a"b', data_name="x", x=1.26, y=None)
    assert made == '<text class="a&#34;b" data-name="x" x="1.3">&lt;script&gt;</text>'


def test_an_element_takes_other_elements_as_they_are() -> None:
    assert element("g", element("path", d="M0 0"), "&") == '<g><path d="M0 0"></path>&amp;</g>'


@given(st.text())
def test_nothing_shown_can_open_an_element_or_hide(text: str) -> None:
    made = str(element("text", text))
    assert made.count("<") == 2
    assert all(sign.isprintable() or sign in "\n\t\u00a0\u202f" for sign in made)
    assert isinstance(element("text", text), Markup)
