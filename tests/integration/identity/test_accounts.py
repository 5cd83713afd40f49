from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from tests.identity_parts import Plane, a_plane

from phoenix_platform.application.api_keys import (
    NewKey,
    get_api_key,
    issue_api_key,
    list_api_keys,
    revoke_api_key,
)
from phoenix_platform.application.audit import verify_audit
from phoenix_platform.application.ports import PageQuery
from phoenix_platform.application.service_accounts import (
    change_service_account,
    list_service_accounts,
)
from phoenix_platform.application.signing_keys import keep_signing_keys, rotate_signing_keys
from phoenix_platform.application.tenants import create_tenant, get_tenant, list_tenants
from phoenix_platform.application.users import (
    change_user,
    invite_user,
    list_users,
    remove_user,
    reset_password,
)
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import ConflictError, InvalidInputError, NotFoundError
from phoenix_platform.core.local_files import LOCAL_KEY_FILE
from phoenix_platform.domain.actors import Actor, ForbiddenError
from phoenix_platform.domain.permissions import Permission, Role
from phoenix_platform.domain.sign_ins import UnauthenticatedError
from phoenix_platform.domain.signing_keys import SIGNING_LIFE
from phoenix_platform.server.identity import open_first_door
from phoenix_platform.server.settings import HttpSettings


async def admin_of(plane: Plane) -> Actor:
    return await plane.authenticate((await plane.first_admin()).access_token)


async def narrow_admin(plane: Plane, *scopes: Permission) -> Actor:
    account = await plane.service_account("narrow", Role.ADMIN)
    new = NewKey(name="narrow", scopes=frozenset(scopes), service_account=account.id)
    return await plane.authenticate((await plane.key_of(account, new)).secret)


async def test_the_last_admin_can_be_neither_removed_nor_demoted_nor_locked(plane: Plane) -> None:
    admin = await plane.first_admin()
    begin, clock, actor = plane.transactions.begin, plane.clock, plane.system
    change = partial(change_user, admin.user.id, begin=begin, actor=actor, clock=clock)
    for attempt in (
        partial(change, role=Role.VIEWER),
        partial(change, is_disabled=True),
        partial(remove_user, admin.user.id, begin=begin, actor=actor, clock=clock),
    ):
        with pytest.raises(ConflictError, match="last admin"):
            await attempt()
    await plane.user("bob", Role.ADMIN)
    assert (await change(role=Role.VIEWER)).role is Role.VIEWER


async def test_a_change_from_an_older_version_is_refused_with_the_newer_one(plane: Plane) -> None:
    bob = await plane.user("bob", Role.VIEWER)
    account = await plane.service_account("ci", Role.VIEWER)
    begin, clock, actor = plane.transactions.begin, plane.clock, plane.system
    with pytest.raises(ConflictError, match="not 1; read it again") as refused:
        await change_user(
            bob.id, role=Role.ADMIN, expected=1, begin=begin, actor=actor, clock=clock
        )
    assert refused.value.facts["current"] == bob.version
    with pytest.raises(ConflictError, match="not 9"):
        await change_service_account(
            account.id, role=Role.ADMIN, expected=9, begin=begin, actor=actor, clock=clock
        )


async def test_names_are_taken_once_in_a_tenant(plane: Plane) -> None:
    await plane.user("bob", Role.VIEWER)
    await plane.service_account("ci", Role.VIEWER)
    begin, clock, actor = plane.transactions.begin, plane.clock, plane.system
    with pytest.raises(ConflictError, match="'bob' already"):
        await invite_user("BOB", Role.ADMIN, begin=begin, actor=actor, clock=clock)
    with pytest.raises(ConflictError, match="'ci' already"):
        await plane.service_account("ci", Role.VIEWER)
    other = await plane.tenant("team-a")
    with pytest.raises(ConflictError, match="'team-a' already"):
        await plane.tenant("team-a")
    await plane.user("bob", Role.VIEWER, other.id)


async def test_nobody_gives_more_than_they_have(plane: Plane) -> None:
    admin = await plane.first_admin()
    actor = await narrow_admin(plane, Permission.USERS_MANAGE, Permission.API_KEYS_OWN)
    begin, clock = plane.transactions.begin, plane.clock
    bob = await plane.user("bob", Role.VIEWER)
    with pytest.raises(ForbiddenError, match="role: admin may"):
        await invite_user("eve", Role.ADMIN, begin=begin, actor=actor, clock=clock)
    with pytest.raises(ForbiddenError, match="role: admin may"):
        await reset_password(admin.user.id, begin=begin, actor=actor, clock=clock)
    with pytest.raises(ForbiddenError, match="role: "):
        await change_user(bob.id, role=Role.ADMIN, begin=begin, actor=actor, clock=clock)
    more = NewKey(name="more", scopes=frozenset({Permission.HOSTS_READ}))
    with pytest.raises(ForbiddenError, match="hosts:read is more than you may"):
        await issue_api_key(more, begin=begin, actor=actor, clock=clock)
    with pytest.raises(ForbiddenError, match="name those of the new one"):
        await issue_api_key(NewKey(name="all"), begin=begin, actor=actor, clock=clock)
    account = await plane.service_account("ci", Role.VIEWER)
    scopes = frozenset({Permission.API_KEYS_OWN})
    theirs = NewKey(name="theirs", scopes=scopes, service_account=account.id)
    with pytest.raises(ForbiddenError, match="api-keys:manage is needed"):
        await issue_api_key(theirs, begin=begin, actor=actor, clock=clock)


async def test_two_keys_of_a_name_live_at_once_and_a_third_after_one_is_revoked(
    plane: Plane,
) -> None:
    actor = await admin_of(plane)
    begin, clock = plane.transactions.begin, plane.clock
    issue = partial(issue_api_key, NewKey(name="ci"), begin=begin, actor=actor, clock=clock)
    first, second = await issue(), await issue()
    for key in (first, second):
        assert (await plane.authenticate(key.secret)).name == "ada"
    with pytest.raises(ConflictError, match="2 live keys"):
        await issue()
    await revoke_api_key(first.key.id, begin=begin, actor=actor, clock=clock)
    with pytest.raises(ConflictError, match="revoked already"):
        await revoke_api_key(first.key.id, begin=begin, actor=actor, clock=clock)
    await issue()


async def test_ones_own_keys_are_seen_and_those_of_others_by_whoever_manages_keys(
    plane: Plane,
) -> None:
    admin = await admin_of(plane)
    await plane.user("bob", Role.VIEWER)
    bob = await plane.authenticate((await plane.sign_in("bob")).access_token)
    begin, clock = plane.transactions.begin, plane.clock
    theirs = await issue_api_key(NewKey(name="a"), begin=begin, actor=admin, clock=clock)
    own = await issue_api_key(NewKey(name="b"), begin=begin, actor=bob, clock=clock)
    with pytest.raises(NotFoundError):
        await get_api_key(theirs.key.id, actor=bob, begin=begin)
    with pytest.raises(NotFoundError):
        await revoke_api_key(theirs.key.id, begin=begin, actor=bob, clock=clock)
    assert await get_api_key(own.key.id, actor=admin, begin=begin) == own.key
    seen = await list_api_keys(PageQuery(), actor=bob, begin=begin)
    assert list(seen.items) == [own.key]
    everything = await list_api_keys(PageQuery(), actor=admin, begin=begin)
    assert set(everything.items) == {theirs.key, own.key}
    assert (await list_api_keys(PageQuery(), actor=plane.system, begin=begin)).items
    with pytest.raises(InvalidInputError, match="service_account: name one"):
        await issue_api_key(NewKey(name="c"), begin=begin, actor=plane.system, clock=clock)
    endless = NewKey(name="c", life=timedelta(days=1000))
    with pytest.raises(InvalidInputError, match="expires_in"):
        await issue_api_key(endless, begin=begin, actor=admin, clock=clock)


async def test_lists_come_page_by_page_and_from_one_tenant(plane: Plane, clock: FixedClock) -> None:
    other = await plane.tenant("team-a")
    begin = plane.transactions.begin
    for number in range(3):
        clock.advance(1)
        name = f"user-{number}"
        await invite_user(name, Role.VIEWER, begin=begin, actor=plane.system, clock=clock)
        await plane.service_account(f"sa-{number}", Role.VIEWER)
    await plane.service_account("theirs", Role.VIEWER, other.id)
    first = await list_users(PageQuery(limit=2), tenant_id=plane.home, begin=begin)
    rest = await list_users(PageQuery(after=first.next), tenant_id=plane.home, begin=begin)
    assert [one.name for one in (*first.items, *rest.items)] == ["user-2", "user-1", "user-0"]
    assert rest.next is None
    found = await list_service_accounts(PageQuery(), tenant_id=other.id, begin=begin)
    assert [one.name for one in found.items] == ["theirs"]


async def test_tenants_are_made_and_listed_by_the_admins_of_the_installation(plane: Plane) -> None:
    home_admin = await admin_of(plane)
    team = await plane.tenant("team-a")
    account = await plane.service_account("boss", Role.ADMIN, team.id)
    team_admin = await plane.authenticate((await plane.key_of(account)).secret)
    all_tenants = plane.identity.all_tenants
    seen = await list_tenants(all_tenants=all_tenants, actor=home_admin)
    assert [one.name for one in seen] == ["default", "team-a"]
    assert await list_tenants(all_tenants=all_tenants, actor=team_admin) == [team]
    assert await get_tenant(team.id, all_tenants=all_tenants, actor=home_admin) == team
    with pytest.raises(NotFoundError):
        await get_tenant(plane.home, all_tenants=all_tenants, actor=team_admin)
    with pytest.raises(ForbiddenError, match="made by the admins of the tenant 'default'"):
        await create_tenant(
            "mine",
            all_tenants=all_tenants,
            begin=plane.transactions.begin,
            actor=team_admin,
            clock=plane.clock,
        )
    with pytest.raises(ForbiddenError, match="signing keys belong to the installation"):
        await rotate_signing_keys(plane.identity.keeping, all_tenants=all_tenants, actor=team_admin)


async def test_signing_keys_rotate_when_asked_and_when_due_on_one_replica_only(
    plane: Plane, replica: Plane, clock: FixedClock
) -> None:
    admin = await admin_of(plane)
    keeping = plane.identity.keeping
    made = await keep_signing_keys(keeping)
    waiting = next(one for one in made if one.is_waiting)
    assert [one.is_signing for one in made].count(True) == 1
    all_tenants = plane.identity.all_tenants
    keys = await rotate_signing_keys(keeping, all_tenants=all_tenants, actor=admin)
    assert {one.kid: one.is_signing for one in keys}[waiting.kid]
    token = (await plane.sign_in("ada")).access_token
    assert (await replica.authenticate(token)).name == "ada"
    clock.advance(SIGNING_LIFE.total_seconds())
    first = await keep_signing_keys(keeping)
    assert await keep_signing_keys(replica.identity.keeping) == first
    assert [one.is_signing for one in first].count(True) == 1
    # What was retired a month ago is forgotten; what was retired just now still verifies.
    assert len(first) == 3


async def test_every_change_is_in_a_whole_chain(plane: Plane) -> None:
    await plane.first_admin()
    await plane.user("bob", Role.VIEWER)
    verification = await verify_audit(tenant_id=plane.home, begin=plane.transactions.read)
    assert verification.is_whole


async def test_a_server_beyond_loopback_prints_links_until_there_is_a_user_and_has_no_local_key(
    plane: Plane,
) -> None:
    settings = plane.settings.model_copy(update={"http": HttpSettings(host="0.0.0.0")})  # noqa: S104 - not listened on
    first = await open_first_door(settings, plane.identity)
    assert first is not None
    assert first.startswith("/setup#phx_set_")
    assert not (settings.folder / LOCAL_KEY_FILE).exists()
    await plane.first_admin()
    assert await open_first_door(settings, plane.identity) is None


async def test_a_server_for_one_machine_keeps_one_local_key_and_drops_it_when_it_opens_up(
    sqlite_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with a_plane(sqlite_url, tmp_path, clock) as plane:
        await _open_up(plane)


async def _open_up(plane: Plane) -> None:
    file = plane.settings.folder / LOCAL_KEY_FILE
    assert await open_first_door(plane.settings, plane.identity) is None
    secret = file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600
    assert (await plane.authenticate(secret)).role is Role.ADMIN
    await open_first_door(plane.settings, plane.identity)
    assert file.read_text().strip() == secret
    file.write_text("something else")
    await open_first_door(plane.settings, plane.identity)
    newer = file.read_text().strip()
    assert newer != secret
    plane.identity.authenticator.forget_all()
    with pytest.raises(UnauthenticatedError, match="revoked"):
        await plane.authenticate(secret)
    opened_up = plane.settings.model_copy(update={"http": HttpSettings(host="192.0.2.1")})
    await open_first_door(opened_up, plane.identity)
    assert not file.exists()
    plane.identity.authenticator.forget_all()
    with pytest.raises(UnauthenticatedError, match="revoked"):
        await plane.authenticate(newer)
