from pathlib import Path

from phoenix_platform.adapters.sql.migrations.running import newest_revision
from phoenix_platform.server.migrate import migrate
from phoenix_platform.server.settings import DatabaseSettings, ServerSettings


async def test_migrating_says_what_was_done_and_the_second_time_that_nothing_was(
    database_url: str,
) -> None:
    settings = ServerSettings(database=DatabaseSettings.model_validate({"url": database_url}))
    assert await migrate(settings) == f"database: at {newest_revision()} already; nothing to do"


async def test_a_new_file_is_made_where_the_data_directory_is(tmp_path: Path) -> None:
    settings = ServerSettings(data_directory=tmp_path / "data")
    assert await migrate(settings) == f"database: migrated from nothing to {newest_revision()}"
