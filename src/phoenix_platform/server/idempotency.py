"""`Idempotency-Key`: a change that is sent twice happens once, and is answered twice.

The transaction of the use case and the row of the key are one: `begin` of such a request joins the transaction that this
middleware opened, and the answer is stored in it before it is committed. Errors are not stored, as they changed nothing.
Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

import hashlib
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from phoenix_platform.application.ports import Begin, Fence, UnitOfWork
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.actors import Actor
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.server.bodies import replay, whole_body

_HEADER: Final = b"idempotency-key"
_FORM: Final = re.compile(rb'"?([\x21\x23-\x7e]{1,255})"?')
_CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_STORED_HEADERS: Final = frozenset({b"content-type", b"etag", b"location"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """What a change was answered with."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


class IdempotencyKeys(Protocol):
    """The keys of one tenant, in one transaction."""

    async def claim(self, key: str, fingerprint: str) -> StoredAnswer | None:
        """Take the key for a request; what it was answered with, if it was used for the same before.

        Raises:
            ConflictError: If a request with this key is under way.
            InvalidInputError: If the key was used for another request (another fingerprint).
        """
        ...

    async def store(self, key: str, answer: StoredAnswer) -> None:
        """Keep the answer to a claimed key."""
        ...


@dataclass(frozen=True, slots=True)
class KeyedWork:
    """A transaction, and the keys in it."""

    work: UnitOfWork
    keys: IdempotencyKeys


BeginKeyed: TypeAlias = Callable[[TenantId], AbstractAsyncContextManager[KeyedWork]]


class _Undone(Exception):  # noqa: N818 - unwinds our own block, nobody handles it as an error
    """Leaves the transaction without keeping it."""


class Idempotency:
    """ASGI middleware of every route; stands behind admission, as keys belong to actors."""

    def __init__(self, app: ASGIApp, *, begin_keyed: BeginKeyed) -> None:
        self._app = app
        self._begin_keyed = begin_keyed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _key_of(scope)
        actor = scope.get("user")
        if found is None or not isinstance(actor, Actor):
            await self._app(scope, receive, send)
            return
        body = await whole_body(receive, scope)
        if body is None:
            return
        answer = await self._answer(scope, replay(body, receive), body, actor, found)
        for message in answer:
            await send(message)

    async def _answer(
        self, scope: Scope, receive: Receive, body: bytes, actor: Actor, header: str
    ) -> list[Message]:
        key = f"{actor.kind}:{actor.id}:{header}"
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        try:
            async with self._begin_keyed(actor.tenant_id) as keyed:
                stored = await keyed.keys.claim(key, _fingerprint(scope, body))
                if stored is not None:
                    return _replayed(stored)
                scope["phoenix_begin"] = _joining(keyed.work)  # type: ignore[typeddict-unknown-key]
                await self._app(scope, receive, collect)
                await keyed.keys.store(key, _kept(messages))
        except _Undone:
            pass
        return messages


def _key_of(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] not in _CHANGING:
        return None
    values = [value for name, value in scope["headers"] if name.lower() == _HEADER]
    if not values:
        return None
    match = _FORM.fullmatch(values[0]) if len(values) == 1 else None
    if match is None:
        raise InvalidInputError(
            "Idempotency-Key: not one text of 1 to 255 visible characters; send a UUID"
        )
    return match[1].decode()


def _fingerprint(scope: Scope, body: bytes) -> str:
    """What makes two requests the same: where to, with which precondition, and the body."""
    digest = hashlib.sha256()
    if_match = next((value for name, value in scope["headers"] if name.lower() == b"if-match"), b"")
    parts = (
        scope["method"].encode(),
        scope["path"].encode(),
        scope["query_string"],
        if_match,
        body,
    )  # type: ignore[typeddict-item]
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _joining(work: UnitOfWork) -> Begin:
    """Gives the one transaction of the request, and leaves committing to the middleware."""

    @asynccontextmanager
    async def begin(
        tenant_id: TenantId, *, fence: Fence | None = None
    ) -> AsyncGenerator[UnitOfWork]:
        if tenant_id != work.tenant_id or fence is not None:
            raise InvalidInputError(
                "Idempotency-Key: not taken here, as this changes more than one tenant"
            )
        yield work

    return begin


def _kept(messages: Sequence[Message]) -> StoredAnswer:
    """The answer as it is stored; raises `_Undone` if it is an error, or none."""
    status, headers, body = 500, list[tuple[str, str]](), bytearray()
    for message in messages:
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message["headers"]
                if name.lower() in _STORED_HEADERS
            ]
        elif message["type"] == "http.response.body":
            body += message["body"]
    if status >= 400:  # noqa: PLR2004 - errors of HTTP
        raise _Undone
    return StoredAnswer(status=status, headers=headers, body=bytes(body))


def _replayed(stored: StoredAnswer) -> list[Message]:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in stored.headers]
    headers.append((b"content-length", str(len(stored.body)).encode()))
    headers.append((b"idempotency-replayed", b"true"))
    return [
        {"type": "http.response.start", "status": stored.status, "headers": headers},
        {"type": "http.response.body", "body": stored.body, "more_body": False},
    ]
