import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select
from tests.identity_parts import WORDS, Plane

from phoenix_platform.adapters.sql.leases import SqlLeases
from phoenix_platform.adapters.sql.metadata import METADATA
from phoenix_platform.adapters.sql.outbox import EventLog
from phoenix_platform.adapters.sql.publishing import follow, publish_events
from phoenix_platform.application.api_keys import NewKey, revoke_api_key
from phoenix_platform.application.hosts import remove_host
from phoenix_platform.application.service_accounts import (
    change_service_account,
    remove_service_account,
)
from phoenix_platform.application.users import change_user, remove_user
from phoenix_platform.core.clock import FixedClock, SystemClock
from phoenix_platform.core.tokens import FIND_TOKENS, TokenKind, new_token
from phoenix_platform.domain.actors import Actor, ActorKind
from phoenix_platform.domain.api_keys import USE_RESOLUTION
from phoenix_platform.domain.permissions import Permission, Role
from phoenix_platform.domain.sign_ins import UnauthenticatedError
from phoenix_platform.domain.signing_keys import TOKEN_LIFE
from phoenix_platform.server.authentication import keep_once
from phoenix_platform.server.event_feed import feed
from phoenix_platform.server.hub import Hub


async def until_refused(plane: Plane, token: str, seconds: float) -> None:
    """Ask again and again, as requests would; a TimeoutError if it goes on being let in."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                await plane.authenticate(token)
            except UnauthenticatedError:
                return
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def fed(*planes: Plane) -> AsyncGenerator[None]:
    """The jobs of replicas that publish the outbox and hear of it."""
    jobs: list[asyncio.Task[None]] = []
    for number, plane in enumerate(planes):
        log, hub = EventLog(plane.database, plane.bells), Hub(max_backlog=10, max_subscribers=10)
        hub.start_at(await log.newest())
        leases = SqlLeases(plane.database, f"replica-{number}")
        listeners = [plane.identity.authenticator]
        following = feed(hub, log, partial(follow, log), listeners=listeners)
        publishing = publish_events(log, leases, clock=SystemClock())
        jobs += [asyncio.create_task(following), asyncio.create_task(publishing)]
    try:
        yield
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)


async def test_an_api_key_acts_for_its_owner_narrowed_to_its_scopes(plane: Plane) -> None:
    account = await plane.service_account("ci", Role.EXPERIMENTER)
    whole = await plane.key_of(account)
    scopes = frozenset({Permission.HOSTS_READ, Permission.USERS_MANAGE})
    narrow = await plane.key_of(
        account, NewKey(name="narrow", scopes=scopes, service_account=account.id)
    )
    actor = await plane.authenticate(whole.secret)
    assert actor == Actor(
        tenant_id=plane.home,
        kind=ActorKind.SERVICE_ACCOUNT,
        id=str(account.id),
        name="ci",
        role=Role.EXPERIMENTER,
    )
    assert await plane.authenticate(narrow.secret) == replace(actor, scopes=scopes)
    assert (await plane.authenticate(narrow.secret)).permissions == {Permission.HOSTS_READ}


async def test_an_agents_credential_acts_for_its_host_in_its_tenant(plane: Plane) -> None:
    tenant = await plane.tenant("team-a")
    host, credential = await plane.host("web-1", tenant.id)
    actor = await plane.authenticate(credential)
    assert (actor.kind, actor.id, actor.tenant_id) == (ActorKind.AGENT, str(host.id), tenant.id)
    assert actor.permissions == {Permission.AGENT_REPORT}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "phx_key_",
        "phx_key_" + "a" * 36,
        pytest.param(new_token(TokenKind.API_KEY), id="api_key"),
        pytest.param(new_token(TokenKind.AGENT), id="agent"),
        pytest.param(new_token(TokenKind.ENROLLMENT), id="enrollment"),
        pytest.param(new_token(TokenKind.SETUP), id="setup"),
        pytest.param(new_token(TokenKind.REFRESH), id="refresh"),
        "a.b.c",
        "é" * 100,
    ],
)
async def test_nobody_is_behind_other_texts(plane: Plane, token: str) -> None:
    with pytest.raises(UnauthenticatedError) as refused:
        await plane.authenticate(token)
    assert not token or token not in str(refused.value)


async def test_a_refresh_token_and_a_link_open_no_request(plane: Plane) -> None:
    signed_in = await plane.first_admin()
    with pytest.raises(UnauthenticatedError, match="opens no request"):
        await plane.authenticate(signed_in.refresh_token)


async def test_a_key_of_a_disabled_owner_opens_nothing_until_it_is_enabled(plane: Plane) -> None:
    account = await plane.service_account("ci", Role.VIEWER)
    key = await plane.key_of(account)
    change = partial(
        change_service_account,
        account.id,
        begin=plane.transactions.begin,
        actor=plane.system,
        clock=plane.clock,
    )
    await change(is_disabled=True)
    with pytest.raises(UnauthenticatedError, match="ci is disabled"):
        await plane.authenticate(key.secret)
    await change(is_disabled=False)
    await plane.authenticate(key.secret)


async def test_a_key_of_a_removed_owner_opens_nothing(plane: Plane) -> None:
    account = await plane.service_account("ci", Role.VIEWER)
    key = await plane.key_of(account)
    begin, clock = plane.transactions.begin, plane.clock
    await remove_service_account(account.id, begin=begin, actor=plane.system, clock=clock)
    with pytest.raises(UnauthenticatedError, match="revoked"):
        await plane.authenticate(key.secret)


async def test_a_key_expires_though_it_is_remembered(plane: Plane, clock: FixedClock) -> None:
    account = await plane.service_account("ci", Role.VIEWER)
    key = await plane.key_of(
        account, NewKey(name="short", life=timedelta(minutes=1), service_account=account.id)
    )
    await plane.authenticate(key.secret)
    clock.advance(60)
    with pytest.raises(UnauthenticatedError, match="revoked or expired"):
        await plane.authenticate(key.secret)


async def test_an_access_token_expires_though_it_is_remembered(
    plane: Plane, clock: FixedClock
) -> None:
    signed_in = await plane.first_admin()
    await plane.authenticate(signed_in.access_token)
    clock.advance(TOKEN_LIFE.total_seconds())
    with pytest.raises(UnauthenticatedError, match="expired"):
        await plane.authenticate(signed_in.access_token)


async def test_a_known_token_costs_no_query(plane: Plane) -> None:
    signed_in = await plane.first_admin()
    actor = await plane.authenticate(signed_in.access_token)
    await plane.database.close()
    assert await plane.authenticate(signed_in.access_token) == actor


async def test_revocations_reach_every_replica_within_two_seconds(
    plane: Plane, replica: Plane
) -> None:
    admin = await plane.first_admin()
    account = await plane.service_account("ci", Role.VIEWER)
    key = await plane.key_of(account)
    host, credential = await plane.host("web-1")
    bob = await plane.user("bob", Role.VIEWER)
    bobs = await plane.sign_in("bob")
    begin, actor, clock = plane.transactions.begin, plane.system, plane.clock
    tokens = [admin.access_token, key.secret, credential, bobs.access_token]
    async with fed(plane, replica):
        for token in tokens:
            for one in (plane, replica):
                await one.authenticate(token)
        await revoke_api_key(key.key.id, begin=begin, actor=actor, clock=clock)
        await remove_host(host.id, begin=begin, actor=actor, clock=clock)
        await change_user(bob.id, is_disabled=True, begin=begin, actor=actor, clock=clock)
        loop = asyncio.get_running_loop()
        committed = loop.time()
        for token in tokens[1:]:
            for one in (plane, replica):
                await until_refused(one, token, 20)
        seconds = loop.time() - committed
        await replica.authenticate(admin.access_token)
    # Two polls of a second each at the most; the machine of a test may be ten times slower.
    assert seconds < 20


async def test_a_role_is_that_of_now(plane: Plane, replica: Plane) -> None:
    await plane.first_admin()
    bob = await plane.user("bob", Role.VIEWER)
    token = (await plane.sign_in("bob")).access_token
    assert (await replica.authenticate(token)).role is Role.VIEWER
    begin, clock = plane.transactions.begin, plane.clock
    await change_user(bob.id, role=Role.OPERATOR, begin=begin, actor=plane.system, clock=clock)
    replica.identity.authenticator.hear(f"user:{bob.id}", "user.changed")
    assert (await replica.authenticate(token)).role is Role.OPERATOR


async def test_other_events_forget_nobody_and_missed_ones_everybody(plane: Plane) -> None:
    account = await plane.service_account("ci", Role.VIEWER)
    key = await plane.key_of(account)
    await plane.authenticate(key.secret)
    begin, clock = plane.transactions.begin, plane.clock
    await revoke_api_key(key.key.id, begin=begin, actor=plane.system, clock=clock)
    authenticator = plane.identity.authenticator
    authenticator.hear(f"api-key:{key.key.id}", "api-key.issued")
    authenticator.hear("api-key:other", "api-key.revoked")
    await plane.authenticate(key.secret)
    authenticator.forget_all()
    with pytest.raises(UnauthenticatedError):
        await plane.authenticate(key.secret)


async def test_the_last_use_of_a_key_is_written_about_once_a_minute(
    plane: Plane, clock: FixedClock
) -> None:
    account = await plane.service_account("ci", Role.VIEWER)
    key = await plane.key_of(account)

    async def last_use() -> object:
        await plane.identity.authenticator.write_uses()
        async with plane.transactions.read(plane.home) as work:
            return (await work.api_keys.get(key.key.id)).last_used_at

    assert await last_use() is None
    first = clock.now()
    await plane.authenticate(key.secret)
    assert await last_use() == first
    clock.advance(USE_RESOLUTION.total_seconds() - 1)
    await plane.authenticate(key.secret)
    assert await last_use() == first
    clock.advance(1)
    await plane.authenticate(key.secret)
    assert await last_use() == clock.now()


async def test_a_removed_user_is_signed_out_and_their_keys_are_gone(plane: Plane) -> None:
    await plane.first_admin()
    bob = await plane.user("bob", Role.VIEWER)
    token = (await plane.sign_in("bob")).access_token
    begin, clock = plane.transactions.begin, plane.clock
    await remove_user(bob.id, begin=begin, actor=plane.system, clock=clock)
    with pytest.raises(UnauthenticatedError, match="session is over"):
        await plane.authenticate(token)


async def test_the_database_holds_nothing_that_opens_anything(plane: Plane) -> None:
    signed_in = await plane.first_admin()
    account = await plane.service_account("ci", Role.ADMIN)
    key = await plane.key_of(account)
    _, credential = await plane.host("web-1")
    await plane.authenticate(signed_in.access_token)
    rows: list[str] = []
    async with plane.transactions.every_tenant() as connection:
        for table in METADATA.sorted_tables:
            found = await connection.execute(select(table))
            rows += [repr(tuple(row)) for row in found]
    text = "\n".join(rows)
    assert "phx_key_" in text  # hints are there
    assert re.findall(FIND_TOKENS, text) == []
    for secret in (signed_in.access_token, signed_in.refresh_token, key.secret, credential, WORDS):
        assert secret not in text
    assert "PRIVATE KEY" not in text


async def test_keeping_forgets_old_counts_and_sessions_and_keeps_the_rest(
    plane: Plane, clock: FixedClock
) -> None:
    admin = await plane.first_admin()
    with pytest.raises(UnauthenticatedError):
        await plane.sign_in("ada", "wrong")
    await keep_once(plane.identity)
    async with plane.transactions.read(plane.home) as work:
        await work.sessions.get(admin.session.id)
    clock.advance(timedelta(days=100).total_seconds())
    await keep_once(plane.identity)
    counters = METADATA.tables["sign_in_counters"]
    sessions = METADATA.tables["sessions"]
    async with plane.transactions.every_tenant() as connection:
        assert (await connection.execute(select(counters))).all() == []
        assert (await connection.execute(select(sessions))).all() == []


async def test_only_so_many_tokens_are_remembered(plane: Plane) -> None:
    account = await plane.service_account("ci", Role.VIEWER)
    keys = [
        await plane.key_of(account, NewKey(name=f"k{number}", service_account=account.id))
        for number in range(3)
    ]
    authenticator = plane.identity.authenticator
    authenticator._max_remembered = 2
    for key in (keys[0], keys[1], keys[0], keys[2]):
        await plane.authenticate(key.secret)
    assert len(authenticator._known) == 2
    begin, clock = plane.transactions.begin, plane.clock
    for key in keys:
        await revoke_api_key(key.key.id, begin=begin, actor=plane.system, clock=clock)
    await plane.authenticate(keys[0].secret)
    with pytest.raises(UnauthenticatedError):
        await plane.authenticate(keys[1].secret)
