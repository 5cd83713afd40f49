"""The keys of access tokens: made at the first start, rotated when due or asked for, forgotten when spent.

The server calls `keep_signing_keys` at the start and every minute, on each replica; whoever comes second does nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from phoenix_platform.application.changes import Change, write_change
from phoenix_platform.application.identity_ports import BeginIdentity, IdentityWork, KeyMaker
from phoenix_platform.application.ports import AllTenants
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import ConflictError
from phoenix_platform.domain.actors import Actor, ForbiddenError, is_home, system_actor
from phoenix_platform.domain.signing_keys import SigningKey, is_due, rotated
from phoenix_platform.domain.tenants import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyKeeping:
    """What keeping keys needs; built once at the start."""

    home: TenantId
    """In whose audit trail the keys' changes stand."""
    begin: BeginIdentity
    maker: KeyMaker
    clock: Clock


async def signing_keys(keeping: KeyKeeping) -> Sequence[SigningKey]:
    async with keeping.begin(keeping.home) as work:
        return await work.signing_keys.all()


async def keep_signing_keys(keeping: KeyKeeping) -> Sequence[SigningKey]:
    """Take the steps that are due, and give the keys of now."""
    keys = await signing_keys(keeping)
    while is_due(keys, keeping.clock.now()):
        keys = await _step(keeping, system_actor(keeping.home), only_if_due=True)
    now = keeping.clock.now()
    if spent := [key.kid for key in keys if not key.verifies(now)]:
        async with keeping.begin(keeping.home) as work:
            await work.signing_keys.remove(spent)
        keys = [key for key in keys if key.kid not in spent]
    return keys


async def rotate_signing_keys(
    keeping: KeyKeeping, *, all_tenants: AllTenants, actor: Actor
) -> Sequence[SigningKey]:
    """Let the waiting key take over now; the one before verifies until its last token has expired.

    Raises:
        ConflictError: If somebody else rotates at the same moment.
        ForbiddenError: If the actor is not of the tenant that runs the installation.
    """
    async with all_tenants() as tenants:
        if not is_home(await tenants.get(actor.tenant_id)):
            raise ForbiddenError("signing keys belong to the installation; ask who runs it")
    await keep_signing_keys(keeping)
    return await _step(keeping, actor, only_if_due=False)


async def _step(keeping: KeyKeeping, actor: Actor, *, only_if_due: bool) -> Sequence[SigningKey]:
    new = await keeping.maker.new_key()
    try:
        async with keeping.begin(keeping.home) as work:
            keys = await work.signing_keys.all()
            now = keeping.clock.now()
            if not only_if_due or is_due(keys, now):
                changed = rotated(keys, new, now)
                await work.signing_keys.save(changed)
                await _write(work, changed, actor, keeping.clock)
    except ConflictError:
        if not only_if_due:
            raise
        # Another replica was first, and its step is as good as ours.
    return await signing_keys(keeping)


async def _write(
    work: IdentityWork, changed: Sequence[SigningKey], actor: Actor, clock: Clock
) -> None:
    signing = next((key.kid for key in changed if key.is_signing), None)
    waiting = next((key.kid for key in changed if key.is_waiting), None)
    change = Change(
        action="signing-key.rotate",
        target=f"signing-key:{changed[-1].kid}",
        topic="signing-keys",
        kind="signing-key.rotated",
        changes={"signing": signing, "waiting": waiting},
    )
    await write_change(work, change, actor=actor, clock=clock)
