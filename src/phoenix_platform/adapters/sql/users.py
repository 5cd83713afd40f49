"""Users of a tenant."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.engine import RowMapping
from sqlalchemy.sql.elements import ColumnElement

from phoenix_platform.adapters.sql.metadata import METADATA, UtcDateTime, id_column, tenant_column
from phoenix_platform.adapters.sql.pages import read_page
from phoenix_platform.adapters.sql.scopes import Scope, insert_new
from phoenix_platform.application.ports import Page, PageQuery
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.domain.permissions import Role
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.domain.users import User, UserId

users: Final = Table(
    "users",
    METADATA,
    tenant_column(),
    id_column(),
    Column("name", String(128), nullable=False),
    Column("role", String(20), nullable=False),
    Column("password_hash", Text()),
    Column("is_disabled", Boolean(), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("last_sign_in_at", UtcDateTime()),
    Column("version", Integer(), nullable=False),
    UniqueConstraint("tenant_id", "name"),
)


class SqlUsers:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def get(self, user_id: UserId) -> User:
        found = await self._scope.connection.execute(select(users).where(self._is(user_id)))
        if (row := found.mappings().one_or_none()) is None:
            raise NotFoundError(f"there is no user {user_id}", user=str(user_id))
        return _user(row)

    async def by_name(self, name: str) -> User | None:
        is_named = and_(users.c.tenant_id == self._scope.tenant_id, users.c.name == name)
        found = await self._scope.connection.execute(select(users).where(is_named))
        row = found.mappings().one_or_none()
        return None if row is None else _user(row)

    async def page(self, query: PageQuery) -> Page[User]:
        statement = select(users).where(users.c.tenant_id == self._scope.tenant_id)
        return await read_page(self._scope, statement, users.c.id, query, _user)

    async def admins(self) -> Sequence[User]:
        statement = select(users).where(
            users.c.tenant_id == self._scope.tenant_id,
            users.c.role == Role.ADMIN.value,
            users.c.is_disabled.is_(False),
        )
        # Locked, so that of two last admins who remove each other one remains.
        found = await self._scope.connection.execute(statement.with_for_update())
        return [_user(row) for row in found.mappings()]

    async def any(self) -> bool:
        statement = select(func.count()).where(users.c.tenant_id == self._scope.tenant_id)
        return (await self._scope.connection.execute(statement)).scalar_one() > 0

    async def add(self, user: User) -> None:
        values = {
            **_changing(user),
            "tenant_id": user.tenant_id,
            "id": user.id,
            "created_at": user.created_at,
            "version": user.version,
        }
        if not await insert_new(self._scope.connection, users, values):
            raise ConflictError(f"name: there is a user {user.name!r} already; choose another name")

    async def save(self, user: User) -> User:
        saved = replace(user, version=user.version + 1)
        statement = (
            update(users)
            .where(self._is(user.id), users.c.version == user.version)
            .values(**_changing(user), version=saved.version)
        )
        if (await self._scope.connection.execute(statement)).rowcount != 1:
            raise ConflictError("someone else changed the user; read it again", user=str(user.id))
        return saved

    async def remove(self, user_id: UserId) -> None:
        await self._scope.connection.execute(delete(users).where(self._is(user_id)))

    def _is(self, user_id: UserId) -> ColumnElement[bool]:
        return and_(users.c.tenant_id == self._scope.tenant_id, users.c.id == user_id)


def _changing(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "role": user.role.value,
        "password_hash": user.password_hash,
        "is_disabled": user.is_disabled,
        "last_sign_in_at": user.last_sign_in_at,
    }


def _user(row: RowMapping) -> User:
    return User(
        id=UserId(row["id"]),
        tenant_id=TenantId(row["tenant_id"]),
        name=row["name"],
        role=Role(row["role"]),
        password_hash=row["password_hash"],
        is_disabled=row["is_disabled"],
        created_at=row["created_at"],
        last_sign_in_at=row["last_sign_in_at"],
        version=row["version"],
    )
