"""The audit trail: per tenant a chain of hashes, written in the transaction of the change.

The head of a chain is a row of its own. It is locked while an event is appended, so that two replicas cannot both
follow the same event, and it remembers the last one, so that a trail that lost its end is noticed.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    select,
    update,
)
from sqlalchemy.engine import RowMapping

from phoenix_platform.adapters.sql.metadata import METADATA, UtcDateTime, tenant_column
from phoenix_platform.adapters.sql.scopes import Scope, insert_new
from phoenix_platform.application.ports import AuditQuery, Page, PageQuery
from phoenix_platform.core.canonical_json import Json, canonical_json
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.audit import GENESIS, AuditEvent
from phoenix_platform.domain.tenants import TenantId

audit_events: Final = Table(
    "audit_events",
    METADATA,
    tenant_column(),
    Column("number", BigInteger(), primary_key=True, autoincrement=False),
    Column("id", Uuid(), nullable=False),
    Column("at", UtcDateTime(), nullable=False),
    Column("actor_kind", String(50), nullable=False),
    Column("actor_id", Text(), nullable=False),
    Column("actor_name", Text(), nullable=False),
    Column("action", String(200), nullable=False),
    Column("target", String(300), nullable=False),
    Column("reason", Text()),
    # Text as it was hashed: JSONB would change how numbers are spelt.
    Column("changes", Text(), nullable=False),
    Column("hash", String(100), nullable=False),
    UniqueConstraint("tenant_id", "id"),
    Index(None, "tenant_id", "target", "number"),
)
audit_heads: Final = Table(
    "audit_heads",
    METADATA,
    tenant_column(),
    Column("number", BigInteger(), nullable=False),
    Column("hash", String(100), nullable=False),
    Column("event_id", Uuid()),
)
_BATCH: Final = 1000
_MAX_EXACT_INTEGER: Final = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditBreak:
    """Where a chain does not hold."""

    number: int
    """Of the event, counted from 1."""
    event_id: UUID
    reason: str


class SqlAuditTrail:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def append(self, event: AuditEvent) -> None:
        self._scope.audit.append(event)

    async def page(self, query: PageQuery, where: AuditQuery) -> Page[AuditEvent]:
        columns = audit_events.c
        statement = select(audit_events).where(columns.tenant_id == self._scope.tenant_id)
        if where.target is not None:
            statement = statement.where(columns.target == where.target)
        if where.action is not None:
            statement = statement.where(columns.action == where.action)
        if where.since is not None:
            statement = statement.where(columns.at >= where.since)
        if query.after is not None:
            number = _number(query.after)
            is_next = columns.number < number if query.newest_first else columns.number > number
            statement = statement.where(is_next)
        order = columns.number.desc() if query.newest_first else columns.number.asc()
        found = await self._scope.connection.execute(
            statement.order_by(order).limit(query.limit + 1)
        )
        rows = found.mappings().all()
        kept = rows[: query.limit]
        return Page(
            [_event(row) for row in kept],
            str(kept[-1]["number"]) if len(rows) > query.limit else None,
        )

    async def first_break(self) -> UUID | None:
        found = await self.verify()
        return None if found is None else found.event_id

    async def verify(self) -> AuditBreak | None:
        """Walk the chain: where it breaks first; None: it is whole."""
        head = await _head(self._scope)
        previous, expected = GENESIS, 1
        async for row in self._rows():
            number, event_id = row["number"], row["id"]
            if number != expected:
                reason = f"event {expected} is missing before it"
                return AuditBreak(number=number, event_id=event_id, reason=reason)
            if (hash_ := _event(row).chained(previous)) != row["hash"]:
                reason = "it is not what was written, or does not follow the one before"
                return AuditBreak(number=number, event_id=event_id, reason=reason)
            previous, expected = hash_, expected + 1
        if head is not None and (head["number"], head["hash"]) != (expected - 1, previous):
            reason = f"the chain ends after event {expected - 1}, it had {head['number']}"
            return AuditBreak(number=expected, event_id=head["event_id"], reason=reason)
        return None

    async def _rows(self) -> AsyncGenerator[RowMapping]:
        after = 0
        while True:
            statement = (
                select(audit_events)
                .where(
                    audit_events.c.tenant_id == self._scope.tenant_id,
                    audit_events.c.number > after,
                )
                .order_by(audit_events.c.number)
                .limit(_BATCH)
            )
            rows = (await self._scope.connection.execute(statement)).mappings().all()
            for row in rows:
                yield row
            if len(rows) < _BATCH:
                return
            after = rows[-1]["number"]


async def write_audit(scope: Scope) -> None:
    """Append what the transaction gathered to the tenant's chain; `transactions` calls it before the commit."""
    if not scope.audit:
        return
    head = await _locked_head(scope)
    number, previous = head["number"], head["hash"]
    rows: list[dict[str, Any]] = []
    for event in scope.audit:
        previous, number = event.chained(previous), number + 1
        rows.append(_row(event, number=number, hash_=previous))
    await scope.connection.execute(audit_events.insert(), rows)
    await scope.connection.execute(
        update(audit_heads)
        .where(audit_heads.c.tenant_id == scope.tenant_id)
        .values(number=number, hash=previous, event_id=scope.audit[-1].id)
    )
    scope.audit.clear()


async def _locked_head(scope: Scope) -> RowMapping:
    if (head := await _head(scope, is_locked=True)) is not None:
        return head
    first = {"tenant_id": scope.tenant_id, "number": 0, "hash": GENESIS}
    await insert_new(scope.connection, audit_heads, first)
    head = await _head(scope, is_locked=True)
    assert head is not None  # ours, or that of whoever was faster
    return head


async def _head(scope: Scope, *, is_locked: bool = False) -> RowMapping | None:
    statement = select(audit_heads).where(audit_heads.c.tenant_id == scope.tenant_id)
    if is_locked:
        statement = statement.with_for_update()
    return (await scope.connection.execute(statement)).mappings().one_or_none()


def _row(event: AuditEvent, *, number: int, hash_: str) -> dict[str, Any]:
    return {
        "tenant_id": event.tenant_id,
        "number": number,
        "id": event.id,
        "at": event.at,
        "actor_kind": str(event.actor_kind),
        "actor_id": event.actor_id,
        "actor_name": event.actor_name,
        "action": event.action,
        "target": event.target,
        "reason": event.reason,
        "changes": canonical_json(event.changes).decode(),
        "hash": hash_,
    }


def _event(row: RowMapping) -> AuditEvent:
    changes: Mapping[str, Json] = json.loads(row["changes"], parse_int=_integer)
    return AuditEvent(
        id=row["id"],
        tenant_id=TenantId(row["tenant_id"]),
        at=row["at"],
        actor_kind=row["actor_kind"],
        actor_id=row["actor_id"],
        actor_name=row["actor_name"],
        action=row["action"],
        target=row["target"],
        reason=row["reason"],
        changes=changes,
    )


def _integer(text: str) -> int | float:
    """Canonical JSON writes 1e20 as an integer, and refuses an integer of that size."""
    number = int(text)
    return number if abs(number) <= _MAX_EXACT_INTEGER else float(number)


def _number(cursor: str) -> int:
    if not cursor.isdecimal():
        raise InvalidInputError(f"after: {cursor!r} is no cursor; give the `next` of a page")
    return int(cursor)
