"""Passwords by argon2id, two at a time in threads of their own, so that sign-ins delay no other request."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from phoenix_platform.core.errors import UnavailableError

T = TypeVar("T")

THREADS: Final = 2
MAX_WAITING: Final = 64
"""Hashes that wait for a thread; one more is refused with 503. At 50 ms each, that is two seconds of work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    memory_kib: int = 19 * 1024
    """OWASP's least for argon2id with t=2, p=1 (Password Storage Cheat Sheet): two at once take 38 MiB."""
    rounds: int = 2


class Argon2Passwords:
    """`Passwords` of `application.identity_ports`."""

    def __init__(self, cost: Cost | None = None) -> None:
        cost = cost or Cost()
        self._hasher = PasswordHasher(
            time_cost=cost.rounds, memory_cost=cost.memory_kib, parallelism=1, type=Type.ID
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._waiting = 0
        # Verified in place of a hash that is not there: as costly, and matched by nothing.
        self._nobody = self._hasher.hash(secrets.token_hex(32))

    async def hash(self, password: str) -> str:
        """Raise `UnavailableError` if too many wait."""
        return await self._in_thread(self._hasher.hash, password)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether it is the one; raise `UnavailableError` if too many wait."""
        matches = await self._in_thread(self._matches, password_hash or self._nobody, password)
        return matches and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """Wait for the hashes under way, and end the threads."""
        self._threads.shutdown()

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[..., T], *arguments: str) -> T:
        if self._waiting >= MAX_WAITING:
            raise UnavailableError("too many sign-ins at once; try again in a moment")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1
