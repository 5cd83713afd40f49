"""What all tables share: names of constraints, and column types that read back what was written.

Tables stand in the module of their noun (`adapters.sql.hosts`); migrations write theirs out by hand, and a test
holds the two to each other. A table that belongs to customers begins with `tenant_column()`.
"""

from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

T = TypeVar("T")

METADATA: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
"""With names by rule, so that a migration can drop on PostgreSQL and SQLite what another one made."""

Json: Final = JSON().with_variant(JSONB(), "postgresql")
"""For what is searched by its parts. Not for what is hashed: JSONB keeps neither order nor spelling."""

Counter: Final = BigInteger().with_variant(Integer(), "sqlite")
"""A key that the database counts up; SQLite does so for INTEGER only."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, in UTC to the microsecond; SQLite forgets zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value.isoformat()}; give UTC")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Document(TypeDecorator[T]):
    """A whole value as JSON text, written and read by msgspec; its columns beside it are for searching."""

    impl = Text
    cache_ok = True

    def __init__(self, type_: type[T]) -> None:
        super().__init__()
        self.type_ = type_
        self._decoder = msgspec.json.Decoder(type_)

    def process_bind_param(self, value: T | None, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> T | None:
        return None if value is None else self._decoder.decode(value)


def tenant_column() -> Column[UUID]:
    """First column and first part of the key of every row that belongs to a customer."""
    return Column("tenant_id", Uuid(), ForeignKey("tenants.id"), primary_key=True)


def id_column(name: str = "id") -> Column[UUID]:
    return Column(name, Uuid(), primary_key=True)
