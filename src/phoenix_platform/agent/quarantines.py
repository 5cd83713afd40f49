"""Configurations that failed on this host: kept, so that the same one is never tried twice."""

from datetime import datetime
from typing import Final

import msgspec

from phoenix_platform.agent.data_folders import DataFolder
from phoenix_platform.agent.whole_files import put_json, read_json
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import InvalidInputError

_MOST: Final = 20


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    hash: str
    at: datetime
    reason: str
    log_tail: tuple[str, ...] = ()
    """The last lines of the collector, secrets masked."""


class _Kept(msgspec.Struct, kw_only=True):
    entries: tuple[Quarantined, ...] = ()


class Quarantine:
    """The failed hashes of a host, the newest last."""

    def __init__(self, folder: DataFolder, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        try:
            kept = read_json(folder.quarantine, _Kept)
        except InvalidInputError:
            kept = None  # of another version: what failed will fail again and come back
        self.entries = kept.entries if kept else ()

    def get(self, digest: str) -> Quarantined | None:
        return next((one for one in self.entries if one.hash == digest), None)

    def add(self, digest: str, reason: str, log_tail: tuple[str, ...] = ()) -> Quarantined:
        """Keep that it failed.

        Raises:
            UnavailableError: If that cannot be written.
        """
        one = Quarantined(hash=digest, at=self._clock.now(), reason=reason, log_tail=log_tail)
        others = tuple(other for other in self.entries if other.hash != digest)
        self.entries = (*others, one)[-_MOST:]
        put_json(self._folder.quarantine, _Kept(entries=self.entries), durably=True)
        return one
