"""How often somebody may try a password: counted per account and per network, in the database.

An attempt is counted before the password is looked at, so that attempts at once cannot pass the limit
together; a right one is given back. Another account is never locked by it, and a locked account only
delays: it opens by itself.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Self

from phoenix_platform.core.canonical_json import canonical_json
from phoenix_platform.core.hashing import sha256_of

WINDOW: Final = timedelta(minutes=5)
ACCOUNT_ATTEMPTS: Final = 5
"""Per account and window: 1,440 guesses a day, far below what finds a password of 12 characters."""
NETWORK_ATTEMPTS: Final = 50
"""Per /24 (IPv4) or /64 (IPv6) and window: slows one who tries a password on many names, and leaves
room for an office behind one address."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What one attempt is counted under."""

    key: str
    """A hash: the table of counters tells nobody which names were tried."""
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptCount:
    """Attempts under one key since its window began."""

    key: str
    attempts: int = 0
    window_started_at: datetime

    def counted(self, at: datetime) -> Self:
        """With one more attempt; in a new window when the last one is over."""
        if at - self.window_started_at >= WINDOW:
            return replace(self, attempts=1, window_started_at=at)
        return replace(self, attempts=self.attempts + 1)

    def seconds_to_wait(self, limit: int, at: datetime) -> float:
        """0 while the limit is kept, else how long until the window is over."""
        if self.attempts <= limit:
            return 0.0
        return (self.window_started_at + WINDOW - at).total_seconds()


def limits_of(tenant: str, name: str, address: str) -> Sequence[Limit]:
    """What an attempt with these names of tenant and user counts against; the network first."""
    network = canonical_json(["network", network_of(address)])
    account = canonical_json(["account", tenant, name])
    return (
        Limit(sha256_of(network), NETWORK_ATTEMPTS),
        Limit(sha256_of(account), ACCOUNT_ATTEMPTS),
    )


def network_of(address: str) -> str:
    """The /24 or /64 that an address lies in; what is no address (a socket's path) stands for itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    prefix = 24 if parsed.version == 4 else 64  # noqa: PLR2004 - the version of IP
    return str(ipaddress.ip_network(f"{parsed}/{prefix}", strict=False))
