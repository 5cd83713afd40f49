"""Quantities as people write them: durations (`90s`, `15m`), shares (`30%`), bytes (`64MiB`)."""

import re
from datetime import timedelta

from phoenix_platform.core.errors import InvalidInputError

_SECONDS_OF = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SIZE = re.compile(r"(\d{1,15}(?:\.\d+)?)\s?(B|KiB|MiB|GiB|TiB)?")
_BYTES_OF = ("B", "KiB", "MiB", "GiB", "TiB")
_BINARY_STEP = 1024


def parse_duration(text: str, *, field: str) -> timedelta:
    """Read `1s`, `500ms`, `1m30s`.

    Raises:
        InvalidInputError: If it is not such a duration, or not above zero.
    """
    seconds, end = 0.0, 0
    for match in _PART.finditer(text):
        if match.start() != end:
            break
        seconds += float(match[1]) * _SECONDS_OF[match[2]]
        end = match.end()
    if end != len(text) or seconds <= 0:
        raise InvalidInputError(
            f"{field}: not a duration above zero: {text!r}; write 1s, 5m or 1h30m"
        )
    try:
        return timedelta(seconds=seconds)
    except OverflowError as error:
        raise InvalidInputError(f"{field}: too long: {text!r}") from error


def parse_share(text: str, *, field: str) -> float:
    """Read `30%` or `0.3` as 0.3.

    Raises:
        InvalidInputError: If it is not between 0 and 1, both excluded.
    """
    number, percent = text.removesuffix("%"), text.endswith("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise InvalidInputError(f"{field}: not between 0% and 100%: {text!r}; write 30% or 0.3")
    return share


def parse_bytes(text: str, *, field: str) -> int:
    """Read `512MiB`, `1GiB`, `4096B` or a plain number of bytes.

    Raises:
        InvalidInputError: If it is not such a size, or not above zero.
    """
    match = _SIZE.fullmatch(text)
    size = round(float(match[1]) * _BINARY_STEP ** _BYTES_OF.index(match[2] or "B")) if match else 0
    if size <= 0:
        raise InvalidInputError(f"{field}: not a size above zero: {text!r}; write 512MiB or 1GiB")
    return size


def show_duration(seconds: float) -> str:
    """`0.25 s`, `42 s`, `7 min 30 s`, `2 h 5 min`."""
    if seconds < 10:  # noqa: PLR2004 - below ten seconds, tenths matter to a reader
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s"


def show_bytes(count: float) -> str:
    """`812 B`, `1.9 KiB`, `45 MiB`; binary prefixes (IEC 80000-13)."""
    step = 0
    while abs(count) >= _BINARY_STEP and step < len(_BYTES_OF) - 1:
        count, step = count / _BINARY_STEP, step + 1
    is_whole = step == 0 or abs(count) >= 100  # noqa: PLR2004 - three digits suffice
    return f"{count:.0f} {_BYTES_OF[step]}" if is_whole else f"{count:.1f} {_BYTES_OF[step]}"


def show_share(share: float, *, digits: int = 1) -> str:
    """`83.2 %`, with a true minus sign."""
    return f"{100 * share:.{digits}f} %".replace("-", "\N{MINUS SIGN}")
