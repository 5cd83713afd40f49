"""How the fleet's commands read what people write and say what the API tells: labels, times, references."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Protocol, TypeAlias, TypeVar
from uuid import UUID

import typer

from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.core.errors import ConflictError, InvalidInputError, NotFoundError

ReasonOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--reason", help="Why; it goes into the audit trail.", metavar="TEXT", show_default=False
    ),
]

YesOption: TypeAlias = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


class Named(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


def as_uuid(reference: str) -> UUID | None:
    """The id, if it is written as one."""
    try:
        return UUID(reference)
    except ValueError:
        return None


def the_one(reference: str, found: Iterable[N], *, noun: str) -> N:
    """The thing of this id or name.

    Raises:
        NotFoundError: If there is none.
        InvalidInputError: If several have the name.
    """
    wanted = as_uuid(reference)
    matches = [
        one for one in found if (one.id == wanted if wanted is not None else one.name == reference)
    ]
    if not matches:
        raise NotFoundError(f"{noun}: there is no {reference!r}; see phoenix {noun} list")
    if len(matches) > 1:
        ids = ", ".join(str(one.id) for one in matches[:5])
        raise InvalidInputError(
            f"{noun}: {len(matches)} are called {reference!r}; name one by its id: {ids}"
        )
    return matches[0]


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is gone, unless it was said already.

    Raises:
        ConflictError: If the answer is no.
    """
    if not yes and not typer.confirm(question, err=True):
        raise ConflictError("nothing was changed, as you did not say yes")


def labels_of(texts: Iterable[str], *, field: str) -> dict[str, str]:
    """`env=prod` as a label.

    Raises:
        InvalidInputError: If one is not written so.
    """
    labels: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InvalidInputError(f"{field}: not KEY=VALUE: {text!r}; write env=prod")
        labels[key] = value
    return labels


def show_labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" if value else key for key, value in sorted(labels.items()))


def show_time(at: datetime | None) -> str:
    """To the second, with its zone."""
    return NO_DATA if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"


def short_hash(text: str) -> str:
    """Enough of a hash to tell two apart by eye."""
    return text.removeprefix("sha256:")[:12]
