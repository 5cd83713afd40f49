"""`phoenix migrate`, and what the embedded default does at its start: the database at this version's schema."""

from phoenix_platform.adapters.sql.migrations.running import migrate as migrate_url
from phoenix_platform.server.settings import ServerSettings


async def migrate(settings: ServerSettings) -> str:
    """Bring the database of these settings up to date; says what was done.

    Raises:
        ConflictError: If its schema is newer than this version of Phoenix.
        InvalidInputError: If the URL is none, or row-level security would not bind its role.
        UnavailableError: If it cannot be reached.
    """
    done = await migrate_url(settings.database_url)
    if done.is_changed:
        return f"database: migrated from {done.before or 'nothing'} to {done.after}"
    return f"database: at {done.after} already; nothing to do"
