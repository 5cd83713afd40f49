"""What Prometheus' HTTP API answers, as values: no sockets, no clock.

Source: Prometheus documentation, "HTTP API" (response format, expression query result formats). Called by
`client`, which brings the bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec

from phoenix_platform.core.errors import InvalidInputError, UnavailableError

_SHOWN_SERIES: Final = 3
_SHOWN_CHARACTERS: Final = 120

Labels: TypeAlias = Mapping[str, str]


class QueryRefusedError(InvalidInputError):
    """The query itself is wrong, or what it asks for cannot be computed."""


class SeveralSeriesError(InvalidInputError):
    """A query that should give one number gives more."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a range."""

    labels: Labels
    times: tuple[float, ...]
    """Unix seconds, with milliseconds."""
    values: tuple[float, ...]
    """NaN and infinities as they are."""


class Payload(msgspec.Struct, frozen=True):
    """The envelope that all answers of the API have."""

    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""
    error_type: str = msgspec.field(default="", name="errorType")


class _Data(msgspec.Struct, frozen=True):
    result_type: str = msgspec.field(name="resultType")
    result: msgspec.Raw


_Point: TypeAlias = tuple[float, str]


class _InstantElement(msgspec.Struct, frozen=True):
    metric: dict[str, str]
    value: _Point | None = None


class _RangeElement(msgspec.Struct, frozen=True):
    metric: dict[str, str]
    values: list[_Point] | None = None


def payload_of(body: bytes) -> Payload | None:
    """The envelope; None if it is none, as of a page for people."""
    try:
        return msgspec.json.decode(body, type=Payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def number_of(data: bytes) -> float | None:
    """The one number that an instant query gave; NaN and infinities as they are, None without a series.

    Raises:
        SeveralSeriesError: If it gave several.
        QueryRefusedError: If it gave something else than numbers.
        UnavailableError: If this is no answer to a query.
    """
    found = _decoded(data, _Data)
    match found.result_type:
        case "scalar":
            return float(_decoded(found.result, _Point)[1])
        case "vector":
            elements = _decoded(found.result, list[_InstantElement])
            if len(elements) > 1:
                raise SeveralSeriesError(_several(elements))
            return _value_of(elements[0]) if elements else None
        case other:
            raise QueryRefusedError(
                f"gives a {other}, not a number; ask for an instant value, such as max_over_time(…)"
            )


def series_of(data: bytes) -> tuple[Series, ...]:
    """What a range query gave.

    Raises:
        QueryRefusedError: If it gave native histograms.
        UnavailableError: If this is no answer to a range query.
    """
    elements = _decoded(_decoded(data, _Data).result, list[_RangeElement])
    return tuple(_series(one) for one in elements)


def _series(element: _RangeElement) -> Series:
    if element.values is None:
        raise QueryRefusedError(_HISTOGRAM)
    times, values = zip(*element.values, strict=True) if element.values else ((), ())
    return Series(element.metric, tuple(times), tuple(map(float, values)))


def _value_of(element: _InstantElement) -> float:
    if element.value is None:
        raise QueryRefusedError(_HISTOGRAM)
    return float(element.value[1])


_HISTOGRAM: Final = (
    "gives a native histogram, not a number; take histogram_quantile(…) or histogram_sum(…) of it"
)


def _several(elements: Sequence[_InstantElement]) -> str:
    shown = ", ".join(_label_text(one.metric) for one in elements[:_SHOWN_SERIES])
    more = ", …" if len(elements) > _SHOWN_SERIES else ""
    return (
        f"gives {len(elements)} series ({shown}{more}), and one number is compared; aggregate it, such as "
        "max(…) or sum(…)"
    )


def _label_text(labels: Labels) -> str:
    name = labels.get("__name__", "")
    inside = ", ".join(f'{key}="{value}"' for key, value in labels.items() if key != "__name__")
    text = f"{name}{{{inside}}}"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _decoded(data: bytes | msgspec.Raw, kind: Any) -> Any:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise UnavailableError(f"no answer that Prometheus gives to a query: {error}") from error
