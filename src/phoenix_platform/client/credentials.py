"""Whom requests are signed as: nobody, a key that stays, or a session whose tokens are renewed."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec

from phoenix_platform.core.clock import Clock
from phoenix_platform.wire.v1.users import SignedInView

_EARLY: Final = timedelta(seconds=30)
"""An access token is renewed so long before its end: clocks differ, and requests take time."""


class Credential(Protocol):
    def token(self) -> str | None:
        """What the next request carries; None: nothing."""
        ...

    def renew(self, refused: str) -> bool:
        """After this token was refused: whether there is another now."""
        ...


@dataclass(frozen=True, slots=True)
class FixedToken:
    """An API key; or nobody."""

    value: str | None = None

    def token(self) -> str | None:
        return self.value

    def renew(self, refused: str) -> bool:
        return False


class SessionTokens(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a session between two commands."""

    access_token: str
    access_expires_at: datetime
    refresh_token: str
    session_expires_at: datetime

    @classmethod
    def of(cls, signed_in: SignedInView) -> "SessionTokens":
        return cls(
            access_token=signed_in.access_token,
            access_expires_at=signed_in.expires_at,
            refresh_token=signed_in.refresh_token,
            session_expires_at=signed_in.session_expires_at,
        )


class KeptTokens(Protocol):
    """Where a session is kept; other processes may use it too."""

    def read(self) -> SessionTokens: ...
    def write(self, tokens: SessionTokens) -> None: ...
    def locked(self) -> AbstractContextManager[None]:
        """Nobody else renews it while the block lasts."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A user who signed in; a refresh token is good once, so one process at a time renews."""

    kept: KeptTokens
    refresh: Callable[[str], SignedInView]
    clock: Clock

    def token(self) -> str | None:
        tokens = self.kept.read()
        if tokens.access_expires_at - _EARLY <= self.clock.now():
            self.renew(tokens.access_token)
            tokens = self.kept.read()
        return tokens.access_token

    def renew(self, refused: str) -> bool:
        with self.kept.locked():
            tokens = self.kept.read()
            if tokens.access_token == refused:
                self.kept.write(SessionTokens.of(self.refresh(tokens.refresh_token)))
        return True
