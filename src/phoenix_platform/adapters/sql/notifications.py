"""PostgreSQL's LISTEN and NOTIFY: rings the bells of this process when another one wrote.

A notification may be lost with its connection; everybody polls too, so that it only delays.
"""

import asyncio
import secrets
from typing import Any, Final

import asyncpg
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from phoenix_platform.adapters.sql.engines import Database, connect_arguments
from phoenix_platform.adapters.sql.wakeups import Bell, Bells

WAITING: Final = "phoenix_waiting"
PUBLISHED: Final = "phoenix_published"
_driver: Final[Any] = asyncpg
"""It comes without types."""
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 5.0


async def notify(connection: AsyncConnection, channel: str) -> None:
    """Tell the other processes, once this transaction is committed; SQLite has none."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_notify(channel, "")))


async def listen(database: Database, bells: Bells) -> None:
    """Ring the bells at each notification, until cancelled; connects again whenever it must."""
    if database.is_sqlite:
        return
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            await _listen_once(database, bells)
            pause = _FIRST_PAUSE_SECONDS
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            # Polling goes on meanwhile, and /readyz says that the database is away.
            await asyncio.sleep(pause * (0.5 + secrets.randbelow(1000) / 1000))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


async def _listen_once(database: Database, bells: Bells) -> None:
    """Listen until the connection ends."""
    url, ended = database.url, asyncio.Event()
    host, port = url.host or url.query.get("host"), url.port or url.query.get("port")
    connection = await _driver.connect(
        host=host,
        port=None if port is None else int(str(port)),
        user=url.username,
        password=None if url.password is None else str(url.password),
        database=url.database,
        **connect_arguments(url, database.limits),
    )
    try:
        connection.add_termination_listener(_setting(ended))
        await connection.add_listener(WAITING, _ringing(bells.waiting))
        await connection.add_listener(PUBLISHED, _ringing(bells.published))
        bells.ring_all()  # for what was missed while nobody listened
        await ended.wait()
    finally:
        connection.terminate()


def _setting(event: asyncio.Event) -> Any:
    def set_(_connection: object) -> None:
        event.set()

    return set_


def _ringing(bell: Bell) -> Any:
    def ring(_connection: object, _pid: int, _channel: str, _payload: str) -> None:
        bell.ring()

    return ring
