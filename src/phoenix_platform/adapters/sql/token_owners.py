"""Whose a token is, over all tenants: by its hash, in the table of its kind."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from sqlalchemy import Column, select

from phoenix_platform.adapters.sql.api_keys import api_keys
from phoenix_platform.adapters.sql.engines import Database
from phoenix_platform.adapters.sql.hosts import enrollment_tokens, host_credentials
from phoenix_platform.adapters.sql.scopes import bind_every_tenant
from phoenix_platform.adapters.sql.sessions import sessions
from phoenix_platform.adapters.sql.setup_tokens import setup_tokens
from phoenix_platform.application.identity_ports import TokenOwner
from phoenix_platform.core.tokens import TokenKind
from phoenix_platform.domain.tenants import TenantId

_PLACES: Final[Mapping[TokenKind, tuple[Column[str], Column[UUID]]]] = {
    TokenKind.AGENT: (host_credentials.c.credential_hash, host_credentials.c.host_id),
    TokenKind.ENROLLMENT: (enrollment_tokens.c.token_hash, enrollment_tokens.c.id),
    TokenKind.API_KEY: (api_keys.c.token_hash, api_keys.c.id),
    TokenKind.REFRESH: (sessions.c.family_hash, sessions.c.id),
    TokenKind.SETUP: (setup_tokens.c.token_hash, setup_tokens.c.id),
}
"""Per kind: the column of its hash, and that of what it opens."""


class SqlTokenOwners:
    """`FindOwner` of `application.identity_ports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, kind: TokenKind, token_hash: str) -> TokenOwner | None:
        hash_, id_ = _PLACES[kind]
        statement = select(hash_.table.c.tenant_id, id_).where(hash_ == token_hash)
        async with self._database.transaction(read_only=True) as connection:
            await bind_every_tenant(connection)
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else TokenOwner(TenantId(row[0]), row[1])
