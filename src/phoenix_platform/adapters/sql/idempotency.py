"""Idempotency keys: the answer to a request is stored in the transaction of what the request did.

So a request that is sent again gets the answer of the first, and one whose answer was never stored did nothing.
`transactions` opens such a transaction; the HTTP edge knows the headers.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, delete, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.expression import ColumnElement

from phoenix_platform.adapters.sql.metadata import METADATA, Json, UtcDateTime, tenant_column
from phoenix_platform.adapters.sql.scopes import insert_new
from phoenix_platform.core.errors import ConflictError, InvalidInputError
from phoenix_platform.domain.tenants import TenantId

idempotency_keys: Final = Table(
    "idempotency_keys",
    METADATA,
    tenant_column(),
    Column("actor_id", String(200), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("request_hash", String(100), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("status", Integer(), nullable=False),
    Column("headers", Json, nullable=False),
    Column("body", LargeBinary(), nullable=False),
    Index(None, "created_at"),
)
_LOCK_NOT_AVAILABLE: Final = "55P03"
_NOT_YET: Final = 0
"""Status of a row whose answer comes with the commit; nobody else ever sees it."""


class RequestInFlightError(ConflictError):
    """The first request with this key has not been answered yet."""

    code = "request-in-flight"


class KeyReusedError(InvalidInputError):
    """The key belongs to another request."""

    code = "idempotency-key-reused"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    tenant_id: TenantId
    actor_id: str
    """Keys of different actors do not meet."""
    key: str
    request_hash: str
    """Of method, path and body: the same key for anything else is an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    status: int
    headers: dict[str, str]
    body: bytes


async def claim_key(
    connection: AsyncConnection, key: IdempotencyKey, at: datetime
) -> StoredAnswer | None:
    """The answer that was given already; None: the key is this transaction's now.

    Raises:
        RequestInFlightError: If another transaction holds the key and has not committed.
        KeyReusedError: If the key came with another request before.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SET LOCAL lock_timeout = '200ms'"))
    values: dict[str, object] = {
        **_identity(key),
        "request_hash": key.request_hash,
        "created_at": at,
        "status": _NOT_YET,
        "headers": {},
        "body": b"",
    }
    try:
        is_new = await insert_new(connection, idempotency_keys, values)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise request_in_flight(key) from error
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SET LOCAL lock_timeout = DEFAULT"))
    if is_new:
        return None
    found = await connection.execute(select(idempotency_keys).where(*_is(key)))
    row = found.mappings().one()
    if row["request_hash"] != key.request_hash:
        raise KeyReusedError(
            f"Idempotency-Key: {key.key!r} came with another request before; use a new key",
            key=key.key,
        )
    return StoredAnswer(status=row["status"], headers=row["headers"], body=row["body"])


async def store_answer(
    connection: AsyncConnection, key: IdempotencyKey, answer: StoredAnswer
) -> None:
    """Store it with the key that this transaction claimed."""
    values = {"status": answer.status, "headers": answer.headers, "body": answer.body}
    await connection.execute(idempotency_keys.update().where(*_is(key)).values(values))


async def remove_keys_before(connection: AsyncConnection, moment: datetime) -> int:
    """Forget keys of before this, of every tenant; how many."""
    old = delete(idempotency_keys).where(idempotency_keys.c.created_at < moment)
    return (await connection.execute(old)).rowcount


def request_in_flight(key: IdempotencyKey) -> RequestInFlightError:
    return RequestInFlightError(
        f"Idempotency-Key: the first request with {key.key!r} is still under way; send this one again later",
        key=key.key,
    )


def _identity(key: IdempotencyKey) -> dict[str, object]:
    return {"tenant_id": key.tenant_id, "actor_id": key.actor_id, "key": key.key}


def _is(key: IdempotencyKey) -> tuple[ColumnElement[bool], ...]:
    columns = idempotency_keys.c
    return (
        columns.tenant_id == key.tenant_id,
        columns.actor_id == key.actor_id,
        columns.key == key.key,
    )
