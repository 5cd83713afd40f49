"""Sessions of a tenant's users: families of refresh tokens, as hashes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    and_,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.engine import RowMapping
from sqlalchemy.sql.elements import ColumnElement

from phoenix_platform.adapters.sql.metadata import METADATA, UtcDateTime, id_column, tenant_column
from phoenix_platform.adapters.sql.scopes import Scope
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.domain.sessions import EndReason, Session, SessionId
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.domain.users import UserId

sessions: Final = Table(
    "sessions",
    METADATA,
    tenant_column(),
    id_column(),
    Column("user_id", Uuid(), nullable=False),
    Column("family_hash", String(100), nullable=False),
    Column("current_hash", String(100), nullable=False),
    Column("previous_hash", String(100)),
    Column("nonce", String(64), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("refreshed_at", UtcDateTime(), nullable=False),
    Column("ended_at", UtcDateTime()),
    Column("end_reason", String(30)),
    Column("version", Integer(), nullable=False),
    UniqueConstraint("family_hash"),
    ForeignKeyConstraint(
        ["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"
    ),
    Index(None, "tenant_id", "user_id"),
)


class SqlSessions:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def get(self, session_id: SessionId) -> Session:
        found = await self._scope.connection.execute(select(sessions).where(self._is(session_id)))
        if (row := found.mappings().one_or_none()) is None:
            raise NotFoundError(f"there is no session {session_id}", session=str(session_id))
        return _session(row)

    async def add(self, session: Session) -> None:
        values = {
            **_changing(session),
            "tenant_id": session.tenant_id,
            "id": session.id,
            "user_id": session.user_id,
            "family_hash": session.family_hash,
            "created_at": session.created_at,
            "version": session.version,
        }
        await self._scope.connection.execute(sessions.insert().values(values))

    async def save(self, session: Session) -> None:
        statement = (
            update(sessions)
            .where(self._is(session.id), sessions.c.version == session.version)
            .values(**_changing(session), version=session.version + 1)
        )
        if (await self._scope.connection.execute(statement)).rowcount != 1:
            raise ConflictError("the session was used or ended meanwhile; read it again")

    async def live_of(self, user_id: UserId) -> Sequence[Session]:
        statement = select(sessions).where(
            sessions.c.tenant_id == self._scope.tenant_id,
            sessions.c.user_id == user_id,
            sessions.c.ended_at.is_(None),
        )
        found = await self._scope.connection.execute(statement.order_by(sessions.c.id))
        return [_session(row) for row in found.mappings()]

    async def remove_expired(self, before: datetime) -> None:
        columns = sessions.c
        is_old = or_(columns.ended_at < before, columns.refreshed_at < before)
        statement = delete(sessions).where(columns.tenant_id == self._scope.tenant_id, is_old)
        await self._scope.connection.execute(statement)

    def _is(self, session_id: SessionId) -> ColumnElement[bool]:
        return and_(sessions.c.tenant_id == self._scope.tenant_id, sessions.c.id == session_id)


def _changing(session: Session) -> dict[str, Any]:
    return {
        "current_hash": session.current_hash,
        "previous_hash": session.previous_hash,
        "nonce": session.nonce,
        "refreshed_at": session.refreshed_at,
        "ended_at": session.ended_at,
        "end_reason": None if session.end_reason is None else session.end_reason.value,
    }


def _session(row: RowMapping) -> Session:
    reason = row["end_reason"]
    return Session(
        id=SessionId(row["id"]),
        tenant_id=TenantId(row["tenant_id"]),
        user_id=UserId(row["user_id"]),
        family_hash=row["family_hash"],
        current_hash=row["current_hash"],
        previous_hash=row["previous_hash"],
        nonce=row["nonce"],
        created_at=row["created_at"],
        refreshed_at=row["refreshed_at"],
        ended_at=row["ended_at"],
        end_reason=None if reason is None else EndReason(reason),
        version=row["version"],
    )
