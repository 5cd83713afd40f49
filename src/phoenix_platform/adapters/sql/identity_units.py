"""Assembles the repositories of one transaction, those of identity beside the others."""

from dataclasses import fields

from phoenix_platform.adapters.sql.api_keys import SqlApiKeys
from phoenix_platform.adapters.sql.scopes import Scope
from phoenix_platform.adapters.sql.service_accounts import SqlServiceAccounts
from phoenix_platform.adapters.sql.sessions import SqlSessions
from phoenix_platform.adapters.sql.setup_tokens import SqlSetupTokens
from phoenix_platform.adapters.sql.signing_keys import SqlSigningKeys
from phoenix_platform.adapters.sql.units import work_of
from phoenix_platform.adapters.sql.users import SqlUsers
from phoenix_platform.application.identity_ports import IdentityWork


def identity_work_of(scope: Scope) -> IdentityWork:
    """For `Transactions` in place of `work_of`."""
    work = work_of(scope)
    return IdentityWork(
        **{field.name: getattr(work, field.name) for field in fields(work)},
        users=SqlUsers(scope),
        service_accounts=SqlServiceAccounts(scope),
        api_keys=SqlApiKeys(scope),
        sessions=SqlSessions(scope),
        setup_tokens=SqlSetupTokens(scope),
        signing_keys=SqlSigningKeys(scope.connection),
    )
