"""Experiments and their transitions; also the last judgement and the certificate of each, which go with it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    delete,
    select,
    update,
)
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
from phoenix_platform.adapters.sql.scopes import Scope, insert_new, put
from phoenix_platform.application.ports import ExperimentQuery, Page, PageQuery
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.domain.experiment_lifecycle import Phase, Trigger
from phoenix_platform.domain.experiments import Experiment, ExperimentId, Transition

experiments: Final = Table(
    "experiments",
    METADATA,
    tenant_column(),
    id_column(),
    Column("name", String(200), nullable=False),
    Column("phase", String(50), nullable=False),
    Column("document", Document(Experiment), nullable=False),
    Column("version", Integer(), nullable=False),
    Index(None, "tenant_id", "phase"),
)


def of_experiment() -> ForeignKeyConstraint:
    """It goes with its experiment."""
    return ForeignKeyConstraint(
        ["tenant_id", "experiment_id"],
        ["experiments.tenant_id", "experiments.id"],
        ondelete="CASCADE",
    )


experiment_transitions: Final = Table(
    "experiment_transitions",
    METADATA,
    tenant_column(),
    id_column("experiment_id"),
    Column("number", Integer(), primary_key=True, autoincrement=False),
    Column("phase_before", String(50), nullable=False),
    Column("phase_after", String(50), nullable=False),
    Column("cause", String(50), nullable=False),
    Column("actor", Text(), nullable=False),
    Column("reason", Text()),
    Column("at", UtcDateTime(), nullable=False),
    of_experiment(),
)
certificates: Final = Table(
    "certificates",
    METADATA,
    tenant_column(),
    id_column("experiment_id"),
    Column("content", LargeBinary(), nullable=False),
    Column("at", UtcDateTime(), nullable=False),
    of_experiment(),
)
judgements: Final = Table(
    "judgements",
    METADATA,
    tenant_column(),
    id_column("experiment_id"),
    Column("body", LargeBinary(), nullable=False),
    Column("at", UtcDateTime(), nullable=False),
    of_experiment(),
)


class SqlExperiments:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def get(self, experiment_id: ExperimentId) -> Experiment:
        statement = select(experiments.c.document).where(
            self._is_ours(), experiments.c.id == experiment_id
        )
        found: Experiment | None = (
            await self._scope.connection.execute(statement)
        ).scalar_one_or_none()
        if found is None:
            raise _not_found(experiment_id)
        return found

    async def page(self, query: PageQuery, where: ExperimentQuery) -> Page[Experiment]:
        statement = select(experiments.c.id, experiments.c.document).where(self._is_ours())
        if where.phases:
            statement = statement.where(experiments.c.phase.in_(sorted(where.phases)))
        if where.name is not None:
            statement = statement.where(experiments.c.name.icontains(where.name, autoescape=True))
        return await read_page(self._scope, statement, experiments.c.id, query, _experiment)

    async def in_phases(self, phases: frozenset[Phase]) -> Sequence[Experiment]:
        statement = (
            select(experiments.c.document)
            .where(self._is_ours(), experiments.c.phase.in_(sorted(phases)))
            .order_by(experiments.c.id)
        )
        return (await self._scope.connection.execute(statement)).scalars().all()

    async def add(self, experiment: Experiment) -> None:
        if not await insert_new(self._scope.connection, experiments, _values(experiment)):
            raise ConflictError(f"there is an experiment {experiment.id} already")

    async def save(self, experiment: Experiment) -> Experiment:
        saved = replace(experiment, version=experiment.version + 1)
        statement = (
            update(experiments)
            .where(
                self._is_ours(),
                experiments.c.id == experiment.id,
                experiments.c.version == experiment.version,
            )
            .values(_values(saved))
        )
        if (await self._scope.connection.execute(statement)).rowcount != 1:
            raise ConflictError("someone else changed the experiment; read it again")
        return saved

    async def remove(self, experiment_id: ExperimentId) -> None:
        statement = delete(experiments).where(self._is_ours(), experiments.c.id == experiment_id)
        if (await self._scope.connection.execute(statement)).rowcount != 1:
            raise _not_found(experiment_id)

    async def add_transition(self, transition: Transition) -> None:
        values = {
            "tenant_id": self._scope.tenant_id,
            "experiment_id": transition.experiment_id,
            "number": transition.number,
            "phase_before": str(transition.before),
            "phase_after": str(transition.after),
            "cause": str(transition.trigger),
            "actor": transition.actor,
            "reason": transition.reason,
            "at": transition.at,
        }
        if not await insert_new(self._scope.connection, experiment_transitions, values):
            raise ConflictError(
                f"someone else moved the experiment: transition {transition.number} is there already"
            )

    async def transitions(self, experiment_id: ExperimentId) -> Sequence[Transition]:
        columns = experiment_transitions.c
        statement = (
            select(experiment_transitions)
            .where(
                columns.tenant_id == self._scope.tenant_id, columns.experiment_id == experiment_id
            )
            .order_by(columns.number)
        )
        found = await self._scope.connection.execute(statement)
        return [_transition(row) for row in found.mappings()]

    def _is_ours(self) -> ColumnElement[bool]:
        return experiments.c.tenant_id == self._scope.tenant_id


class SqlJudgements:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def put(self, experiment_id: ExperimentId, body: bytes, *, at: datetime) -> None:
        values = {
            "tenant_id": self._scope.tenant_id,
            "experiment_id": experiment_id,
            "body": body,
            "at": at,
        }
        await put(self._scope.connection, judgements, values)

    async def get(self, experiment_id: ExperimentId) -> tuple[bytes, datetime] | None:
        columns = judgements.c
        statement = select(columns.body, columns.at).where(
            columns.tenant_id == self._scope.tenant_id, columns.experiment_id == experiment_id
        )
        row = (await self._scope.connection.execute(statement)).one_or_none()
        return None if row is None else (row.body, row.at)


class SqlCertificates:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def add(self, experiment_id: ExperimentId, content: bytes, *, at: datetime) -> None:
        values = {
            "tenant_id": self._scope.tenant_id,
            "experiment_id": experiment_id,
            "content": content,
            "at": at,
        }
        if not await insert_new(self._scope.connection, certificates, values):
            raise ConflictError("the experiment has its certificate already; it never changes")

    async def get(self, experiment_id: ExperimentId) -> bytes:
        columns = certificates.c
        statement = select(columns.content).where(
            columns.tenant_id == self._scope.tenant_id, columns.experiment_id == experiment_id
        )
        content: bytes | None = (
            await self._scope.connection.execute(statement)
        ).scalar_one_or_none()
        if content is None:
            raise NotFoundError(
                "the experiment has no certificate; a completed one has",
                experiment=str(experiment_id),
            )
        return content


def _values(experiment: Experiment) -> dict[str, Any]:
    return {
        "tenant_id": experiment.tenant_id,
        "id": experiment.id,
        "name": experiment.name,
        "phase": str(experiment.phase),
        "document": experiment,
        "version": experiment.version,
    }


def _experiment(row: RowMapping) -> Experiment:
    experiment: Experiment = row["document"]
    return experiment


def _transition(row: RowMapping) -> Transition:
    return Transition(
        experiment_id=ExperimentId(row["experiment_id"]),
        number=row["number"],
        before=Phase(row["phase_before"]),
        after=Phase(row["phase_after"]),
        trigger=Trigger(row["cause"]),
        actor=row["actor"],
        reason=row["reason"],
        at=row["at"],
    )


def _not_found(experiment_id: ExperimentId) -> NotFoundError:
    return NotFoundError(f"there is no experiment {experiment_id}", experiment=str(experiment_id))
