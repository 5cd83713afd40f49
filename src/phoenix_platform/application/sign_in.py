"""Sign in with a password, stay signed in, sign out, and choose a password by a one-time link.

Routes call these before anybody is known, so each finds its tenant itself. Hashing happens outside of
transactions: it takes a tenth of a second, and SQLite has one writer.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from phoenix_platform.application.changes import Change, write_change
from phoenix_platform.application.identity_ports import (
    AccessTokens,
    BeginIdentity,
    FindOwner,
    IdentityWork,
    Passwords,
    SignInCounters,
)
from phoenix_platform.application.ports import AllTenants
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import ConflictError, InvalidInputError
from phoenix_platform.core.ids import new_id
from phoenix_platform.core.tokens import TokenKind, check_token, new_token, token_hash
from phoenix_platform.domain.actors import Actor, ActorKind
from phoenix_platform.domain.permissions import Role
from phoenix_platform.domain.sessions import (
    EndReason,
    Session,
    SessionId,
    Use,
    family_hash_of,
    successor_of,
)
from phoenix_platform.domain.sign_in_limits import Limit, limits_of
from phoenix_platform.domain.sign_ins import TooManyAttemptsError, UnauthenticatedError
from phoenix_platform.domain.signing_keys import TOKEN_LIFE
from phoenix_platform.domain.tenants import DEFAULT_TENANT_NAME, TenantId
from phoenix_platform.domain.users import (
    MAX_PASSWORD_BYTES,
    User,
    UserId,
    checked_password,
    normal_password,
    user_name_of,
)

_WRONG: Final = "name or password is wrong, or the account is not in use"
_ATTEMPTS_AT_A_REFRESH: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """What a client keeps: a token for its requests, and one to get the next by."""

    access_token: str
    access_expires_at: datetime
    refresh_token: str
    session: Session
    user: User


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What signing in needs beside its input; built once at the start."""

    begin: BeginIdentity
    all_tenants: AllTenants
    find_owner: FindOwner
    counters: SignInCounters
    passwords: Passwords
    access_tokens: AccessTokens
    clock: Clock


async def sign_in(
    name: str, password: str, *, tenant: str = DEFAULT_TENANT_NAME, address: str, doors: Doors
) -> SignedIn:
    """Open a session for whoever knows the password.

    Raises:
        TooManyAttemptsError: If this account or this network tried too often.
        UnauthenticatedError: For every other reason; in the same words and the same time.
    """
    user_name = user_name_of(name)
    tenant_id = await _tenant_id(tenant, doors)
    counted = await _count(limits_of(tenant, user_name, address), doors)
    user = None if tenant_id is None else await _user(tenant_id, user_name, doors)
    usable = user.password_hash if user is not None and user.may_sign_in else None
    is_right = await doors.passwords.verify(_checkable(password), usable)
    if not is_right or user is None or usable is None:
        raise UnauthenticatedError(_WRONG)
    again = None
    if doors.passwords.is_outdated(usable):
        again = await doors.passwords.hash(normal_password(password))
    signed_in = await _open_session(user, again, seen_hash=usable, doors=doors)
    for limit in counted:
        await doors.counters.give_back(limit.key)
    return signed_in


async def refresh(token: str, *, doors: Doors) -> SignedIn:
    """The next tokens of a session.

    Raises:
        UnauthenticatedError: If the session is over, or is ended by this because the token is an old one.
    """
    tenant_id, session_id = await _owner(token, TokenKind.REFRESH, doors)
    for _ in range(_ATTEMPTS_AT_A_REFRESH):
        try:
            return await _refresh_once(token, tenant_id, SessionId(session_id), doors)
        except ConflictError:
            continue  # somebody used the same token at once, and was first: now it is the predecessor
    raise ConflictError("the session is being refreshed by too many at once; try again")


async def sign_out(token: str, *, doors: Doors) -> None:
    """End the session of this refresh token; its access tokens are worth nothing from now on.

    Raises:
        UnauthenticatedError: If the token belongs to no session.
    """
    tenant_id, session_id = await _owner(token, TokenKind.REFRESH, doors)
    async with doors.begin(tenant_id) as work:
        session = await work.sessions.get(SessionId(session_id))
        actor = _actor(await work.users.get(session.user_id))
        reason = EndReason.SIGNED_OUT
        await end_session(work, session, reason, actor=actor, clock=doors.clock)


async def set_up(token: str, password: str, *, name: str | None = None, doors: Doors) -> SignedIn:
    """Choose a password by a one-time link, and be signed in. The first link of a tenant makes its admin.

    Raises:
        InvalidInputError: If the password is too weak, or a first admin has no name.
        UnauthenticatedError: If the link was used or is too old.
    """
    tenant_id, link_id = await _owner(token, TokenKind.SETUP, doors)
    clock = doors.clock
    async with doors.begin(tenant_id) as work:
        link = await work.setup_tokens.get(link_id)
        link.use(clock.now())  # before anything expensive
        known = None if link.user_id is None else await work.users.get(link.user_id)
    if known is None and name is None:
        raise InvalidInputError("name: the first admin needs one to sign in with, such as ada")
    user_name = known.name if known is not None else user_name_of(name or "")
    hashed = await doors.passwords.hash(checked_password(password, name=user_name))
    async with doors.begin(tenant_id) as work:
        link = await work.setup_tokens.get(link_id)
        await work.setup_tokens.save_use(link.use(clock.now()))
        if link.user_id is None:
            user = await _first_admin(work, user_name, hashed, clock)
        else:
            user = (await work.users.get(link.user_id)).with_password_hash(hashed)
            user = await work.users.save(user)
            await end_sessions(
                work, user.id, EndReason.USER_CHANGED, actor=_actor(user), clock=clock
            )
            await _write(work, user, "user.set-password", clock)
    return await _open_session(user, None, seen_hash=hashed, doors=doors)


async def end_sessions(
    work: IdentityWork, user_id: UserId, reason: EndReason, *, actor: Actor, clock: Clock
) -> None:
    """End whatever sessions a user has."""
    for session in await work.sessions.live_of(user_id):
        await end_session(work, session, reason, actor=actor, clock=clock)


async def end_session(
    work: IdentityWork, session: Session, reason: EndReason, *, actor: Actor, clock: Clock
) -> None:
    if session.ended_at is not None:
        return
    await work.sessions.save(session.ended(reason, clock.now()))
    change = Change(
        action="session.end",
        target=f"session:{session.id}",
        topic="sessions",
        kind="session.ended",
        changes={"user_id": str(session.user_id), "end_reason": reason},
    )
    await write_change(work, change, actor=actor, clock=clock)


async def _refresh_once(
    token: str, tenant_id: TenantId, session_id: SessionId, doors: Doors
) -> SignedIn:
    clock = doors.clock
    async with doors.begin(tenant_id) as work:
        session = await work.sessions.get(session_id)
        user = await work.users.get(session.user_id)
        use = session.use_of(token, clock.now())
        match use:
            case Use.CURRENT:
                session = session.refreshed(token, nonce=secrets.token_hex(16), at=clock.now())
                await work.sessions.save(session)
            case Use.STALE:
                actor = _actor(user)
                await end_session(work, session, EndReason.TOKEN_REUSED, actor=actor, clock=clock)
            case Use.PREDECESSOR | Use.OVER:
                pass
    # Outside of the block: what ended the session must be committed, though nobody is let in.
    if use in (Use.STALE, Use.OVER) or not user.may_sign_in:
        raise UnauthenticatedError("the session is over; sign in again")
    return _signed_in(session, user, successor_of(token, session.nonce), doors)


async def _open_session(
    user: User, new_hash: str | None, *, seen_hash: str, doors: Doors
) -> SignedIn:
    clock, token = doors.clock, new_token(TokenKind.REFRESH)
    session = Session(
        id=SessionId(new_id(clock)),
        tenant_id=user.tenant_id,
        user_id=user.id,
        family_hash=family_hash_of(token),
        current_hash=token_hash(token),
        nonce="",
        created_at=clock.now(),
        refreshed_at=clock.now(),
    )
    async with doors.begin(user.tenant_id) as work:
        current = await work.users.get(user.id)
        if not current.may_sign_in or current.password_hash != seen_hash:
            raise UnauthenticatedError(_WRONG)  # changed while the password was looked at
        current = replace(current, password_hash=new_hash or seen_hash).signed_in(clock.now())
        saved = await work.users.save(current)
        await work.sessions.add(session)
        await _write(work, saved, "user.sign-in", clock, kind="user.signed-in")
    return _signed_in(session, saved, token, doors)


def _signed_in(session: Session, user: User, token: str, doors: Doors) -> SignedIn:
    return SignedIn(
        access_token=doors.access_tokens.issue(user.tenant_id, user.id, session.id),
        access_expires_at=doors.clock.now() + TOKEN_LIFE,
        refresh_token=token,
        session=session,
        user=user,
    )


async def _tenant_id(name: str, doors: Doors) -> TenantId | None:
    async with doors.all_tenants() as tenants:
        found = await tenants.by_name(name)
    return None if found is None else found.id


async def _user(tenant_id: TenantId, name: str, doors: Doors) -> User | None:
    async with doors.begin(tenant_id) as work:
        return await work.users.by_name(name)


async def _count(limits: Sequence[Limit], doors: Doors) -> Sequence[Limit]:
    """Count an attempt under each limit, the network's first: beyond it no account is counted.

    Raises:
        TooManyAttemptsError: If one is passed.
    """
    for limit in limits:
        now = doors.clock.now()
        count = await doors.counters.count(limit.key, now)
        if wait := count.seconds_to_wait(limit.attempts, now):
            raise TooManyAttemptsError(retry_after_seconds=wait)
    return limits


async def _owner(token: str, kind: TokenKind, doors: Doors) -> tuple[TenantId, UUID]:
    """Tenant and id of what this token opens; raise `UnauthenticatedError` if it opens nothing."""
    if check_token(token) is not kind:
        raise UnauthenticatedError(f"token: not one that begins with phx_{kind}_")
    shown = family_hash_of(token) if kind is TokenKind.REFRESH else token_hash(token)
    owner = await doors.find_owner(kind, shown)
    if owner is None:
        raise UnauthenticatedError("token: unknown")
    return owner.tenant_id, owner.id


async def _first_admin(work: IdentityWork, name: str, password_hash: str, clock: Clock) -> User:
    user = User(
        id=UserId(new_id(clock)),
        tenant_id=work.tenant_id,
        name=name,
        role=Role.ADMIN,
        password_hash=password_hash,
        created_at=clock.now(),
    )
    await work.users.add(user)
    await _write(work, user, "user.create", clock, kind="user.created")
    return user


async def _write(
    work: IdentityWork, user: User, action: str, clock: Clock, *, kind: str = "user.changed"
) -> None:
    change = Change(
        action=action,
        target=f"user:{user.id}",
        topic="users",
        kind=kind,
        changes={"name": user.name, "role": user.role},
    )
    await write_change(work, change, actor=_actor(user), clock=clock)


def _actor(user: User) -> Actor:
    """Whoever signs in acts for themselves."""
    return Actor(
        tenant_id=user.tenant_id,
        kind=ActorKind.USER,
        id=str(user.id),
        name=user.name,
        role=user.role,
    )


def _checkable(password: str) -> str:
    """The password as it was hashed; one that nobody could have chosen is as wrong as an empty one."""
    normal = normal_password(password)
    return normal if len(normal.encode()) <= MAX_PASSWORD_BYTES else ""
