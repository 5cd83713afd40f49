"""Every bad token of a corpus is refused; rotation loses no good one."""

import asyncio
import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from phoenix_platform.adapters.jwt.access_tokens import (
    AUDIENCE,
    ISSUER,
    MAX_TOKEN_CHARACTERS,
    JwtAccessTokens,
    RsaKeyMaker,
)
from phoenix_platform.adapters.key_files.sealers import Sealer, sealer_of
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.domain.sessions import SessionId
from phoenix_platform.domain.sign_ins import UnauthenticatedError
from phoenix_platform.domain.signing_keys import (
    CLOCK_TOLERANCE,
    TOKEN_LIFE,
    SigningKey,
    rotated,
)
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.domain.users import UserId

TENANT, USER, SESSION = TenantId(UUID(int=1)), UserId(UUID(int=2)), SessionId(UUID(int=3))
LIFE = int(TOKEN_LIFE.total_seconds())
TOLERANCE = int(CLOCK_TOLERANCE.total_seconds())


@dataclass(slots=True, kw_only=True)
class Keys:
    """The keys of the database, in a dictionary; `reloads` counts who looked."""

    sealer: Sealer
    clock: FixedClock
    stored: dict[str, SigningKey] = field(default_factory=dict[str, SigningKey])
    reloads: int = 0

    async def rotate(self) -> None:
        new = await RsaKeyMaker(self.sealer, self.clock).new_key()
        for key in rotated(list(self.stored.values()), new, self.clock.now()):
            self.stored[key.kid] = key

    async def reload(self) -> list[SigningKey]:
        self.reloads += 1
        return list(self.stored.values())

    def tokens(self) -> JwtAccessTokens:
        made = JwtAccessTokens(sealer=self.sealer, reload=self.reload, clock=self.clock)
        made.load(list(self.stored.values()))
        return made

    def signing(self) -> tuple[str, RSAKey]:
        """The private key, as only the server has it."""
        key = next(key for key in self.stored.values() if key.is_signing)
        return key.kid, RSAKey.import_key(self.sealer.open(key.sealed_private_key, key.kid))


@pytest.fixture
async def keys(tmp_path: Path) -> Keys:
    made = Keys(sealer=sealer_of(tmp_path / "keys"), clock=FixedClock())
    await made.rotate()
    await made.rotate()
    return made


def signing(key: RSAKey) -> RSAPrivateKey:
    assert key.private_key is not None
    return key.private_key


def issued(tokens: JwtAccessTokens) -> str:
    return tokens.issue(TENANT, USER, SESSION)


def encoded(part: Mapping[str, Any] | bytes) -> str:
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def signed(keys: Keys, *, claims: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    """By the real key: a forger who had it would still have to get everything else right."""
    kid, private = keys.signing()
    token = issued(keys.tokens())
    whole_header = {**decoded(token.split(".")[0]), **header}
    whole_header = {name: value for name, value in whole_header.items() if value is not None}
    whole_claims = {**decoded(token.split(".")[1]), **claims}
    whole_claims = {name: value for name, value in whole_claims.items() if value is not None}
    assert kid == decoded(token.split(".")[0])["kid"]
    # Signed by hand, as the library refuses to write some of these headers.
    content = f"{encoded(whole_header)}.{encoded(whole_claims)}"
    signature = signing(private).sign(content.encode(), padding.PKCS1v15(), SHA256())
    return f"{content}.{encoded(signature)}"


async def test_what_was_issued_is_read_back(keys: Keys) -> None:
    tokens = keys.tokens()
    claims = await tokens.read(issued(tokens))
    assert (claims.tenant_id, claims.user_id, claims.session_id) == (TENANT, USER, SESSION)
    assert claims.expires_at == keys.clock.now() + TOKEN_LIFE
    assert len(issued(tokens)) < MAX_TOKEN_CHARACTERS


async def test_the_forgers_tool_of_this_suite_makes_good_tokens(keys: Keys) -> None:
    await keys.tokens().read(signed(keys, claims={}, header={}))


NOW = int(FixedClock().now().timestamp())
WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "somebody-else"},
    "audiences": {"aud": [AUDIENCE]},
    "no audience": {"aud": None},
    "another issuer": {"iss": "https://evil.example"},
    "an issuer with something behind": {"iss": f"{ISSUER}/"},
    "no issuer": {"iss": None},
    "expired": {"iat": NOW - LIFE, "exp": NOW},
    "expired long ago": {"iat": 0, "exp": LIFE},
    "no end": {"exp": None},
    "an end that is text": {"exp": str(NOW + LIFE)},
    "an end that is a fraction": {"exp": NOW + 1.5},
    "an endless one": {"exp": 2**53},
    "a life longer than ours": {"exp": NOW + LIFE + 1},
    "an end before its beginning": {"iat": NOW, "exp": NOW - 1},
    "from the future": {"iat": NOW + TOLERANCE + 1, "exp": NOW + TOLERANCE + 2},
    "from a far future": {"iat": NOW + 10**6, "exp": NOW + 10**6 + LIFE},
    "a beginning that is true": {"iat": True},
    "no beginning": {"iat": None},
    "no user": {"sub": None},
    "a user that is no id": {"sub": "ada"},
    "a user that is a number": {"sub": 2},
    "no tenant": {"tid": None},
    "tenants": {"tid": [str(TENANT)]},
    "no session": {"sid": None},
    "a claim we do not make": {"role": "admin"},
    "not before": {"nbf": 0},
}
WRONG_HEADERS: dict[str, dict[str, Any]] = {
    "none": {"alg": "none"},
    "None": {"alg": "None"},
    "no algorithm": {"alg": None},
    "algorithms": {"alg": ["RS256"]},
    "HS256": {"alg": "HS256"},
    "RS384": {"alg": "RS384"},
    "RS512": {"alg": "RS512"},
    "PS256": {"alg": "PS256"},
    "ES256": {"alg": "ES256"},
    "EdDSA": {"alg": "EdDSA"},
    "lower case": {"alg": "rs256"},
    "another type": {"typ": "JWT"},
    "an id token": {"typ": "id+jwt"},
    "no type": {"typ": None},
    "an unknown key": {"kid": "unknown"},
    "no key": {"kid": None},
    "a key that is a path": {"kid": "../../../dev/null"},
    "a key that is a query": {"kid": "' OR 1=1 --"},
    "a key that is a number": {"kid": 0},
    "jku": {"jku": "https://evil.example/jwks.json"},
    "x5u": {"x5u": "https://evil.example/cert.pem"},
    "x5c": {"x5c": ["MIIB"]},
    "x5t": {"x5t": "abc"},
    "jwk": {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
    "crit": {"crit": ["exp"]},
    "b64": {"b64": False, "crit": ["b64"]},
    "zip": {"zip": "DEF"},
    "cty": {"cty": "JWT"},
    "enc": {"alg": "RSA-OAEP", "enc": "A256GCM"},
}


@pytest.mark.parametrize("name", list(WRONG_CLAIMS))
async def test_claims_that_are_not_ours_are_refused_under_a_good_signature(
    keys: Keys, name: str
) -> None:
    token = signed(keys, claims=WRONG_CLAIMS[name], header={})
    with pytest.raises(UnauthenticatedError) as refused:
        await keys.tokens().read(token)
    assert token not in str(refused.value)


@pytest.mark.parametrize("name", list(WRONG_HEADERS))
async def test_headers_that_are_not_ours_are_refused_under_a_good_signature(
    keys: Keys, name: str
) -> None:
    with pytest.raises(UnauthenticatedError):
        await keys.tokens().read(signed(keys, claims={}, header=WRONG_HEADERS[name]))


async def test_forged_signatures_are_refused(keys: Keys) -> None:
    tokens = keys.tokens()
    header, claims, signature = issued(tokens).split(".")
    public = json.loads(next(k for k in keys.stored.values() if k.is_signing).public_jwk)
    public_pem = RSAKey.import_key(public).as_pem(private=False)
    hs_header = encoded({**decoded(header), "alg": "HS256"})
    confused = hmac.digest(public_pem, f"{hs_header}.{claims}".encode(), hashlib.sha256)
    kid = public["kid"]
    other_claims = decoded(claims)
    strangers = [
        jwt.encode(
            {"alg": "RS256", "kid": kid}, other_claims, RSAKey.generate_key(2048), ["RS256"]
        ),
        jwt.encode(
            {"alg": "ES256", "kid": kid}, other_claims, ECKey.generate_key("P-256"), ["ES256"]
        ),
        jwt.encode({"alg": "HS256", "kid": kid}, other_claims, OctKey.generate_key(256), ["HS256"]),
    ]
    somebody_else = encoded({**other_claims, "sub": str(UUID(int=9))})
    flipped = signature[:-2] + ("A" if signature[-2] != "A" else "B") + signature[-1]
    corpus = [
        f"{hs_header}.{claims}.{encoded(confused)}",
        f"{encoded({**decoded(header), 'alg': 'none'})}.{claims}.",
        f"{header}.{claims}.",
        f"{header}.{claims}",
        f"{header}.{somebody_else}.{signature}",
        f"{header}.{claims}.{flipped}",
        f"{header}.{claims}.{signature[:-4]}",
        f"{header}.{claims}.{signature}AAAA",
        f"{header}.{claims}.{signature}.{signature}",
        f"{header}.{claims}.{signature}.",
        f"{header}.{claims}.{signature}=",
        f"{header}.{claims}.{signature}\n",
        f" {header}.{claims}.{signature}",
        f"{header}..{signature}",
        f".{claims}.{signature}",
        f"{header}.{claims}.AAAA",
        *strangers,
    ]
    for token in corpus:
        with pytest.raises(UnauthenticatedError):
            await tokens.read(token)


async def test_what_is_no_token_at_all_is_refused(keys: Keys) -> None:
    tokens = keys.tokens()
    good = issued(tokens)
    _, claims, signature = good.split(".")
    for text in (
        "",
        ".",
        "..",
        "...",
        "null",
        "Bearer " + good,
        good.replace(".", ". "),
        "é.é.é",
        "\x00.\x00.\x00",
        f"{encoded(b'null')}.{claims}.{signature}",
        f"{encoded(b'[]')}.{claims}.{signature}",
        f"{encoded(b'{}')}.{claims}.{signature}",
        f"{encoded(b'{')}.{claims}.{signature}",
        f"{encoded(bytes([255, 254]))}.{claims}.{signature}",
        f"{encoded(b'[' * 1000)}.{claims}.{signature}",
        f"a.{claims}.{signature}",
        "a" * 10_000_000,
        ("a" * 5_000_000) + "." + ("b" * 5_000_000) + ".c",
        good + "a" * MAX_TOKEN_CHARACTERS,
    ):
        with pytest.raises(UnauthenticatedError):
            await tokens.read(text)


async def test_a_payload_that_is_no_object_is_refused_under_a_good_signature(keys: Keys) -> None:
    _, private = keys.signing()
    header = issued(keys.tokens()).split(".")[0]
    for payload in (b"null", b"[]", b'"x"', b"{", b"\xff", b"1"):
        content = f"{header}.{encoded(payload)}"
        signature = signing(private).sign(content.encode(), padding.PKCS1v15(), SHA256())
        with pytest.raises(UnauthenticatedError):
            await keys.tokens().read(f"{content}.{encoded(signature)}")


async def test_a_clock_that_is_a_little_behind_refuses_nothing(keys: Keys) -> None:
    token = issued(keys.tokens())
    keys.clock.advance(-TOLERANCE)
    await keys.tokens().read(token)


async def test_no_token_is_lost_through_five_rotations_on_two_replicas(keys: Keys) -> None:
    first, second = keys.tokens(), keys.tokens()
    live: list[str] = []
    for _ in range(5):
        live += [issued(first), issued(second)]
        await keys.rotate()
        first.load(list(keys.stored.values()))  # the replica that rotated; the other has not heard
        live += [issued(first), issued(second)]
        for token in live:
            for replica in (first, second):
                await replica.read(token)
        keys.clock.advance(2)


async def test_the_next_key_is_published_before_it_signs(keys: Keys) -> None:
    tokens = keys.tokens()
    published = {key["kid"] for key in tokens.jwks()["keys"]}
    await keys.rotate()
    tokens.load(list(keys.stored.values()))
    assert decoded(issued(tokens).split(".")[0])["kid"] in published


async def test_published_keys_are_public_halves_only(keys: Keys) -> None:
    for key in keys.tokens().jwks()["keys"]:
        assert set(key) == {"kty", "kid", "use", "alg", "n", "e"}


async def test_a_retired_key_is_refused_and_unpublished_after_the_life_of_its_tokens(
    keys: Keys,
) -> None:
    tokens = keys.tokens()
    old = issued(tokens)
    kid = decoded(old.split(".")[0])["kid"]
    await keys.rotate()
    tokens.load(list(keys.stored.values()))
    await tokens.read(old)
    keys.clock.advance(LIFE + TOLERANCE)
    with pytest.raises(UnauthenticatedError, match="unknown or retired"):
        await tokens.read(old)
    assert kid not in {key["kid"] for key in tokens.jwks()["keys"]}


async def test_made_up_key_ids_cost_one_look_a_second_at_most(keys: Keys) -> None:
    tokens = keys.tokens()
    for number in range(20):
        forged = signed(keys, claims={}, header={"kid": f"made-up-{number}"})
        with pytest.raises(UnauthenticatedError, match="unknown or retired"):
            await tokens.read(forged)
    assert keys.reloads == 1


async def test_before_a_key_is_there_nothing_is_issued(keys: Keys) -> None:
    empty = JwtAccessTokens(sealer=keys.sealer, reload=keys.reload, clock=keys.clock)
    with pytest.raises(UnavailableError, match="still starting"):
        issued(empty)


async def test_another_key_file_is_noticed_at_the_start(keys: Keys, tmp_path: Path) -> None:
    other = JwtAccessTokens(
        sealer=sealer_of(tmp_path / "other"), reload=keys.reload, clock=keys.clock
    )
    with pytest.raises(UnavailableError, match="give every replica the same file"):
        other.load(list(keys.stored.values()))


async def test_keys_are_made_away_from_the_event_loop(keys: Keys) -> None:
    made = asyncio.create_task(RsaKeyMaker(keys.sealer, keys.clock).new_key())
    turns = 0
    while not made.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 1
