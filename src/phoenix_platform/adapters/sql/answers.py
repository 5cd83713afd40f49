"""Answers to the queries of experiments: a row each, one effect each, in the order in which they came.

Only the holder of one lease writes them, under its fence, so positions are given one after the other.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, Column, String, Table, UniqueConstraint, func, select

from phoenix_platform.adapters.sql.experiments import of_experiment
from phoenix_platform.adapters.sql.metadata import METADATA, Document, id_column, tenant_column
from phoenix_platform.adapters.sql.scopes import Scope, insert_new
from phoenix_platform.analysis.answers import Answer
from phoenix_platform.domain.experiments import ExperimentId

answers_table: Final = Table(
    "answers",
    METADATA,
    tenant_column(),
    id_column("experiment_id"),
    Column("guardrail", String(63), primary_key=True),
    Column("evaluated_at_unix_ms", BigInteger(), primary_key=True, autoincrement=False),
    Column("position", BigInteger(), nullable=False),
    Column("document", Document(Answer), nullable=False),
    UniqueConstraint("tenant_id", "experiment_id", "position"),
    of_experiment(),
)


class SqlAnswers:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def add(self, experiment_id: ExperimentId, answers: Sequence[Answer]) -> int:
        columns, new = answers_table.c, 0
        key = {"tenant_id": self._scope.tenant_id, "experiment_id": experiment_id}
        last = select(func.coalesce(func.max(columns.position), 0)).where(
            columns.tenant_id == self._scope.tenant_id, columns.experiment_id == experiment_id
        )
        position: int = (await self._scope.connection.execute(last)).scalar_one()
        for answer in answers:
            values = {
                **key,
                "guardrail": answer.guardrail,
                "evaluated_at_unix_ms": answer.evaluated_at_unix_ms,
                "position": position + new + 1,
                "document": answer,
            }
            new += await insert_new(self._scope.connection, answers_table, values)
        return new

    async def after(
        self, experiment_id: ExperimentId, position: int, limit: int
    ) -> tuple[Sequence[Answer], int]:
        columns = answers_table.c
        statement = (
            select(columns.position, columns.document)
            .where(
                columns.tenant_id == self._scope.tenant_id,
                columns.experiment_id == experiment_id,
                columns.position > position,
            )
            .order_by(columns.position)
            .limit(limit)
        )
        rows = (await self._scope.connection.execute(statement)).all()
        return [row.document for row in rows], rows[-1].position if rows else position
