"""Sessions: one sign-in of a user, kept alive by refresh tokens that are used once each.

All tokens of a session form a family. Using the current one brings out its successor. The immediate
predecessor is answered again for some seconds, with the very same successor: so a client whose answer was lost, or
that asked twice at once, goes on. An older one can only come from a thief, or from whom a thief has
robbed; nobody can tell which, so the family ends (RFC 9700, section 4.14.2).

A refresh token's first 12 characters name the family, the other 18 are its secret (107 bits). The
successor's secret is HMAC-SHA256(predecessor, nonce): the database holds hashes and the last nonce,
from which nobody without the predecessor gets a token.
"""

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType, Self
from uuid import UUID

from phoenix_platform.core.tokens import TokenKind, base62, token_from, token_hash
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.domain.users import UserId

SessionId = NewType("SessionId", UUID)

REUSE_WINDOW: Final = timedelta(seconds=30)
"""How long a predecessor is answered again: a restart of the server fits in, a thief's day does not."""
IDLE_LIFE: Final = timedelta(days=14)
"""A session not refreshed for so long is over."""
LONGEST_LIFE: Final = timedelta(days=90)
"""Then somebody has to sign in again, however busy they are."""
_PREFIX_LENGTH: Final = len("phx_rfr_")
_FAMILY_LENGTH: Final = 12
_SECRET_LENGTH: Final = 18


class EndReason(StrEnum):
    SIGNED_OUT = "signed_out"
    TOKEN_REUSED = "token_reused"  # noqa: S105 - the reason's name, as on the wire
    USER_CHANGED = "user_changed"
    """Disabled, removed, or another password."""


class Use(StrEnum):
    """What the use of a refresh token is."""

    CURRENT = "current"
    PREDECESSOR = "predecessor"
    """The one before, soon enough: the same answer again."""
    STALE = "stale"
    """An older one, or the one before too late: ends the family."""
    OVER = "over"
    """The session has ended or expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    id: SessionId
    tenant_id: TenantId
    user_id: UserId
    family_hash: str
    """Of the characters that all its refresh tokens begin with."""
    current_hash: str
    previous_hash: str | None = None
    nonce: str
    """Makes the current token out of the previous one."""
    created_at: datetime
    refreshed_at: datetime
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    version: int = 1

    @property
    def expires_at(self) -> datetime:
        return min(self.refreshed_at + IDLE_LIFE, self.created_at + LONGEST_LIFE)

    def is_live(self, at: datetime) -> bool:
        return self.ended_at is None and at < self.expires_at

    def use_of(self, token: str, at: datetime) -> Use:
        """What it means that this token of the family is shown now."""
        shown = token_hash(token)
        if not self.is_live(at):
            return Use.OVER
        if hmac.compare_digest(shown, self.current_hash):
            return Use.CURRENT
        is_previous = self.previous_hash is not None and hmac.compare_digest(
            shown, self.previous_hash
        )
        if is_previous and at - self.refreshed_at < REUSE_WINDOW:
            return Use.PREDECESSOR
        return Use.STALE

    def refreshed(self, token: str, *, nonce: str, at: datetime) -> Self:
        """The session after its current token was used: the next one is current."""
        return replace(
            self,
            previous_hash=self.current_hash,
            current_hash=token_hash(successor_of(token, nonce)),
            nonce=nonce,
            refreshed_at=at,
        )

    def ended(self, reason: EndReason, at: datetime) -> Self:
        """Over; what ended before keeps its reason."""
        return self if self.ended_at is not None else replace(self, ended_at=at, end_reason=reason)


def family_hash_of(token: str) -> str:
    """By which the session of a refresh token is found."""
    return token_hash(token[: _PREFIX_LENGTH + _FAMILY_LENGTH])


def successor_of(token: str, nonce: str) -> str:
    """The refresh token that follows from this one; the same for the same nonce."""
    secret = hmac.digest(token.encode(), nonce.encode(), hashlib.sha256)
    family = token[_PREFIX_LENGTH : _PREFIX_LENGTH + _FAMILY_LENGTH]
    return token_from(TokenKind.REFRESH, family + base62(secret, _SECRET_LENGTH))
