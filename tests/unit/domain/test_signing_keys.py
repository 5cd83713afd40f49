from datetime import UTC, datetime, timedelta

from phoenix_platform.domain.signing_keys import (
    CLOCK_TOLERANCE,
    SIGNING_LIFE,
    TOKEN_LIFE,
    SigningKey,
    is_due,
    rotated,
)

AT = datetime(2030, 1, 1, tzinfo=UTC)


def key(kid: str) -> SigningKey:
    return SigningKey(kid=kid, public_jwk="{}", sealed_private_key=b"", created_at=AT)


def stepped(keys: list[SigningKey], new: str, at: datetime = AT) -> list[SigningKey]:
    changed = {one.kid: one for one in rotated(keys, key(new), at)}
    return [changed.pop(one.kid, one) for one in keys] + list(changed.values())


def test_at_first_one_key_signs_and_one_waits() -> None:
    assert is_due([], AT)
    one = stepped([], "a")
    assert one[0].is_signing
    assert is_due(one, AT)
    two = stepped(one, "b")
    assert [(one.kid, one.is_signing, one.is_waiting) for one in two] == [
        ("a", True, False),
        ("b", False, True),
    ]
    assert not is_due(two, AT)


def test_the_waiting_key_takes_over_and_a_new_one_waits_in_its_place() -> None:
    later = AT + SIGNING_LIFE
    keys = stepped(stepped([], "a"), "b")
    assert is_due(keys, later)
    old, signing, waiting = stepped(keys, "c", later)
    assert old.retired_at == later
    assert signing.is_signing
    assert waiting.is_waiting
    assert not is_due([old, signing, waiting], later)


def test_a_retired_key_verifies_until_its_last_token_has_expired() -> None:
    retired = key("a").signing_from(AT).retired(AT)
    last = AT + TOKEN_LIFE + CLOCK_TOLERANCE
    assert key("b").verifies(last)
    assert retired.verifies(last - timedelta(seconds=1))
    assert not retired.verifies(last)
