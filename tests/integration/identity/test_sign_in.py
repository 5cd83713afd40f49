import asyncio
from pathlib import Path

import pytest
from tests.identity_parts import WORDS, Plane, a_plane

from phoenix_platform.adapters.passwords.argon2 import Argon2Passwords, Cost
from phoenix_platform.application.ports import AuditQuery, PageQuery
from phoenix_platform.application.sign_in import refresh, set_up, sign_out
from phoenix_platform.application.tenants import first_link
from phoenix_platform.application.users import (
    change_own_password,
    change_user,
    invite_user,
    reset_password,
)
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.tokens import MalformedTokenError, TokenKind, new_token
from phoenix_platform.domain.permissions import Role
from phoenix_platform.domain.sessions import IDLE_LIFE, REUSE_WINDOW, EndReason
from phoenix_platform.domain.setup_tokens import LIFE
from phoenix_platform.domain.sign_in_limits import (
    ACCOUNT_ATTEMPTS,
    NETWORK_ATTEMPTS,
    WINDOW,
    limits_of,
)
from phoenix_platform.domain.sign_ins import TooManyAttemptsError, UnauthenticatedError


async def test_the_first_link_makes_the_admin_and_is_used_once(plane: Plane) -> None:
    begin, doors = plane.transactions.begin, plane.identity.doors
    secret = await first_link(plane.home, begin=begin, clock=plane.clock)
    assert secret is not None
    with pytest.raises(InvalidInputError, match="the first admin needs one"):
        await set_up(secret, WORDS, doors=doors)
    signed_in = await set_up(secret, WORDS, name="Ada", doors=doors)
    assert signed_in.user.role is Role.ADMIN
    assert (await plane.authenticate(signed_in.access_token)).name == "ada"
    with pytest.raises(UnauthenticatedError, match="used or has expired"):
        await set_up(secret, WORDS, name="eve", doors=doors)
    assert await first_link(plane.home, begin=begin, clock=plane.clock) is None


async def test_a_newer_first_link_replaces_the_older_one(plane: Plane) -> None:
    begin, doors = plane.transactions.begin, plane.identity.doors
    older = await first_link(plane.home, begin=begin, clock=plane.clock)
    newer = await first_link(plane.home, begin=begin, clock=plane.clock)
    assert older is not None
    assert newer is not None
    with pytest.raises(UnauthenticatedError, match="unknown"):
        await set_up(older, WORDS, name="ada", doors=doors)
    await set_up(newer, WORDS, name="ada", doors=doors)


async def test_a_link_of_an_invited_user_sets_the_password_of_that_user_in_time(
    plane: Plane, clock: FixedClock
) -> None:
    begin, doors = plane.transactions.begin, plane.identity.doors
    invited = await invite_user(
        "bob", Role.VIEWER, begin=begin, actor=plane.system, clock=plane.clock
    )
    with pytest.raises(InvalidInputError, match="at least 12"):
        await set_up(invited.secret, "short", doors=doors)
    signed_in = await set_up(invited.secret, WORDS, name="mallory", doors=doors)
    assert (signed_in.user.name, signed_in.user.role) == ("bob", Role.VIEWER)
    late = await invite_user("eve", Role.VIEWER, begin=begin, actor=plane.system, clock=clock)
    clock.advance(LIFE.total_seconds())
    with pytest.raises(UnauthenticatedError, match="has expired"):
        await set_up(late.secret, WORDS, doors=doors)


async def test_whoever_knows_the_password_is_signed_in_and_others_hear_one_sentence(
    plane: Plane,
) -> None:
    await plane.first_admin("ada")
    assert (await plane.sign_in("ADA ")).user.last_sign_in_at == plane.clock.now()
    refusals: set[str] = set()
    for name, password, tenant in (
        ("ada", "not the password", "default"),
        ("nobody", WORDS, "default"),
        ("ada", WORDS, "no-such-tenant"),
        ("ada", "x" * 5_000, "default"),
    ):
        with pytest.raises(UnauthenticatedError) as refused:
            await plane.sign_in(name, password, tenant=tenant)
        refusals.add(str(refused.value))
    assert len(refusals) == 1


async def test_five_wrong_passwords_delay_that_account_on_every_replica_and_after_a_restart(
    plane: Plane, replica: Plane, database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    await plane.first_admin("ada")
    await plane.user("bob", Role.VIEWER)
    for number in range(ACCOUNT_ATTEMPTS):
        with pytest.raises(UnauthenticatedError):
            await (plane, replica)[number % 2].sign_in("ada", "wrong")
    for one in (plane, replica):
        with pytest.raises(TooManyAttemptsError):
            await one.sign_in("ada", address="198.51.100.1")
    async with a_plane(database_url, tmp_path, clock) as restarted:
        with pytest.raises(TooManyAttemptsError) as refused:
            await restarted.sign_in("ada")
        assert refused.value.retry_after_seconds == WINDOW.total_seconds()
        assert (await restarted.sign_in("bob")).user.name == "bob"
        clock.advance(WINDOW.total_seconds())
        assert (await restarted.sign_in("ada")).user.name == "ada"


async def test_wrong_passwords_at_once_do_not_pass_the_limit_together(plane: Plane) -> None:
    await plane.first_admin("ada")
    tries = [plane.sign_in("ada", f"wrong {number}") for number in range(20)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(type(one) is UnauthenticatedError for one in found) == ACCOUNT_ATTEMPTS
    assert sum(type(one) is TooManyAttemptsError for one in found) == 15


async def test_right_passwords_are_not_counted(plane: Plane) -> None:
    await plane.first_admin("ada")
    for _ in range(ACCOUNT_ATTEMPTS + 2):
        await plane.sign_in("ada")


async def test_a_network_that_tries_many_names_is_delayed_and_others_are_not(plane: Plane) -> None:
    await plane.first_admin("ada")
    counters, clock = plane.identity.doors.counters, plane.clock
    for number in range(NETWORK_ATTEMPTS):
        # As in sign_in, without the time that 50 hashes take.
        for limit in limits_of("default", f"name-{number}", "192.0.2.7"):
            await counters.count(limit.key, clock.now())
    with pytest.raises(TooManyAttemptsError):
        await plane.sign_in("ada", address="192.0.2.99")
    await plane.sign_in("ada", address="198.51.100.1")


async def test_a_password_with_an_outdated_hash_is_hashed_anew_at_sign_in(plane: Plane) -> None:
    admin = await plane.first_admin("ada")
    weak = Argon2Passwords(Cost(memory_kib=1024, rounds=1))
    weak_hash = await weak.hash(WORDS)
    weak.close()
    async with plane.transactions.begin(plane.home) as work:
        user = await work.users.get(admin.user.id)
        await work.users.save(user.with_password_hash(weak_hash))
    signed_in = await plane.sign_in("ada")
    assert signed_in.user.password_hash not in (None, weak_hash)
    await plane.sign_in("ada")


async def test_a_refresh_brings_new_tokens_and_the_predecessor_the_same_ones_again(
    plane: Plane, clock: FixedClock
) -> None:
    first = await plane.first_admin()
    second = await refresh(first.refresh_token, doors=plane.identity.doors)
    clock.advance(REUSE_WINDOW.total_seconds() - 1)
    again = await refresh(first.refresh_token, doors=plane.identity.doors)
    assert again.refresh_token == second.refresh_token
    third = await refresh(second.refresh_token, doors=plane.identity.doors)
    assert (await plane.authenticate(third.access_token)).name == "ada"


async def test_an_older_refresh_token_ends_the_family(plane: Plane, replica: Plane) -> None:
    first = await plane.first_admin()
    second = await refresh(first.refresh_token, doors=plane.identity.doors)
    third = await refresh(second.refresh_token, doors=replica.identity.doors)
    with pytest.raises(UnauthenticatedError, match="sign in again"):
        await refresh(first.refresh_token, doors=plane.identity.doors)
    for token in (first, second, third):
        with pytest.raises(UnauthenticatedError, match="sign in again"):
            await refresh(token.refresh_token, doors=replica.identity.doors)
    with pytest.raises(UnauthenticatedError, match="session is over"):
        await replica.authenticate(third.access_token)
    async with plane.transactions.read(plane.home) as work:
        session = await work.sessions.get(first.session.id)
        page = await work.audit.page(PageQuery(), AuditQuery(action="session.end"))
    assert session.end_reason is EndReason.TOKEN_REUSED
    assert [one.changes["end_reason"] for one in page.items] == ["token_reused"]


async def test_the_predecessor_used_too_late_ends_the_family(
    plane: Plane, clock: FixedClock
) -> None:
    first = await plane.first_admin()
    second = await refresh(first.refresh_token, doors=plane.identity.doors)
    clock.advance(REUSE_WINDOW.total_seconds())
    for token in (first.refresh_token, second.refresh_token):
        with pytest.raises(UnauthenticatedError):
            await refresh(token, doors=plane.identity.doors)


async def test_of_forty_uses_of_one_token_at_once_all_get_the_same_successor(
    plane: Plane, replica: Plane
) -> None:
    first = await plane.first_admin()
    uses = [
        refresh(first.refresh_token, doors=(plane, replica)[number % 2].identity.doors)
        for number in range(40)
    ]
    found = await asyncio.gather(*uses)
    assert len({one.refresh_token for one in found}) == 1
    assert len({one.session.id for one in found}) == 1


async def test_a_session_that_was_idle_too_long_is_over(plane: Plane, clock: FixedClock) -> None:
    first = await plane.first_admin()
    clock.advance(IDLE_LIFE.total_seconds())
    with pytest.raises(UnauthenticatedError):
        await refresh(first.refresh_token, doors=plane.identity.doors)


async def test_signing_out_ends_the_session_and_its_access_token(plane: Plane) -> None:
    first = await plane.first_admin()
    await sign_out(first.refresh_token, doors=plane.identity.doors)
    await sign_out(first.refresh_token, doors=plane.identity.doors)
    with pytest.raises(UnauthenticatedError):
        await refresh(first.refresh_token, doors=plane.identity.doors)
    with pytest.raises(UnauthenticatedError):
        await plane.authenticate(first.access_token)


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("phx_rfr_nonsense", MalformedTokenError),
        pytest.param(new_token(TokenKind.API_KEY), UnauthenticatedError, id="api_key"),
        pytest.param(new_token(TokenKind.REFRESH), UnauthenticatedError, id="refresh"),
    ],
)
async def test_what_is_no_refresh_token_of_ours_refreshes_nothing(
    plane: Plane, token: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await refresh(token, doors=plane.identity.doors)


async def test_another_password_ends_every_session(plane: Plane) -> None:
    await plane.first_admin("ada")
    signed_in = await plane.sign_in("ada")
    actor = await plane.authenticate(signed_in.access_token)
    passwords, begin = plane.identity.passwords, plane.transactions.begin
    with pytest.raises(InvalidInputError, match="current: not the password"):
        await change_own_password(
            "wrong", "x", begin=begin, passwords=passwords, actor=actor, clock=plane.clock
        )
    await change_own_password(
        WORDS,
        "another good horse",
        begin=begin,
        passwords=passwords,
        actor=actor,
        clock=plane.clock,
    )
    with pytest.raises(UnauthenticatedError):
        await refresh(signed_in.refresh_token, doors=plane.identity.doors)
    with pytest.raises(UnauthenticatedError):
        await plane.sign_in("ada", WORDS)
    await plane.sign_in("ada", "another good horse")
    with pytest.raises(InvalidInputError, match="only users have a password"):
        await change_own_password(
            "a", "b", begin=begin, passwords=passwords, actor=plane.system, clock=plane.clock
        )


async def test_a_locked_user_neither_signs_in_nor_refreshes_until_unlocked(plane: Plane) -> None:
    await plane.first_admin("ada")
    bob = await plane.user("bob", Role.VIEWER)
    signed_in = await plane.sign_in("bob")
    begin, actor, clock = plane.transactions.begin, plane.system, plane.clock
    await change_user(bob.id, is_disabled=True, begin=begin, actor=actor, clock=clock)
    with pytest.raises(UnauthenticatedError):
        await plane.sign_in("bob")
    with pytest.raises(UnauthenticatedError):
        await refresh(signed_in.refresh_token, doors=plane.identity.doors)
    await change_user(bob.id, is_disabled=False, begin=begin, actor=actor, clock=clock)
    await plane.sign_in("bob")


async def test_a_reset_takes_the_password_away_and_gives_a_new_link(plane: Plane) -> None:
    await plane.first_admin("ada")
    bob = await plane.user("bob", Role.VIEWER)
    begin, clock = plane.transactions.begin, plane.clock
    older = await reset_password(bob.id, begin=begin, actor=plane.system, clock=clock)
    newer = await reset_password(bob.id, begin=begin, actor=plane.system, clock=clock)
    with pytest.raises(UnauthenticatedError):
        await plane.sign_in("bob")
    with pytest.raises(UnauthenticatedError, match="unknown"):
        await set_up(older.secret, WORDS, doors=plane.identity.doors)
    await set_up(newer.secret, "a new long password", doors=plane.identity.doors)
    await plane.sign_in("bob", "a new long password")
