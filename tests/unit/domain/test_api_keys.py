from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from phoenix_platform.core.errors import ConflictError, InvalidInputError
from phoenix_platform.domain.api_keys import (
    LONGEST_LIFE,
    MAX_LIVE_OF_OWNER,
    ApiKey,
    ApiKeyId,
    KeyOwner,
    check_room,
    checked_life,
)
from phoenix_platform.domain.permissions import Permission, Role
from phoenix_platform.domain.service_accounts import ServiceAccount, ServiceAccountId
from phoenix_platform.domain.setup_tokens import LIFE, SetupToken
from phoenix_platform.domain.sign_ins import UnauthenticatedError
from phoenix_platform.domain.tenants import TenantId

AT = datetime(2030, 1, 1, tzinfo=UTC)


def key(name: str = "ci", scopes: frozenset[Permission] | None = None) -> ApiKey:
    return ApiKey(
        id=ApiKeyId(UUID(int=1)),
        tenant_id=TenantId(UUID(int=2)),
        owner_kind=KeyOwner.USER,
        owner_id=UUID(int=3),
        name=name,
        token_hash="sha256:",
        hint="phx_key_abcd",
        scopes=scopes,
        created_at=AT,
        expires_at=AT + timedelta(days=1),
    )


def test_a_key_lives_until_it_expires_or_is_revoked() -> None:
    assert key().is_live(AT)
    assert not key().is_live(AT + timedelta(days=1))
    assert not key().revoked(AT).is_live(AT)


def test_a_key_is_revoked_once() -> None:
    with pytest.raises(ConflictError, match="revoked already"):
        key().revoked(AT).revoked(AT)


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb"])
def test_a_key_has_a_printable_name(name: str) -> None:
    with pytest.raises(InvalidInputError, match="name"):
        key(name)


def test_no_scopes_at_all_are_a_mistake() -> None:
    with pytest.raises(InvalidInputError, match="scopes"):
        key(scopes=frozenset())


@pytest.mark.parametrize("life", [timedelta(0), timedelta(days=-1), LONGEST_LIFE + timedelta(1)])
def test_a_key_ends_some_day(life: timedelta) -> None:
    with pytest.raises(InvalidInputError, match="expires_in"):
        checked_life(life)
    assert checked_life(LONGEST_LIFE) == LONGEST_LIFE


def test_two_keys_of_a_name_may_live_at_once_but_not_three() -> None:
    check_room("ci", [key(), key("other"), key("other")])
    with pytest.raises(ConflictError, match="2 live keys 'ci'"):
        check_room("ci", [key(), key()])


def test_an_owner_has_room_for_so_many_keys() -> None:
    with pytest.raises(ConflictError, match=f"{MAX_LIVE_OF_OWNER} live keys of this owner"):
        check_room("ci", [key(f"k{number}") for number in range(MAX_LIVE_OF_OWNER)])


def test_a_service_account_has_a_name_in_lower_case() -> None:
    account = ServiceAccount(
        id=ServiceAccountId(UUID(int=1)),
        tenant_id=TenantId(UUID(int=2)),
        name="github-actions",
        role=Role.EXPERIMENTER,
        created_at=AT,
    )
    with pytest.raises(InvalidInputError, match="service account"):
        replace(account, name="GitHub Actions")


def test_a_set_up_link_is_used_once_and_in_time() -> None:
    link = SetupToken(
        id=UUID(int=1),
        tenant_id=TenantId(UUID(int=2)),
        token_hash="sha256:",
        user_id=None,
        created_at=AT,
        expires_at=AT + LIFE,
    )
    used = link.use(AT)
    assert used.used_at == AT
    for over, at in ((used, AT), (link, AT + LIFE)):
        with pytest.raises(UnauthenticatedError, match="used or has expired"):
            over.use(at)
