"""`Idempotency-Key`: a change that is sent twice happens once, and is answered twice.

The transaction of the use case and the row of the key are one: `begin` of such a request joins the transaction that this
middleware opened, and the answer is stored in it before it is committed. Errors are not stored, as they changed nothing.
Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

import hashlib
import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from http import HTTPStatus
from typing import Final, Protocol

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from phoenix_platform.adapters.sql.idempotency import IdempotencyKey, StoredAnswer
from phoenix_platform.application.ports import Fence, UnitOfWork
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.server.bodies import replay, whole_body
from phoenix_platform.server.scopes import actor_of, set_begin

_HEADER: Final = b"idempotency-key"
_FORM: Final = re.compile(rb'"?([\x21\x23-\x7e]{1,255})"?')
_CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_STORED_HEADERS: Final = frozenset({b"content-type", b"etag", b"location"})


class KeyedRequest(Protocol):
    """A request inside the transaction of its answer; one without a stored answer is undone."""

    @property
    def answered(self) -> StoredAnswer | None:
        """What the first request with this key was answered; None: this is the first."""
        ...

    def begin(
        self, tenant_id: TenantId, *, fence: Fence | None = None
    ) -> AbstractAsyncContextManager[UnitOfWork]:
        """As `Begin`, within this transaction."""
        ...

    async def store(self, answer: StoredAnswer) -> None: ...


class Idempotent(Protocol):
    """`adapters.sql.transactions.Transactions.idempotent`."""

    def __call__(
        self, key: IdempotencyKey, *, at: datetime
    ) -> AbstractAsyncContextManager[KeyedRequest]: ...


class Idempotency:
    """ASGI middleware of every route; stands behind admission, as keys belong to actors."""

    def __init__(self, app: ASGIApp, *, idempotent: Idempotent, clock: Clock) -> None:
        self._app = app
        self._idempotent = idempotent
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _key_of(scope)
        actor = actor_of(scope)
        if found is None or actor is None:
            await self._app(scope, receive, send)
            return
        if not scope["route_handler"].opt.get("takes_idempotency_key", True):
            raise InvalidInputError(
                "Idempotency-Key: not taken here, as the answer is a secret that is not stored; send it without"
            )
        body = await whole_body(receive, scope)
        if body is None:
            return
        key = IdempotencyKey(
            tenant_id=actor.tenant_id,
            actor_id=f"{actor.kind}:{actor.id}",
            key=found,
            request_hash=_request_hash(scope, body),
        )
        for message in await self._messages(scope, replay(body, receive), key):
            await send(message)

    async def _messages(self, scope: Scope, receive: Receive, key: IdempotencyKey) -> list[Message]:
        """What to send; none before the transaction is committed."""
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        async with self._idempotent(key, at=self._clock.now()) as request:
            if request.answered is not None:
                return _replayed(request.answered)
            set_begin(scope, request.begin)
            await self._app(scope, receive, collect)
            answer = _answer_of(messages)
            if answer is not None:
                await request.store(answer)
        return messages


def _key_of(scope: Scope) -> str | None:
    if scope["type"] != ScopeType.HTTP or scope["method"] not in _CHANGING:
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


def _request_hash(scope: Scope, body: bytes) -> str:
    """What makes two requests the same: where to, with which precondition, and the body."""
    digest = hashlib.sha256()
    if_match = next((value for name, value in scope["headers"] if name.lower() == b"if-match"), b"")
    method = scope["method"] if scope["type"] == ScopeType.HTTP else ""
    parts = (method.encode(), scope["path"].encode(), scope["query_string"], if_match, body)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _answer_of(messages: Sequence[Message]) -> StoredAnswer | None:
    """The answer as it is stored; None if it is an error, or none at all."""
    status, headers, body = 500, dict[str, str](), bytearray()
    for message in messages:
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in message["headers"]
                if name.lower() in _STORED_HEADERS
            }
        elif message["type"] == "http.response.body":
            body += message["body"]
    if status >= HTTPStatus.BAD_REQUEST:
        return None
    return StoredAnswer(status=status, headers=headers, body=bytes(body))


def _replayed(stored: StoredAnswer) -> list[Message]:
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in stored.headers.items()
    ]
    headers.append((b"content-length", str(len(stored.body)).encode()))
    headers.append((b"idempotency-replayed", b"true"))
    return [
        {"type": "http.response.start", "status": stored.status, "headers": headers},
        {"type": "http.response.body", "body": stored.body, "more_body": False},
    ]
