import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_platform.core.tokens import (
    FIND_TOKENS,
    MalformedTokenError,
    TokenKind,
    base62,
    check_token,
    new_token,
    token_from,
    token_hash,
    token_hint,
)


@pytest.mark.parametrize("kind", list(TokenKind))
def test_a_new_token_is_well_formed_and_names_its_kind(kind: TokenKind) -> None:
    token = new_token(kind)
    assert check_token(token) is kind
    assert re.fullmatch(FIND_TOKENS, token)


def test_a_thousand_tokens_are_distinct_and_all_found_by_the_pattern_in_a_text() -> None:
    tokens = [new_token(TokenKind.API_KEY) for _ in range(1_000)]
    text = "\n".join(f'key = "{token}"' for token in tokens)
    assert re.findall(FIND_TOKENS, text) == tokens
    assert len(set(tokens)) == 1_000


@given(position=st.integers(8, 43), replacement=st.sampled_from("0Az"))
def test_any_changed_character_is_noticed_by_the_checksum(position: int, replacement: str) -> None:
    token = new_token(TokenKind.API_KEY)
    changed = token[:position] + replacement + token[position + 1 :]
    if changed == token:
        assert check_token(changed) is TokenKind.API_KEY
    else:
        with pytest.raises(MalformedTokenError, match="checksum"):
            check_token(changed)


def test_a_token_cannot_be_passed_off_as_another_kind() -> None:
    token = new_token(TokenKind.ENROLLMENT)
    with pytest.raises(MalformedTokenError, match="checksum"):
        check_token(token.replace("phx_enr_", "phx_key_"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "phx_key_",
        "phx_key_" + "a" * 35,
        "phx_key_" + "a" * 37,
        "phx_KEY_" + "a" * 36,
        "phx_key_" + "é" * 36,
        pytest.param(new_token(TokenKind.API_KEY) + "\n", id="line-feed"),
        pytest.param(" " + new_token(TokenKind.API_KEY), id="space"),
    ],
)
def test_what_has_not_the_form_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(MalformedTokenError, match="not of the form") as caught:
        check_token(text)
    assert not text or text not in str(caught.value)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(MalformedTokenError, match="no kind"):
        check_token("phx_zzz_" + "a" * 36)


def test_the_hash_is_sha256_and_the_hint_shows_four_random_characters() -> None:
    token = "phx_key_" + "abcdefghij" * 3 + "000000"
    assert token_hash(token) == ("sha256:" + hashlib.sha256(token.encode()).hexdigest())
    assert token_hint(token) == "phx_key_abcd"


def test_a_derived_token_is_as_good_as_a_drawn_one() -> None:
    assert check_token(token_from(TokenKind.REFRESH, base62(b"\xff" * 32, 30))) is TokenKind.REFRESH
    with pytest.raises(ValueError, match="29 characters"):
        token_from(TokenKind.REFRESH, "a" * 29)


def test_base62_keeps_the_last_digits_and_fills_up_with_zeros() -> None:
    assert base62(b"\x3d", 2) == "0z"
    assert base62((62**3).to_bytes(4), 3) == "000"
