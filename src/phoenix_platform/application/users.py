"""Users of a tenant: invite, change, remove, and let them change their own password."""

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from phoenix_platform.application.changes import Change, write_change
from phoenix_platform.application.identity_ports import BeginIdentity, IdentityWork, Passwords
from phoenix_platform.application.ports import Page, PageQuery
from phoenix_platform.application.sign_in import end_sessions
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import ConflictError, InvalidInputError
from phoenix_platform.core.ids import new_id
from phoenix_platform.core.tokens import TokenKind, new_token, token_hash
from phoenix_platform.domain.actors import Actor, ActorKind, ForbiddenError
from phoenix_platform.domain.api_keys import KeyOwner
from phoenix_platform.domain.permissions import PERMISSIONS_OF, Role
from phoenix_platform.domain.sessions import EndReason
from phoenix_platform.domain.setup_tokens import LIFE, SetupToken
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.domain.users import (
    User,
    UserId,
    checked_password,
    normal_password,
    user_name_of,
)

TOPIC: Final = "users"
CHANGED: Final = "user.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """A user with the secret of the link by which they choose a password; shown once."""

    user: User
    link: SetupToken
    secret: str


async def invite_user(
    name: str, role: Role, *, begin: BeginIdentity, actor: Actor, clock: Clock
) -> Invited:
    """Make a user, who chooses a password by the link.

    Raises:
        ConflictError: If the name is taken.
        ForbiddenError: If the role may more than the actor.
        InvalidInputError: If it is no user name.
    """
    check_grant(role, actor)
    user = User(
        id=UserId(new_id(clock)),
        tenant_id=actor.tenant_id,
        name=user_name_of(name),
        role=role,
        created_at=clock.now(),
    )
    async with begin(actor.tenant_id) as work:
        await work.users.add(user)
        link, secret = await add_link(work, user.id, clock)
        change = _change(user, "user.create", "user.created")
        await write_change(work, change, actor=actor, clock=clock)
    return Invited(user=user, link=link, secret=secret)


async def reset_password(
    user_id: UserId, *, begin: BeginIdentity, actor: Actor, clock: Clock
) -> Invited:
    """Give a user a new link; the password they have, and their sessions, end now.

    Raises:
        ForbiddenError: If the user may more than the actor.
    """
    async with begin(actor.tenant_id) as work:
        user = await work.users.get(user_id)
        check_grant(user.role, actor)
        saved = await work.users.save(replace(user, password_hash=None))
        await work.setup_tokens.remove_of(user_id)
        link, secret = await add_link(work, user_id, clock)
        await end_sessions(work, user_id, EndReason.USER_CHANGED, actor=actor, clock=clock)
        change = _change(saved, "user.reset-password", CHANGED)
        await write_change(work, change, actor=actor, clock=clock)
    return Invited(user=saved, link=link, secret=secret)


async def change_user(
    user_id: UserId,
    *,
    role: Role | None = None,
    is_disabled: bool | None = None,
    expected: int | None = None,
    begin: BeginIdentity,
    actor: Actor,
    clock: Clock,
) -> User:
    """Give a user another role, or lock or unlock the account; None leaves as it is.

    Raises:
        ConflictError: If it was changed since it was read, or is the last admin.
        ForbiddenError: If the user may more than the actor, now or then.
    """
    async with begin(actor.tenant_id) as work:
        user = await work.users.get(user_id)
        for one in {user.role, role or user.role}:
            check_grant(one, actor)
        check_version("user", user.version, expected)
        changed = replace(
            user,
            role=user.role if role is None else role,
            is_disabled=user.is_disabled if is_disabled is None else is_disabled,
        )
        if changed.role is not Role.ADMIN or changed.is_disabled:
            await _check_other_admin(work, user)
        saved = await work.users.save(changed)
        if saved.is_disabled:
            await end_sessions(work, user_id, EndReason.USER_CHANGED, actor=actor, clock=clock)
        change = _change(saved, "user.change", CHANGED)
        await write_change(work, change, actor=actor, clock=clock)
    return saved


async def remove_user(user_id: UserId, *, begin: BeginIdentity, actor: Actor, clock: Clock) -> None:
    """Remove a user; their sessions end and their keys are revoked. What they did stays in the audit trail.

    Raises:
        ConflictError: If it is the last admin.
        ForbiddenError: If the user may more than the actor.
    """
    async with begin(actor.tenant_id) as work:
        user = await work.users.get(user_id)
        check_grant(user.role, actor)
        await _check_other_admin(work, user)
        await end_sessions(work, user_id, EndReason.USER_CHANGED, actor=actor, clock=clock)
        await revoke_keys_of(work, KeyOwner.USER, user_id, clock)
        await work.setup_tokens.remove_of(user_id)
        await work.users.remove(user_id)
        change = _change(user, "user.remove", "user.removed")
        await write_change(work, change, actor=actor, clock=clock)


async def change_own_password(
    current: str,
    new: str,
    *,
    begin: BeginIdentity,
    passwords: Passwords,
    actor: Actor,
    clock: Clock,
) -> None:
    """Take another password; every session of the user ends, this one too.

    Raises:
        InvalidInputError: If the current password is wrong, the new one too weak, or the actor no user.
    """
    if actor.kind is not ActorKind.USER:
        raise InvalidInputError("only users have a password; sign in as one, with `phoenix login`")
    user_id = UserId(UUID(actor.id))
    async with begin(actor.tenant_id) as work:
        user = await work.users.get(user_id)
    if not await passwords.verify(normal_password(current), user.password_hash):
        raise InvalidInputError(
            "current: not the password of this account; sign in with a reset link"
        )
    hashed = await passwords.hash(checked_password(new, name=user.name))
    async with begin(actor.tenant_id) as work:
        saved = await work.users.save(user.with_password_hash(hashed))
        await end_sessions(work, user_id, EndReason.USER_CHANGED, actor=actor, clock=clock)
        change = _change(saved, "user.set-password", CHANGED)
        await write_change(work, change, actor=actor, clock=clock)


def check_grant(role: Role, actor: Actor) -> None:
    """Raise `ForbiddenError` unless the actor may do all that this role may.

    So a key that is narrowed to managing users cannot make, or take over, somebody who may more.
    """
    if beyond := PERMISSIONS_OF[role] - actor.permissions:
        raise ForbiddenError(
            f"role: {role} may {', '.join(sorted(beyond))}, which you may not; ask an admin"
        )


async def get_user(user_id: UserId, *, tenant_id: TenantId, begin: BeginIdentity) -> User:
    async with begin(tenant_id) as work:
        return await work.users.get(user_id)


async def list_users(query: PageQuery, *, tenant_id: TenantId, begin: BeginIdentity) -> Page[User]:
    async with begin(tenant_id) as work:
        return await work.users.page(query)


async def add_link(
    work: IdentityWork, user_id: UserId | None, clock: Clock
) -> tuple[SetupToken, str]:
    """A one-time link with its secret."""
    secret = new_token(TokenKind.SETUP)
    link = SetupToken(
        id=new_id(clock),
        tenant_id=work.tenant_id,
        token_hash=token_hash(secret),
        user_id=user_id,
        created_at=clock.now(),
        expires_at=clock.now() + LIFE,
    )
    await work.setup_tokens.add(link)
    return link, secret


async def revoke_keys_of(work: IdentityWork, kind: KeyOwner, owner_id: UUID, clock: Clock) -> None:
    """Revoke whatever keys an owner has, who goes; the change of the owner tells of it."""
    for key in await work.api_keys.of_owner(kind, owner_id):
        if key.revoked_at is None:
            await work.api_keys.save_revocation(key.revoked(clock.now()))


def check_version(noun: str, version: int, expected: int | None) -> None:
    if expected is not None and version != expected:
        raise ConflictError(
            f"If-Match: the {noun} is at version {version}, not {expected}; read it again",
            current=version,
        )


async def _check_other_admin(work: IdentityWork, user: User) -> None:
    """Raise `ConflictError` if nobody is left who can make others admin."""
    admins = await work.users.admins()
    if [admin.id for admin in admins] == [user.id]:
        raise ConflictError(f"{user.name} is the last admin; make somebody else one first")


def _change(user: User, action: str, kind: str) -> Change:
    return Change(
        action=action,
        target=f"user:{user.id}",
        topic=TOPIC,
        kind=kind,
        changes={
            "name": user.name,
            "role": user.role,
            "is_disabled": user.is_disabled,
            "version": user.version,
        },
    )
