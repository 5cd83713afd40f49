"""Versions of what can be changed: `ETag` on answers, `If-Match` on changes.

A route that changes asks for `expected_version: ExpectedVersionDep` and passes it to its use case, which raises
`ConflictError` with what is there now. One that answers a changeable thing returns `versioned(view, version)`.
"""

import re
from typing import Annotated, Final, TypeAlias, TypeVar

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, SkipValidation

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.server.errors import PreconditionMissingError

T = TypeVar("T")

ExpectedVersionDep: TypeAlias = NamedDependency[SkipValidation[int]]
"""`expected_version`: the version that the change was made from."""

_ETAG: Final = re.compile(r'"(\d{1,15})"')
_IfMatch: TypeAlias = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        description='The ETag that the change was made from, such as `"3"`. 428 without it.',
        max_length=64,
    ),
]


def provide_expected_version(if_match: _IfMatch = None) -> int:
    """The version in `If-Match`.

    Raises:
        PreconditionMissingError: If there is none.
        InvalidInputError: If it is no ETag of ours; `*` would overwrite what nobody saw.
    """
    if if_match is None:
        raise PreconditionMissingError(
            "If-Match: missing; read the thing, and send the ETag of the answer with the change"
        )
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        raise InvalidInputError(f'If-Match: {if_match!r} is no ETag of ours; send one such as "3"')
    return int(match[1])


def etag_of(version: int) -> str:
    return f'"{version}"'


def versioned(content: T, version: int, *, status_code: int = 200) -> Response[T]:
    """An answer with the ETag of what it shows."""
    return Response(content, status_code=status_code, headers={"ETag": etag_of(version)})
