"""Identity over a real database, for tests; a second one over the same database is another replica."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from phoenix_platform.adapters.sql.engines import Database, open_database
from phoenix_platform.adapters.sql.identity_units import identity_work_of
from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.adapters.sql.wakeups import Bells
from phoenix_platform.application.api_keys import IssuedKey, NewKey, issue_api_key
from phoenix_platform.application.identity_ports import IdentityWork
from phoenix_platform.application.service_accounts import create_service_account
from phoenix_platform.application.sign_in import SignedIn, set_up, sign_in
from phoenix_platform.application.tenants import create_tenant, first_link
from phoenix_platform.application.users import invite_user
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.ids import new_id
from phoenix_platform.core.tokens import TokenKind, new_token, token_hash
from phoenix_platform.domain.actors import Actor, system_actor
from phoenix_platform.domain.hosts import Host, HostId, HostKind
from phoenix_platform.domain.permissions import Role
from phoenix_platform.domain.service_accounts import ServiceAccount
from phoenix_platform.domain.tenants import Tenant, TenantId
from phoenix_platform.domain.users import User
from phoenix_platform.server.authentication import Identity
from phoenix_platform.server.identity import open_identity
from phoenix_platform.server.settings import DatabaseSettings, ServerSettings

WORDS = "correct horse battery"
"""The password of everybody."""
ADDRESS = "192.0.2.7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """One replica."""

    settings: ServerSettings
    database: Database
    bells: Bells
    transactions: Transactions[IdentityWork]
    identity: Identity
    clock: Clock

    @property
    def home(self) -> TenantId:
        return self.identity.keeping.home

    @property
    def system(self) -> Actor:
        """May everything in the home tenant."""
        return system_actor(self.home)

    async def first_admin(self, name: str = "ada") -> SignedIn:
        """The admin of the home tenant, made by the link of the first start."""
        begin = self.transactions.begin
        secret = await first_link(self.home, begin=begin, clock=self.clock)
        assert secret is not None
        return await set_up(secret, WORDS, name=name, doors=self.identity.doors)

    async def user(self, name: str, role: Role, tenant_id: TenantId | None = None) -> User:
        """A user who has chosen the password."""
        actor = self.system if tenant_id is None else system_actor(tenant_id)
        invited = await invite_user(
            name, role, begin=self.transactions.begin, actor=actor, clock=self.clock
        )
        return (await set_up(invited.secret, WORDS, doors=self.identity.doors)).user

    async def tenant(self, name: str) -> Tenant:
        created = await create_tenant(
            name,
            all_tenants=self.identity.all_tenants,
            begin=self.transactions.begin,
            actor=self.system,
            clock=self.clock,
        )
        return created.tenant

    async def service_account(
        self, name: str, role: Role, tenant_id: TenantId | None = None
    ) -> ServiceAccount:
        actor = self.system if tenant_id is None else system_actor(tenant_id)
        return await create_service_account(
            name, role, begin=self.transactions.begin, actor=actor, clock=self.clock
        )

    async def key_of(self, account: ServiceAccount, new: NewKey | None = None) -> IssuedKey:
        new = new or NewKey(name="test", service_account=account.id)
        actor = system_actor(account.tenant_id)
        return await issue_api_key(
            new, begin=self.transactions.begin, actor=actor, clock=self.clock
        )

    async def host(self, name: str, tenant_id: TenantId | None = None) -> tuple[Host, str]:
        """A host, and its agent's credential."""
        host = Host(
            id=HostId(new_id(self.clock)),
            tenant_id=tenant_id or self.home,
            name=name,
            kind=HostKind.AGENT,
            instance_uid=new_id(self.clock).hex,
            enrolled_at=self.clock.now(),
        )
        credential = new_token(TokenKind.AGENT)
        async with self.transactions.begin(host.tenant_id) as work:
            await work.hosts.add(host)
            await work.credentials.put(host.id, token_hash(credential))
        return host, credential

    async def sign_in(self, name: str, password: str = WORDS, **where: str) -> SignedIn:
        address = where.pop("address", ADDRESS)
        return await sign_in(name, password, address=address, doors=self.identity.doors, **where)

    async def authenticate(self, token: str) -> Actor:
        return await self.identity.authenticator.authenticate(token)


@asynccontextmanager
async def a_plane(url: str, folder: Path, clock: Clock) -> AsyncGenerator[Plane]:
    """A replica over this database, with its key file in this folder."""
    settings = ServerSettings(data_directory=folder, database=DatabaseSettings(url=SecretStr(url)))
    database, bells = open_database(url), Bells()
    try:
        transactions = Transactions(database, bells, identity_work_of)
        identity = await open_identity(settings, database, transactions, clock)
        try:
            yield Plane(
                settings=settings,
                database=database,
                bells=bells,
                transactions=transactions,
                identity=identity,
                clock=clock,
            )
        finally:
            identity.passwords.close()
    finally:
        await database.close()
