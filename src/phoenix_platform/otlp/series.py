"""What a series is: one metric name and one complete set of attributes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

AttributeValue: TypeAlias = (
    bool
    | int
    | float
    | str
    | bytes
    | tuple["AttributeValue", ...]
    | Mapping[str, "AttributeValue"]
    | None
)
"""The values of OTLP's `AnyValue`. Text that is not UTF-8 carries surrogate escapes."""

Attributes: TypeAlias = Mapping[str, AttributeValue]


def shown(text: str) -> str:
    r"""`text` for people and records, which take Unicode only: bytes that are not UTF-8 as `\xff`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class Kind(StrEnum):
    GAUGE = "gauge"
    SUM = "sum"
    HISTOGRAM = "histogram"
    EXPONENTIAL_HISTOGRAM = "exponential_histogram"
    SUMMARY = "summary"


class Temporality(StrEnum):
    UNSPECIFIED = "unspecified"
    DELTA = "delta"
    CUMULATIVE = "cumulative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series as a decoder saw it first. Series of one process share their `resource`."""

    metric: str
    unit: str
    kind: Kind
    temporality: Temporality
    """`UNSPECIFIED` for gauges and summaries, which have none."""
    monotonic: bool
    resource: Attributes
    scope_name: str
    scope_version: str
    scope_attributes: Attributes
    attributes: Attributes
