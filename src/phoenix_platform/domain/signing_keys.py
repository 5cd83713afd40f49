"""Keys that sign access tokens, and when each may: the next one is published before it is used.

At any time one key signs, one waits published, and retired ones verify until the last token they
signed has expired. So whoever caches the published set meets no token whose key it has not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Self

TOKEN_LIFE: Final = timedelta(minutes=10)
"""Of an access token. A revoked one dies within seconds anyway; this is for whoever verifies it elsewhere."""
CLOCK_TOLERANCE: Final = timedelta(seconds=60)
"""By how much the clocks of replicas may differ."""
SIGNING_LIFE: Final = timedelta(days=30)
"""How long one key signs before the next takes over by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    kid: str
    """RFC 7638 thumbprint of the public key."""
    public_jwk: str
    """JSON, as published."""
    sealed_private_key: bytes
    """PKCS #8, encrypted with the server's key file."""
    created_at: datetime
    signs_from: datetime | None = None
    """None while it waits."""
    retired_at: datetime | None = None

    @property
    def is_signing(self) -> bool:
        return self.signs_from is not None and self.retired_at is None

    @property
    def is_waiting(self) -> bool:
        return self.signs_from is None

    def verifies(self, at: datetime) -> bool:
        """Whether a token it signed may still be good."""
        return self.retired_at is None or at < self.retired_at + TOKEN_LIFE + CLOCK_TOLERANCE

    def signing_from(self, at: datetime) -> Self:
        return replace(self, signs_from=at)

    def retired(self, at: datetime) -> Self:
        return replace(self, retired_at=at)


def rotated(keys: Sequence[SigningKey], new: SigningKey, at: datetime) -> list[SigningKey]:
    """The keys that change with one step, which takes `new` in.

    `new` signs at once when nobody does (the first start), waits when nobody waits, and otherwise
    waits in place of the one that takes over now.
    """
    signing = next((key for key in keys if key.is_signing), None)
    waiting = next((key for key in keys if key.is_waiting), None)
    if signing is None:
        return [new.signing_from(at)]
    if waiting is None:
        return [new]
    return [signing.retired(at), waiting.signing_from(at), new]


def is_due(keys: Sequence[SigningKey], at: datetime) -> bool:
    """Whether a step is due: nobody signs or waits, or the signing key is old."""
    signing = next((key for key in keys if key.is_signing), None)
    if signing is None or signing.signs_from is None or not any(key.is_waiting for key in keys):
        return True
    return at - signing.signs_from >= SIGNING_LIFE
