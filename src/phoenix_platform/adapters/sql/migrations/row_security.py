"""Row-level security of PostgreSQL, for the migrations that make tables of tenants; SQLite has none.

FORCE binds the owner of the table too, so that the server may run as the role that migrates.
"""

from typing import Final

from alembic import op

from phoenix_platform.adapters.sql.scopes import EVERY_TENANT_SETTING, TENANT_SETTING

_POLICY: Final = "tenant"
# nullif: after a transaction that set it, the setting of a pooled connection is '' and not NULL.
_IS_OURS: Final = (
    f"tenant_id = nullif(current_setting('{TENANT_SETTING}', true), '')::uuid "
    f"OR current_setting('{EVERY_TENANT_SETTING}', true) = 'on'"
)


def protect(*tables: str) -> None:
    """Show each transaction the rows of its tenant in these tables, and let it write no others."""
    if op.get_context().dialect.name != "postgresql":
        return
    for table in tables:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY {_POLICY} ON {table} USING ({_IS_OURS}) WITH CHECK ({_IS_OURS})")
