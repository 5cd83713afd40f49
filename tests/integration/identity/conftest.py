"""Identity over a real database: each test once on SQLite and once on PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.identity_parts import Plane, a_plane

from phoenix_platform.core.clock import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def plane(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Plane]:
    async with a_plane(database_url, tmp_path, clock) as opened:
        yield opened


@pytest.fixture
async def replica(
    plane: Plane, database_url: str, tmp_path: Path, clock: FixedClock
) -> AsyncIterator[Plane]:
    """A second process over the same database, with the same key file."""
    async with a_plane(database_url, tmp_path, clock) as opened:
        yield opened
