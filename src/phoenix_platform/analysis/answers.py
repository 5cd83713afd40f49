"""What a query of a guardrail came to, and when; kept in the record of a run, so that it can be judged again.

Written by whoever asks a Prometheus, read by `query_guardrails`. In a record they are columns of equal length,
numbers and times as they are, with a kind where JSON has no number.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from phoenix_platform.core.errors import InvalidInputError

_MOST_DETAIL: Final = 300
"""Characters of a Prometheus' own words that are kept."""


class AnswerKind(StrEnum):
    NUMBER = "number"
    PLUS_INFINITY = "plus_infinity"
    MINUS_INFINITY = "minus_infinity"
    NOT_A_NUMBER = "not_a_number"
    """As of a ratio without requests, 0 / 0."""
    NO_SERIES = "no_series"
    SEVERAL_SERIES = "several_series"
    """More than one number: which one is meant is not known."""
    REFUSED = "refused"
    """The query was understood as wrong, or could not be computed."""
    NO_ANSWER = "no_answer"
    """Nobody answered within the deadline, or with a failure of the server."""


_VALUE_OF: Final = {AnswerKind.PLUS_INFINITY: math.inf, AnswerKind.MINUS_INFINITY: -math.inf}
_COLUMNS: Final = (
    "guardrail", "evaluated_at_unix_ms", "received_at_unix_ms", "kind", "number", "detail",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    guardrail: str
    """Name of the guardrail that asked."""
    evaluated_at_unix_ms: int
    """The moment the query was asked for; milliseconds, as Prometheus has them."""
    received_at_unix_ms: int
    """When it was known what came of it; here it takes its place among the intervals."""
    kind: AnswerKind
    number: float | None = None
    """Finite; None for every kind but `number`."""
    detail: str = ""
    """Why there is no number, in words."""

    def __post_init__(self) -> None:
        has_number = self.number is not None and math.isfinite(self.number)
        if has_number != (self.kind is AnswerKind.NUMBER):
            raise InvalidInputError(
                f"answers: a {self.kind} of {self.guardrail} with the number {self.number}; only the kind "
                "'number' has one, and it is finite"
            )

    @property
    def value(self) -> float | None:
        """What can be compared with a limit, infinities too; None without one."""
        return self.number if self.kind is AnswerKind.NUMBER else _VALUE_OF.get(self.kind)

    @classmethod
    def of_value(
        cls, guardrail: str, value: float, *, evaluated_at_unix_ms: int, received_at_unix_ms: int
    ) -> "Answer":
        kind = AnswerKind.NUMBER
        if math.isnan(value):
            kind = AnswerKind.NOT_A_NUMBER
        elif math.isinf(value):
            kind = AnswerKind.PLUS_INFINITY if value > 0 else AnswerKind.MINUS_INFINITY
        return cls(
            guardrail=guardrail,
            evaluated_at_unix_ms=evaluated_at_unix_ms,
            received_at_unix_ms=received_at_unix_ms,
            kind=kind,
            number=value if kind is AnswerKind.NUMBER else None,
        )

    @classmethod
    def without_number(
        cls,
        guardrail: str,
        kind: AnswerKind,
        detail: str,
        *,
        evaluated_at_unix_ms: int,
        received_at_unix_ms: int,
    ) -> "Answer":
        return cls(
            guardrail=guardrail,
            evaluated_at_unix_ms=evaluated_at_unix_ms,
            received_at_unix_ms=received_at_unix_ms,
            kind=kind,
            detail=detail[:_MOST_DETAIL],
        )


def answer_columns(answers: Iterable[Answer]) -> dict[str, list[Any]]:
    """Answers as a record keeps them."""
    rows = list(answers)
    return {name: [getattr(row, name) for row in rows] for name in _COLUMNS}


def answers_of(columns: Mapping[str, Any] | None) -> list[Answer]:
    """The answers in a record; none in one without the columns.

    Raises:
        InvalidInputError: If a column is missing, or they are not as long as each other, or a value is
            none of its column.
    """
    if columns is None:
        return []
    try:
        rows = list(zip(*(_column(columns, name) for name in _COLUMNS), strict=True))
        return [_answer(row) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"answers: not as a record has them: {error}") from error


def _column(columns: Mapping[str, Any], name: str) -> Sequence[Any]:
    column: Sequence[Any] = columns[name]
    return column


def _answer(row: Sequence[Any]) -> Answer:
    guardrail, evaluated, received, kind, number, detail = row
    return Answer(
        guardrail=str(guardrail),
        evaluated_at_unix_ms=int(evaluated),
        received_at_unix_ms=int(received),
        kind=AnswerKind(kind),
        number=None if number is None else float(number),
        detail=str(detail),
    )
