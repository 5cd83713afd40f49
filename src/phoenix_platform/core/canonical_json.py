"""JSON with one spelling per value (RFC 8785), for everything that is hashed or signed."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from phoenix_platform.core.errors import InvalidInputError

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None

_MAX_EXACT_INTEGER = 2**53


def canonical_json(value: Json) -> bytes:
    """The RFC 8785 form of `value`, UTF-8.

    Raises:
        InvalidInputError: On NaN, infinities, integers beyond ±2^53 (a reader with doubles would
            change them; write them as text) and text with lone surrogates.
    """
    try:
        return _text_of(value).encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"text with a lone surrogate has no JSON: {error}") from error


def _text_of(value: Json) -> str:
    match value:
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False)
        case int():
            if abs(value) > _MAX_EXACT_INTEGER:
                raise InvalidInputError(f"integer beyond 2^53 in canonical JSON: {value}")
            return str(value)
        case float():
            return _number(value)
        case Mapping():
            # RFC 8785 sorts by UTF-16 code units, which differs from code points beyond U+FFFF.
            keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
            members = (
                f"{json.dumps(key, ensure_ascii=False)}:{_text_of(value[key])}" for key in keys
            )
            return "{" + ",".join(members) + "}"
        case _:
            return "[" + ",".join(map(_text_of, value)) + "]"


def _number(value: float) -> str:
    """ECMAScript's `Number::toString`, which RFC 8785 prescribes."""
    if not math.isfinite(value):
        raise InvalidInputError(f"number without a JSON form: {value}")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent_text = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    # `point` is the n of ECMA-262: value = 0.digits × 10^point.
    leading_zeros = len(whole + fraction) - len(digits)
    point = int(exponent_text or 0) + len(whole) - leading_zeros
    digits = digits.rstrip("0")
    return sign + _layout(digits, point)


def _layout(digits: str, point: int) -> str:
    count = len(digits)
    if count <= point <= 21:  # noqa: PLR2004 - ECMA-262 Number::toString, step 6
        return digits + "0" * (point - count)
    if 0 < point <= 21:  # noqa: PLR2004 - step 7
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:  # noqa: PLR2004 - step 8
        return "0." + "0" * -point + digits
    exponent = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return digits[0] + (f".{digits[1:]}" if count > 1 else "") + exponent
