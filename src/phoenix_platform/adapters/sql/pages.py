"""Pages of a list in the order of its ids, which is the order of birth (UUIDv7)."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.engine import RowMapping
from sqlalchemy.sql.expression import ColumnElement

from phoenix_platform.adapters.sql.scopes import Scope
from phoenix_platform.application.ports import Page, PageQuery
from phoenix_platform.core.errors import InvalidInputError

T = TypeVar("T")


async def read_page(
    scope: Scope,
    statement: Select[*tuple[Any, ...]],
    id_column: ColumnElement[Any],
    query: PageQuery,
    read: Callable[[RowMapping], T],
) -> Page[T]:
    """The part of `statement` that `query` asks for.

    Raises:
        InvalidInputError: If its cursor is none.
    """
    if query.after is not None:
        after = _uuid(query.after)
        statement = statement.where(id_column < after if query.newest_first else id_column > after)
    order = id_column.desc() if query.newest_first else id_column.asc()
    found = await scope.connection.execute(statement.order_by(order).limit(query.limit + 1))
    rows = found.mappings().all()
    kept = rows[: query.limit]
    is_more = len(rows) > query.limit
    return Page([read(row) for row in kept], str(kept[-1]["id"]) if is_more else None)


def _uuid(cursor: str) -> UUID:
    try:
        return UUID(cursor)
    except ValueError as error:
        raise InvalidInputError(
            f"after: {cursor!r} is no cursor; give the `next` of a page"
        ) from error
