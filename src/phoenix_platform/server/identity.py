"""Builds identity from settings and database, and opens the first door: `server.composition` calls it at the start.

Embedded on loopback, an admin's key lies in the data directory (0600), where the command line finds it; nobody signs
in. Otherwise the first start prints a one-time link by which the first admin chooses name and password.
"""

import ipaddress
from pathlib import Path
from typing import Final

import structlog

from phoenix_platform.adapters.jwt.access_tokens import JwtAccessTokens, RsaKeyMaker
from phoenix_platform.adapters.key_files.private_files import put_private
from phoenix_platform.adapters.key_files.sealers import sealer_of
from phoenix_platform.adapters.passwords.argon2 import Argon2Passwords
from phoenix_platform.adapters.sql.engines import Database
from phoenix_platform.adapters.sql.sign_in_counters import SqlSignInCounters
from phoenix_platform.adapters.sql.token_owners import SqlTokenOwners
from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.application.api_keys import issue_local_key, revoke_local_keys
from phoenix_platform.application.authentication import Authenticator
from phoenix_platform.application.identity_ports import IdentityWork
from phoenix_platform.application.sign_in import Doors
from phoenix_platform.application.signing_keys import KeyKeeping, keep_signing_keys, signing_keys
from phoenix_platform.application.tenants import default_tenant, first_link
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.local_files import LOCAL_KEY_FILE
from phoenix_platform.domain.actors import ActorKind
from phoenix_platform.domain.sign_ins import UnauthenticatedError
from phoenix_platform.server.authentication import Identity
from phoenix_platform.server.settings import ServerSettings

KEY_FILE: Final = "signing-keys.key"
_log = structlog.get_logger("phoenix.identity")


async def open_identity(
    settings: ServerSettings,
    database: Database,
    transactions: Transactions[IdentityWork],
    clock: Clock,
) -> Identity:
    """Who is who over this database, which has the schema of this version.

    Raises:
        InvalidInputError: If the key file holds none, or others may read it.
        UnavailableError: If it is not the one that the signing keys were encrypted with.
    """
    begin, all_tenants = transactions.begin, transactions.all_tenants
    home = await default_tenant(all_tenants=all_tenants, begin=begin, clock=clock)
    sealer = sealer_of(settings.folder / KEY_FILE)
    keeping = KeyKeeping(home=home.id, begin=begin, maker=RsaKeyMaker(sealer, clock), clock=clock)
    access_tokens = JwtAccessTokens(
        sealer=sealer, reload=lambda: signing_keys(keeping), clock=clock
    )
    access_tokens.load(await keep_signing_keys(keeping))
    find_owner, passwords = SqlTokenOwners(database), Argon2Passwords()
    return Identity(
        doors=Doors(
            begin=begin,
            all_tenants=all_tenants,
            find_owner=find_owner,
            counters=SqlSignInCounters(database),
            passwords=passwords,
            access_tokens=access_tokens,
            clock=clock,
        ),
        keeping=keeping,
        access_tokens=access_tokens,
        passwords=passwords,
        authenticator=Authenticator(
            begin=begin,
            read=transactions.read,
            find_owner=find_owner,
            access_tokens=access_tokens,
            clock=clock,
        ),
        all_tenants=all_tenants,
    )


async def open_first_door(settings: ServerSettings, identity: Identity) -> str | None:
    """Put the local key where the command line takes it; else the path of the set-up link, while nobody signs in.

    Returns:
        `/setup#phx_set_…`, to be printed once behind the address of the server; None: it is not needed.
    """
    doors, home = identity.doors, identity.keeping.home
    file = settings.folder / LOCAL_KEY_FILE
    if is_for_one_machine(settings):
        if not await _opens(_secret_in(file), identity):
            issued = await issue_local_key(home, begin=doors.begin, clock=doors.clock)
            put_private(file, f"{issued.secret}\n".encode())
            _log.info("admin key written for the command line", file=str(file))
        return None
    await revoke_local_keys(home, begin=doors.begin, clock=doors.clock)
    file.unlink(missing_ok=True)
    secret = await first_link(home, begin=doors.begin, clock=doors.clock)
    return None if secret is None else f"/setup#{secret}"


def is_for_one_machine(settings: ServerSettings) -> bool:
    """Whether state is in a file of this process, and nobody beyond this machine gets in."""
    if not settings.is_embedded:
        return False
    host = settings.http.host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _secret_in(file: Path) -> str | None:
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


async def _opens(secret: str | None, identity: Identity) -> bool:
    """Whether it is a key of this server."""
    if secret is None:
        return False
    try:
        actor = await identity.authenticator.authenticate(secret)
    except UnauthenticatedError:
        return False
    return actor.kind is ActorKind.LOCAL
