"""What the routes of identity stand on, and the jobs that keep it; `server.identity` builds it from settings."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias

import structlog
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from phoenix_platform.adapters.jwt.access_tokens import JwtAccessTokens
from phoenix_platform.adapters.passwords.argon2 import Argon2Passwords
from phoenix_platform.application.authentication import Authenticator
from phoenix_platform.application.identity_ports import BeginIdentity
from phoenix_platform.application.ports import AllTenants
from phoenix_platform.application.sign_in import Doors
from phoenix_platform.application.signing_keys import KeyKeeping, keep_signing_keys
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.domain.sessions import LONGEST_LIFE
from phoenix_platform.domain.sign_in_limits import WINDOW

_KEEP_SECONDS: Final = 60.0
_LEFT_STANDING: Final = timedelta(days=1)
"""How long an ended session and an old count stay, for whoever looks into a break-in."""
_log = structlog.get_logger("phoenix.identity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who is who, in this process."""

    doors: Doors
    keeping: KeyKeeping
    access_tokens: JwtAccessTokens
    passwords: Argon2Passwords
    authenticator: Authenticator
    all_tenants: AllTenants


IdentityDep: TypeAlias = NamedDependency[SkipValidation[Identity]]
"""`identity`"""
BeginIdentityDep: TypeAlias = NamedDependency[SkipValidation[BeginIdentity]]
"""`begin`, with the repositories of identity."""


async def keep_identity(identity: Identity) -> None:
    """The job of every replica: keys of now, last uses written, what is over forgotten. Runs until cancelled."""
    try:
        while True:
            await asyncio.sleep(_KEEP_SECONDS)
            try:
                await keep_once(identity)
            except UnavailableError as error:
                _log.warning("identity could not be kept; trying again", error=str(error))
    finally:
        await identity.authenticator.write_uses()
        identity.passwords.close()


async def keep_once(identity: Identity) -> None:
    """One turn of the job."""
    identity.access_tokens.load(await keep_signing_keys(identity.keeping))
    await identity.authenticator.write_uses()
    doors = identity.doors
    now = doors.clock.now()
    await doors.counters.remove_before(now - WINDOW - _LEFT_STANDING)
    async with identity.all_tenants() as tenants:
        everybody = await tenants.all()
    for tenant in everybody:
        async with doors.begin(tenant.id) as work:
            await work.sessions.remove_expired(now - LONGEST_LIFE - _LEFT_STANDING)
