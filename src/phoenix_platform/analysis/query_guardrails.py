"""Guardrail: what a site's own Prometheus says while the experiment runs.

Unlike the means, an answer is compared as it is: the query averages over the time that its author wants. So it
has no bounds and takes no share of the level of aborts. `evidence` feeds one state per query in the order in
which the answers came; states are values, so that `verdicts` can look ahead without walking back.
"""

from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Self

from phoenix_platform.analysis.answers import Answer, AnswerKind
from phoenix_platform.analysis.guardrails import GuardrailResult, GuardrailStatus
from phoenix_platform.analysis.queries import NoData, QueryGuardrail

_WHY: Final = {
    AnswerKind.NOT_A_NUMBER: "NaN",
    AnswerKind.NO_SERIES: "no series",
    AnswerKind.SEVERAL_SERIES: "several series",
    AnswerKind.REFUSED: "the query was refused",
    AnswerKind.NO_ANSWER: "no answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryState:
    """What is known of one query after some of its answers."""

    guardrail: QueryGuardrail
    answers: int = 0
    beyond_in_a_row: int = 0
    """Answers beyond a limit at the end. One without a number stands between them and proves nothing."""
    within_in_a_row: int = 0
    without_in_a_row: int = 0
    """Answers without a number at the end."""
    last_value: float | None = None
    last: Answer | None = None
    is_broken: bool = False
    """Stays so: what came afterwards does not mend it."""

    def after(self, answer: Answer) -> Self:
        if self.is_broken:
            return self
        value, limit = answer.value, self.guardrail.consecutive
        if value is None:
            without = self.without_in_a_row + 1
            is_broken = self.guardrail.no_data is NoData.ABORT and without >= limit
            changed = replace(self, without_in_a_row=without, is_broken=is_broken)
        else:
            is_beyond = self.guardrail.is_beyond(value)
            beyond = self.beyond_in_a_row + 1 if is_beyond else 0
            changed = replace(
                self,
                beyond_in_a_row=beyond,
                within_in_a_row=0 if is_beyond else self.within_in_a_row + 1,
                without_in_a_row=0,
                last_value=value,
                is_broken=beyond >= limit,
            )
        return replace(changed, answers=self.answers + 1, last=answer)

    def result(self) -> GuardrailResult:
        status = self._status()
        return GuardrailResult(
            name=self.guardrail.name,
            status=status,
            value=self._finite_value,
            bound=None,
            limit=self.guardrail.limit_for(self.last_value),
            unit="",
            reason=self._reason(status),
        )

    @property
    def _finite_value(self) -> float | None:
        return None if self.last is None else self.last.number

    def _status(self) -> GuardrailStatus:
        if self.is_broken:
            return GuardrailStatus.ABORT
        if self.last is not None and not self.without_in_a_row:
            is_kept = self.within_in_a_row >= self.guardrail.consecutive
            return GuardrailStatus.PASS if is_kept else GuardrailStatus.PENDING
        if self.guardrail.no_data is not NoData.IGNORE:
            return GuardrailStatus.NO_DATA
        # What was last seen beyond its limit is not let go because nothing is seen any more.
        return GuardrailStatus.PENDING if self.beyond_in_a_row else GuardrailStatus.NOT_MEASURED

    def _reason(self, status: GuardrailStatus) -> str:
        guardrail, last = self.guardrail, self.last
        if last is None:
            return "Its query was not answered yet."
        allowed = guardrail.limits_sentence()
        if last.value is None:
            why = last.detail or _WHY[last.kind]
            said = f"Its query gave no number in the last {_answers(self.without_in_a_row)}: {why}."
            if self.last_value is not None:
                said += f" Before that it was {self.last_value:.6g}; allowed is {allowed}."
            return said
        seen = f"Its query gave {last.value:.6g}; allowed is {allowed}"
        match status:
            case GuardrailStatus.ABORT:
                return (
                    f"{seen}, and it was beyond that in {_answers(self.beyond_in_a_row)} in a row."
                )
            case GuardrailStatus.PASS:
                return f"{seen}, as in the last {_answers(self.within_in_a_row)}."
            case _:
                in_a_row = self.beyond_in_a_row or self.within_in_a_row
                side = "beyond" if self.beyond_in_a_row else "within"
                return f"{seen}; {side} it in {in_a_row} of {_answers(guardrail.consecutive)} in a row."


@dataclass(frozen=True, slots=True)
class QueryStates:
    """All queries of a plan."""

    states: tuple[QueryState, ...] = ()

    @classmethod
    def of(cls, guardrails: Iterable[QueryGuardrail]) -> Self:
        return cls(tuple(QueryState(guardrail=guardrail) for guardrail in guardrails))

    @property
    def is_broken(self) -> bool:
        return any(state.is_broken for state in self.states)

    def after(self, answers: Iterable[Answer]) -> Self:
        """With more answers, in the order in which they came. Those of no query of the plan are let go."""
        states = {state.guardrail.name: state for state in self.states}
        for answer in answers:
            if answer.guardrail in states:
                states[answer.guardrail] = states[answer.guardrail].after(answer)
        return replace(self, states=tuple(states.values()))

    def results(self) -> tuple[GuardrailResult, ...]:
        return tuple(state.result() for state in self.states)


class AnswersToCome:
    """Answers that are known and whose place among the intervals was not reached yet."""

    def __init__(self) -> None:
        self._waiting: list[Answer] = []
        self._taken_until_ms = -1

    def __iter__(self) -> Iterator[Answer]:
        return iter(self._waiting)

    def has_room_for(self, answer: Answer) -> bool:
        """Whether it comes behind what was taken; if not, the walk must begin again."""
        return answer.received_at_unix_ms > self._taken_until_ms

    def add(self, answer: Answer) -> None:
        insort(self._waiting, answer, key=_place)

    def take(self, until_unix_nano: int) -> list[Answer]:
        """Those received until then, in their order."""
        until_ms = until_unix_nano // 1_000_000
        self._taken_until_ms = max(self._taken_until_ms, until_ms)
        taken = [one for one in self._waiting if one.received_at_unix_ms <= until_ms]
        self._waiting = self._waiting[len(taken) :]
        return taken


def _place(answer: Answer) -> tuple[int, int, str, str, float]:
    """One order for the same answers, however they came here."""
    number = answer.number or 0.0
    return (
        answer.received_at_unix_ms,
        answer.evaluated_at_unix_ms,
        answer.guardrail,
        answer.kind,
        number,
    )


def _answers(count: int) -> str:
    return "1 answer" if count == 1 else f"{count} answers"
