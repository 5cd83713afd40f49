"""Forgets what nobody asks for any more: answers to idempotency keys. A job of every replica; the second finds nothing."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from phoenix_platform.adapters.sql.idempotency import remove_keys_before
from phoenix_platform.adapters.sql.transactions import Transactions, Work
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import UnavailableError

KEY_LIFE: Final = timedelta(days=1)
"""How long a request may be sent again with its key: longer than any client keeps trying."""
EVERY: Final = timedelta(hours=1)
_log = structlog.get_logger("phoenix.tidying")


async def tidy(transactions: Transactions[Work], clock: Clock) -> None:
    """Again and again, until cancelled."""
    while True:
        try:
            await tidy_once(transactions, clock)
        except UnavailableError as error:
            _log.warning("old answers could not be removed; trying again", error=str(error))
        await asyncio.sleep(EVERY.total_seconds())


async def tidy_once(transactions: Transactions[Work], clock: Clock) -> int:
    """How many answers were removed."""
    async with transactions.every_tenant() as connection:
        return await remove_keys_before(connection, clock.now() - KEY_LIFE)
