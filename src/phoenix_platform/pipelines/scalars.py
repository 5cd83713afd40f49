"""What a plain YAML scalar means to the collector, and how long a Go duration is.

The collector reads YAML with go.yaml.in/yaml/v3, which is neither YAML 1.1 nor 1.2: `on` and `no` are
text, `010` is eight, `1_000` a thousand. Whatever is read here means the same to the collector, so that
what is written back does not change a configuration. Called by `documents` and the readers of settings.
"""

import math
import re
from datetime import timedelta
from typing import Final, TypeAlias

from phoenix_platform.core.errors import InvalidInputError

Scalar: TypeAlias = bool | int | float | str | None

_NAMED: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER: Final = re.compile(
    r"([-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[oO]?(?P<octal>[0-7]+)|0[bB](?P<binary>[01]+)|(?P<decimal>0|[1-9][0-9]*))"
)
_BASE_OF: Final = {"hex": 16, "octal": 8, "binary": 2, "decimal": 10}
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INTEGER_LIMITS: Final = (-(2**63), 2**64 - 1)
"""Integers beyond are floats to Go (int64, then uint64)."""

_NANOSECONDS_OF: Final = {
    "ns": 1,
    "us": 10**3,
    "\N{MICRO SIGN}s": 10**3,
    "\N{GREEK SMALL LETTER MU}s": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_DURATION_PART: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)", re.ASCII)


def resolve_plain(text: str) -> Scalar:
    """The value of an unquoted scalar. Dates stay text.

    Source: `resolve` in go.yaml.in/yaml/v3 v3.0.5, resolve.go.
    """
    if text in _NAMED:
        return _NAMED[text]
    if text[0] not in "+-.0123456789":
        return text
    digits = text if text[0] == "." else text.replace("_", "")
    integer = _INTEGER.fullmatch(digits)
    if integer is not None:
        base = str(integer.lastgroup)
        value = int(integer[1] + integer[base], _BASE_OF[base])
        if _INTEGER_LIMITS[0] <= value <= _INTEGER_LIMITS[1]:
            return value
    if _FLOAT.fullmatch(digits) is not None:
        value_as_float = float(digits)
        return text if math.isinf(value_as_float) else value_as_float
    return text


def parse_go_duration(value: object, *, field: str) -> timedelta:
    """Read `1m0s`, `1.5h`, `-200ms` or `0` as the collector does, to the microsecond.

    Raises:
        InvalidInputError: If it is not a duration; the collector refuses it too.
    """
    nanoseconds = _nanoseconds_of(value) if isinstance(value, str) else None
    if value == 0 and not isinstance(value, bool):
        nanoseconds = 0.0
    if nanoseconds is None:
        raise InvalidInputError(f"{field}: not a duration: {value!r}; write 500ms, 10s or 1m30s")
    return timedelta(microseconds=nanoseconds / 1000)


def _nanoseconds_of(text: str) -> float | None:
    """Source: Go's `time.ParseDuration`."""
    unsigned = text[1:] if text[:1] in ("+", "-") else text
    total, end = 0.0, 0
    if unsigned == "0":
        return 0.0
    for match in _DURATION_PART.finditer(unsigned):
        if match.start() != end:
            return None
        total += float(match[1]) * _NANOSECONDS_OF[match[2]]
        end = match.end()
    if end != len(unsigned) or end == 0:
        return None
    return -total if text[0] == "-" else total


def show_go_duration(duration: timedelta) -> str:
    """The shortest spelling that `parse_go_duration` and the collector read back exactly."""
    microseconds = duration // timedelta(microseconds=1)
    for unit, size in (("s", 10**6), ("ms", 10**3)):
        if microseconds % size == 0:
            return f"{microseconds // size}{unit}"
    return f"{microseconds}us"
