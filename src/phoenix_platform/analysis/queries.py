"""What a guardrail by a query asks, and what must not come out: part of a plan, agreed before the start.

The trial and the control plane ask a site's Prometheus; `query_guardrails` judges what it answers. The words
are those of Prometheus, Argo Rollouts and Flagger where they have one.
"""

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from phoenix_platform.core.errors import InvalidInputError

MOST_QUERIES: Final = 20
"""Of one plan. Each is asked on its own; a site's Prometheus serves others too."""
MOST_QUERY_CHARACTERS: Final = 4_000
SHORTEST_INTERVAL: Final = timedelta(seconds=1)

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_CONDITION: Final = re.compile(
    r"(?P<query>.*?\S)\s*(?P<sign><=|>=|<|>|==|!=)\s*(?P<limit>\S+)", re.DOTALL
)


class NoData(StrEnum):
    """What it means that a query has no number: no series, NaN, or no answer at all."""

    PENDING = "pending"
    """Nothing is promoted meanwhile; a run that ends so is inconclusive."""
    ABORT = "abort"
    """As many answers in a row without a number as would abort beyond the limit abort too."""
    IGNORE = "ignore"
    """The guardrail is then not measured, and the verdict names it; never a pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryGuardrail:
    name: str
    """Lower-case letters, digits, `-` and `_`; unique in its plan."""
    query: str
    """PromQL that gives one number: a scalar, or a vector of one series."""
    max: float | None = None
    """The most that is allowed; the limit itself is."""
    min: float | None = None
    """The least that is allowed; the limit itself is."""
    interval: timedelta = timedelta(seconds=15)
    """Time between two questions; a usual scrape interval, below which Prometheus has nothing new."""
    consecutive: int = 3
    """Answers in a row beyond a limit that abort, and within the limits that pass. Never one alone by
    default: single values of a good system lie beyond any useful limit now and then."""
    no_data: NoData = NoData.PENDING

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInputError(
                f"name: not a name of a guardrail: {self.name!r}; write lower-case letters, digits, - and _, "
                "such as checkout-errors"
            )
        where = f"guardrail {self.name}"
        if not self.query.strip() or len(self.query) > MOST_QUERY_CHARACTERS:
            raise InvalidInputError(
                f"{where}: query: {len(self.query)} characters; write a PromQL query of 1 to "
                f"{MOST_QUERY_CHARACTERS}"
            )
        _check_limits(where, self.min, self.max)
        if self.interval < SHORTEST_INTERVAL:
            raise InvalidInputError(f"{where}: interval: below 1 s: {self.interval}; write 15s")
        if self.consecutive < 1:
            raise InvalidInputError(
                f"{where}: consecutive: below 1: {self.consecutive}; write 1 for a single answer"
            )

    def is_beyond(self, value: float) -> bool:
        is_above = self.max is not None and value > self.max
        return is_above or (self.min is not None and value < self.min)

    def limit_for(self, value: float | None) -> float:
        """The limit that a value breaks, or else the one that it is nearer to."""
        limits = [limit for limit in (self.max, self.min) if limit is not None]
        return limits[0] if value is None else min(limits, key=lambda limit: abs(limit - value))

    def limits_sentence(self) -> str:
        """`at most 5`, `at least 0.99`, `0 to 5`."""
        if self.min is None:
            return f"at most {self.max:g}"
        return f"at least {self.min:g}" if self.max is None else f"{self.min:g} to {self.max:g}"


def _check_limits(where: str, low: float | None, high: float | None) -> None:
    if low is None and high is None:
        raise InvalidInputError(f"{where}: no limit; give max, min or both")
    for field, limit in (("min", low), ("max", high)):
        if limit is not None and not math.isfinite(limit):
            raise InvalidInputError(f"{where}: {field}: not a finite number: {limit}; leave it out")
    if low is not None and high is not None and low > high:
        raise InvalidInputError(f"{where}: min is above max: {low:g} > {high:g}; exchange them")


def parse_guardrail(text: str, *, field: str) -> QueryGuardrail:
    """Read `NAME=QUERY <= 5` or `NAME=QUERY >= 0.99`: what must hold, with the default rules.

    Raises:
        InvalidInputError: If it is not of this form, or one of its parts is wrong.
    """
    name, equals, condition = text.partition("=")
    match = _last_condition(condition)
    if not equals or match is None:
        raise InvalidInputError(
            f"{field}: not of the form NAME=QUERY <= NUMBER: {text!r}; write for instance "
            "'errors=sum(rate(http_errors_total[1m])) <= 5'"
        )
    query, sign, number = match
    if sign not in {"<=", ">="}:
        raise InvalidInputError(
            f"{field}: {name.strip()}: compares with {sign}; write what must hold with <= or >=, the limit "
            "included"
        )
    is_most = sign == "<="
    return QueryGuardrail(
        name=name.strip(),
        query=query,
        max=number if is_most else None,
        min=None if is_most else number,
    )


def _last_condition(text: str) -> tuple[str, str, float] | None:
    """The query, the sign and the number behind its last comparison; a query may hold others."""
    found: tuple[str, str, float] | None = None
    at = 0
    while match := _CONDITION.match(text, at):
        at = match.end("sign")
        try:
            limit = float(text[at:])
        except ValueError:
            continue
        found = text[: match.end("query")].strip(), match["sign"], limit
    return found
