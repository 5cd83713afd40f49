"""Lists page by page: `cursor` and `limit` in, `next_cursor` out. A route asks for `page: PageDep`.

A cursor is opaque: what it holds may change with any version, so it is only good for the next request.
"""

import base64
import binascii
from typing import Annotated, TypeAlias

from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation

from phoenix_platform.application.ports import DEFAULT_PAGE, MAX_PAGE, PageQuery
from phoenix_platform.core.errors import InvalidInputError

PageDep: TypeAlias = NamedDependency[SkipValidation[PageQuery]]
"""`page`: the part of the list that was asked for."""

_CursorParameter: TypeAlias = Annotated[
    str | None,
    QueryParameter(description="`next_cursor` of the page before; none begins.", max_length=512),
]
_LimitParameter: TypeAlias = Annotated[
    int, QueryParameter(description="Items of a page.", ge=1, le=MAX_PAGE)
]


def provide_page(
    cursor: _CursorParameter = None, limit: _LimitParameter = DEFAULT_PAGE
) -> PageQuery:
    """The query of a page; an altered cursor is an `InvalidInputError`."""
    return PageQuery(after=None if cursor is None else decode_cursor(cursor), limit=limit)


def encode_cursor(position: str | None) -> str | None:
    """What a repository calls the position of the last item, as clients carry it."""
    if position is None:
        return None
    return base64.urlsafe_b64encode(b"1" + position.encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> str:
    """The position that a cursor stands for.

    Raises:
        InvalidInputError: If we did not make this cursor.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        text = raw.decode()
    except (binascii.Error, ValueError) as error:
        raise _altered(cursor) from error
    if not text.startswith("1") or "\0" in text:
        raise _altered(cursor)
    return text[1:]


def _altered(cursor: str) -> InvalidInputError:
    return InvalidInputError(
        f"cursor: {cursor[:40]!r} is none of ours; take next_cursor of the page before as it is"
    )
