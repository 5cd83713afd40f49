"""The record of a trial: what it rests on, and the same verdict again from nothing but the record."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from phoenix_platform.analysis.answers import answers_of
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.verdicts import Conditions, Judgement, judge
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.sample_columns import samples_of

FORMAT: Final = "phoenix.trial/1"


def judge_again(record: Mapping[str, Any]) -> Judgement:
    """The judgement of a record's samples under its plan and its conditions.

    Raises:
        InvalidInputError: If it is no record of this format, or a part of it is missing or wrong.
    """
    if record.get("format") != FORMAT:
        raise InvalidInputError(
            f"format: {record.get('format')!r} is not {FORMAT!r}; is this the record of a trial?"
        )
    try:
        plan = msgspec.convert(record["plan"], Plan)
        # When hosts left is in nanoseconds, beyond 2^53, and so written as text.
        conditions = msgspec.convert(record["conditions"], Conditions, strict=False)
        columns = record["samples"]
    except KeyError as error:
        raise InvalidInputError(f"{error.args[0]}: missing from the record") from error
    except msgspec.ValidationError as error:
        raise InvalidInputError(f"plan or conditions: {error}") from error
    return judge(samples_of(columns), plan, conditions, answers_of(record.get("answers")))


def differences(record: Mapping[str, Any], again: Judgement) -> list[str]:
    """Where the record's judgement differs from the one made again, one sentence each.

    Raises:
        InvalidInputError: If the record has no judgement.
    """
    recorded: dict[str, Any] | None = record.get("judgement")
    if not isinstance(recorded, dict):
        raise InvalidInputError(
            "judgement: the record has none, its run broke off before a verdict; there is nothing to verify"
        )
    computed: Any = msgspec.to_builtins(again)
    # Both through JSON, so that what JSON cannot tell apart is not called a difference.
    computed = msgspec.json.decode(msgspec.json.encode(computed))
    return [
        f"{field}: the record says {_short(recorded.get(field))}, its samples say {_short(value)}"
        for field, value in computed.items()
        if recorded.get(field) != value
    ]


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 200 else f"{text[:200]}…"  # noqa: PLR2004 - one line of a screen or two
