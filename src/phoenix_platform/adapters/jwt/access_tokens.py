"""Access tokens: JWT by RS256 (RFC 9068), issued and read with the keys of the database.

Reading refuses everything but exactly what `issue` writes: the three header fields, the one
algorithm, a key of ours. Nothing in a token says where its key is to be found.
"""

import asyncio
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from phoenix_platform.application.identity_ports import AccessClaims
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.domain.sessions import SessionId
from phoenix_platform.domain.sign_ins import UnauthenticatedError
from phoenix_platform.domain.signing_keys import CLOCK_TOLERANCE, TOKEN_LIFE, SigningKey
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.domain.users import UserId

ISSUER: Final = "phoenix-platform"
AUDIENCE: Final = "phoenix-platform/api"
MAX_TOKEN_CHARACTERS: Final = 2048
"""Ours have about 800; what is longer is not looked at."""
_KEY_BITS: Final = 2048
_ALGORITHM: Final = "RS256"
_TYPE: Final = "at+jwt"
_FORM: Final = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_RELOAD_SECONDS: Final = 1.0
"""Between two looks for an unknown key: a made-up key id costs no more than one query a second."""


class Sealer(Protocol):
    """Encrypts private halves for the database; `adapters.key_files.sealers` has the real one."""

    def seal(self, content: bytes, name: str) -> bytes: ...
    def open(self, sealed: bytes, name: str) -> bytes:
        """Raise `UnavailableError` if it was sealed by another key, or for another name."""
        ...


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: str
    typ: str
    kid: str


class _Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    iss: str
    aud: str
    sub: UUID
    tid: UUID
    sid: UUID
    iat: int
    exp: int


class RsaKeyMaker:
    """`KeyMaker` of `application.identity_ports`: RSA of 2,048 bits, sealed."""

    def __init__(self, sealer: Sealer, clock: Clock) -> None:
        self._sealer = sealer
        self._clock = clock

    async def new_key(self) -> SigningKey:
        """Made in a thread: finding primes takes a tenth of a second."""
        return await asyncio.to_thread(self._make)

    def _make(self) -> SigningKey:
        private = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        content = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        key = RSAKey.import_key(content)
        kid = key.thumbprint()
        public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": _ALGORITHM}
        return SigningKey(
            kid=kid,
            public_jwk=json.dumps(public, sort_keys=True),
            sealed_private_key=self._sealer.seal(content, kid),
            created_at=self._clock.now(),
        )


class JwtAccessTokens:
    """`AccessTokens` of `application.identity_ports`; `load` gives it the keys of now."""

    def __init__(
        self,
        *,
        sealer: Sealer,
        reload: Callable[[], Awaitable[Sequence[SigningKey]]],
        clock: Clock,
    ) -> None:
        self._sealer = sealer
        self._reload = reload
        self._clock = clock
        self._keys: dict[str, tuple[SigningKey, RSAKey]] = {}
        self._signing: tuple[str, RSAKey] | None = None
        self._reloaded_at = float("-inf")

    def load(self, keys: Sequence[SigningKey]) -> None:
        """Take these keys in place of those before.

        Raises:
            UnavailableError: If the signing key was encrypted with another key file.
        """
        signing = next((key for key in keys if key.is_signing), None)
        if signing is not None and (self._signing is None or self._signing[0] != signing.kid):
            content = self._sealer.open(signing.sealed_private_key, signing.kid)
            self._signing = (signing.kid, RSAKey.import_key(content))
        known = {kid: public for kid, (_, public) in self._keys.items()}
        self._keys = {
            key.kid: (key, known.get(key.kid) or RSAKey.import_key(json.loads(key.public_jwk)))
            for key in keys
        }

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The public keys (RFC 7517): the waiting one too, so that it is known before it signs."""
        now = self._clock.now()
        return {
            "keys": [
                json.loads(key.public_jwk) for key, _ in self._keys.values() if key.verifies(now)
            ]
        }

    def issue(self, tenant_id: TenantId, user_id: UserId, session_id: SessionId) -> str:
        """Raise `UnavailableError` before any key was loaded."""
        if self._signing is None:
            raise UnavailableError("no signing key yet; the server is still starting")
        kid, key = self._signing
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "tid": str(tenant_id),
            "sid": str(session_id),
            "iat": now,
            "exp": now + int(TOKEN_LIFE.total_seconds()),
        }
        header = {"alg": _ALGORITHM, "typ": _TYPE, "kid": kid}
        return jwt.encode(header, claims, key, algorithms=[_ALGORITHM])

    async def read(self, token: str) -> AccessClaims:
        """What a token of ours says.

        Raises:
            UnauthenticatedError: On everything else, without quoting it.
        """
        key = await self._key_of(_header_of(token))
        try:
            decoded = jwt.decode(token, key, algorithms=[_ALGORITHM])
            payload = msgspec.convert(decoded.claims, _Payload)
        except (JoseError, msgspec.ValidationError, ValueError) as error:
            raise UnauthenticatedError("access token: not one of ours, or changed") from error
        if payload.iss != ISSUER or payload.aud != AUDIENCE:
            raise UnauthenticatedError("access token: made by or for somebody else")
        return self._timely(payload)

    def _timely(self, payload: _Payload) -> AccessClaims:
        now = self._clock.now().timestamp()
        if payload.iat > now + CLOCK_TOLERANCE.total_seconds():
            raise UnauthenticatedError("access token: from the future; check the servers' clocks")
        if not payload.iat < payload.exp <= payload.iat + TOKEN_LIFE.total_seconds():
            raise UnauthenticatedError("access token: lives longer than any of ours")
        if now >= payload.exp:
            raise UnauthenticatedError("access token: expired; refresh it or sign in again")
        return AccessClaims(
            tenant_id=TenantId(payload.tid),
            user_id=UserId(payload.sub),
            session_id=SessionId(payload.sid),
            expires_at=datetime.fromtimestamp(payload.exp, tz=UTC),
        )

    async def _key_of(self, header: _Header) -> RSAKey:
        if header.alg != _ALGORITHM or header.typ != _TYPE:
            raise UnauthenticatedError("access token: of another kind than ours")
        if header.kid not in self._keys:
            await self._look_for_new_keys()
        found = self._keys.get(header.kid)
        if found is None or not found[0].verifies(self._clock.now()):
            raise UnauthenticatedError("access token: its key is unknown or retired; sign in again")
        return found[1]

    async def _look_for_new_keys(self) -> None:
        """Another replica may have rotated twice since this one last read the keys."""
        now = self._clock.monotonic()
        if now - self._reloaded_at >= _RELOAD_SECONDS:
            self._reloaded_at = now
            self.load(await self._reload())


def _header_of(token: str) -> _Header:
    match = _FORM.fullmatch(token) if len(token) <= MAX_TOKEN_CHARACTERS else None
    if match is None:
        raise UnauthenticatedError("token: neither an access token nor one that begins with phx_")
    encoded = match[1]
    try:
        content = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        return msgspec.json.decode(content, type=_Header)
    except (ValueError, msgspec.DecodeError) as error:
        raise UnauthenticatedError("access token: its header is not as we write it") from error
