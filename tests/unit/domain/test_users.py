from datetime import UTC, datetime
from uuid import UUID

import pytest

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.permissions import Role
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.domain.users import (
    User,
    UserId,
    checked_password,
    normal_password,
    user_name_of,
)

AT = datetime(2030, 1, 1, tzinfo=UTC)


def user(name: str = "ada", *, password_hash: str | None = None, is_disabled: bool = False) -> User:
    return User(
        id=UserId(UUID(int=1)),
        tenant_id=TenantId(UUID(int=2)),
        name=name,
        role=Role.VIEWER,
        password_hash=password_hash,
        is_disabled=is_disabled,
        created_at=AT,
    )


@pytest.mark.parametrize("name", ["a", "ada", "ada@example.org", "ada.lovelace+test", "x" * 128])
def test_short_names_and_addresses_are_user_names(name: str) -> None:
    assert user(name).name == name


@pytest.mark.parametrize("name", ["", "Ada", " ada", "ada ", "-ada", "ada\n", "a b", "x" * 129])
def test_other_texts_are_no_user_names(name: str) -> None:
    with pytest.raises(InvalidInputError, match="name: "):
        user(name)


def test_a_name_is_stored_without_case_space_around_it_or_second_spellings() -> None:
    assert user_name_of("  Ada@Example.ORG ") == "ada@example.org"
    assert user_name_of("ａｄａ") == "ada"


def test_somebody_without_a_password_or_disabled_may_not_sign_in() -> None:
    assert not user().may_sign_in
    assert not user(password_hash="h", is_disabled=True).may_sign_in
    assert user().with_password_hash("h").may_sign_in


def test_the_last_sign_in_is_kept() -> None:
    assert user().signed_in(AT).last_sign_in_at == AT


@pytest.mark.parametrize(
    ("password", "mistake"),
    [
        ("elevenchars", "11 characters"),
        ("x" * 1025, "longer than 1024 bytes"),
        ("aaaaaaaaaaaa", "too few different characters"),
        ("adaadaadaada", "too few different characters"),
        ("\ud800" + "correct horse", "lone surrogate"),
    ],
)
def test_a_weak_password_is_refused_without_being_quoted(password: str, mistake: str) -> None:
    with pytest.raises(InvalidInputError, match=mistake) as caught:
        checked_password(password, name="ada")
    assert password not in str(caught.value)


def test_a_password_typed_in_two_compositions_is_one_password() -> None:
    assert checked_password("cafe\u0301 au lait!", name="ada") == normal_password(
        "caf\xe9 au lait!"
    )
