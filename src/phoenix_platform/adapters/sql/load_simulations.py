"""Load simulations."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, Index, Integer, Table, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.sql.expression import ColumnElement

from phoenix_platform.adapters.sql.metadata import (
    METADATA,
    Document,
    UtcDateTime,
    id_column,
    tenant_column,
)
from phoenix_platform.adapters.sql.pages import read_page
from phoenix_platform.adapters.sql.scopes import Scope, insert_new
from phoenix_platform.application.ports import Page, PageQuery
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.domain.load_simulations import LoadSimulation, LoadSimulationId

load_simulations: Final = Table(
    "load_simulations",
    METADATA,
    tenant_column(),
    id_column(),
    Column("deadline", UtcDateTime(), nullable=False),
    Column("stopped_at", UtcDateTime()),
    Column("document", Document(LoadSimulation), nullable=False),
    Column("version", Integer(), nullable=False),
    Index(None, "tenant_id", "deadline"),
)


class SqlLoadSimulations:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def get(self, load_id: LoadSimulationId) -> LoadSimulation:
        statement = select(load_simulations.c.document).where(
            self._is_ours(), load_simulations.c.id == load_id
        )
        found: LoadSimulation | None = (
            await self._scope.connection.execute(statement)
        ).scalar_one_or_none()
        if found is None:
            raise NotFoundError(f"there is no load simulation {load_id}", load=str(load_id))
        return found

    async def page(self, query: PageQuery) -> Page[LoadSimulation]:
        columns = load_simulations.c
        statement = select(columns.id, columns.document).where(self._is_ours())
        return await read_page(self._scope, statement, columns.id, query, _load)

    async def wanted(self, now: datetime) -> Sequence[LoadSimulation]:
        columns = load_simulations.c
        statement = (
            select(columns.document)
            .where(self._is_ours(), columns.deadline > now, columns.stopped_at.is_(None))
            .order_by(columns.id)
        )
        return (await self._scope.connection.execute(statement)).scalars().all()

    async def add(self, load: LoadSimulation) -> None:
        if not await insert_new(self._scope.connection, load_simulations, _values(load)):
            raise ConflictError(f"there is a load simulation {load.id} already")

    async def save(self, load: LoadSimulation) -> LoadSimulation:
        columns = load_simulations.c
        saved = replace(load, version=load.version + 1)
        statement = (
            update(load_simulations)
            .where(self._is_ours(), columns.id == load.id, columns.version == load.version)
            .values(_values(saved))
        )
        if (await self._scope.connection.execute(statement)).rowcount != 1:
            raise ConflictError("someone else changed the load simulation; read it again")
        return saved

    def _is_ours(self) -> ColumnElement[bool]:
        return load_simulations.c.tenant_id == self._scope.tenant_id


def _values(load: LoadSimulation) -> dict[str, Any]:
    return {
        "tenant_id": load.tenant_id,
        "id": load.id,
        "deadline": load.deadline,
        "stopped_at": load.stopped_at,
        "document": load,
        "version": load.version,
    }


def _load(row: RowMapping) -> LoadSimulation:
    load: LoadSimulation = row["document"]
    return load
