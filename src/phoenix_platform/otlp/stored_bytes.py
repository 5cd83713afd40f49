"""What one data point weighs where vendors bill by bytes stored: an estimate, the same for everyone.

The series table keeps the figure per series, so metering adds it up without looking at attributes.

The estimate of docs/trial.md, for New Relic-like units: per point, the metric name, every resource, scope
and point attribute with key and value, and about 60 bytes. It is an upper proxy; an account's own
`bytecountestimate()` calibrates it.
"""

from typing import Final

from phoenix_platform.otlp.identity import utf8
from phoenix_platform.otlp.series import Attributes, AttributeValue, Series

POINT_OVERHEAD_BYTES: Final = 60
"""Time, value, type and row overhead of one stored point of New Relic-like vendors, an upper proxy."""


def point_bytes(series: Series) -> int:
    """Estimated stored bytes of one point of `series`."""
    scope = scope_bytes(series.scope_name, series.scope_version, series.scope_attributes)
    described = attributes_bytes(series.resource) + scope + attributes_bytes(series.attributes)
    return POINT_OVERHEAD_BYTES + len(utf8(series.metric)) + described


def scope_bytes(name: str, version: str, attributes: Attributes) -> int:
    """Name and version count by their values: their keys are the vendor's, not the sender's."""
    return len(utf8(name)) + len(utf8(version)) + attributes_bytes(attributes)


def attributes_bytes(attributes: Attributes) -> int:
    return sum(len(utf8(key)) + _value_bytes(value) for key, value in attributes.items())


def _value_bytes(value: AttributeValue) -> int:
    """Text and bytes weigh their length, a boolean 1, numbers their shortest decimal text, nested values their sum."""
    match value:
        case None:
            return 0
        case bool():
            return 1
        case int() | float():
            return len(repr(value))
        case str():
            return len(utf8(value))
        case bytes():
            return len(value)
        case tuple():
            return sum(map(_value_bytes, value))
        case _:
            return attributes_bytes(value)
