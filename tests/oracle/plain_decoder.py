"""The decoder one can check by reading: official protobuf classes, one Python object per point.

Tests hold the kernel to it, the bench compares with it, and before the kernel is built it stands in:
the public interface is that of `phoenix_platform.otlp.decoding.Decoder`.
"""

from collections.abc import Iterable, Iterator
from typing import Final, cast

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    NumberDataPoint,
    SummaryDataPoint,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric as MetricMessage

from phoenix_platform.otlp.columns import Columns
from phoenix_platform.otlp.errors import MalformedBodyError
from phoenix_platform.otlp.series import AttributeValue, Kind, Temporality
from phoenix_platform.otlp.series_table import Metric, Scope, SeriesTable

Point = NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint

_TEMPORALITY_OF: Final = {1: Temporality.DELTA, 2: Temporality.CUMULATIVE}
_LAST_INT64: Final = 2**63 - 1


class PlainDecoder:
    def __init__(
        self, request_type: type[ExportMetricsServiceRequest] = ExportMetricsServiceRequest
    ) -> None:
        """Decode as `request_type`, the official one or `lenient_messages.LENIENT_REQUEST`."""
        self.table = SeriesTable()
        self._request_type = request_type

    def decode(self, body: bytes) -> Columns:
        try:
            request = self._request_type.FromString(body)
        except DecodeError as error:
            raise MalformedBodyError(
                f"not an OTLP metrics request: {error}", offset=None
            ) from error
        rows: list[int] = []
        points: list[Point] = []
        values: list[float] = []
        fresh: list[int] = []
        for row, is_new, point, value in self._points(request):
            rows.append(row)
            points.append(point)
            values.append(value)
            fresh.extend([row] if is_new else [])
        return Columns(
            rows=np.array(rows, dtype=np.uint32),
            time_unix_nano=_times(point.time_unix_nano for point in points),
            start_time_unix_nano=_times(point.start_time_unix_nano for point in points),
            value=np.array(values, dtype=np.float64),
            flags=np.array([point.flags for point in points], dtype=np.uint32),
            fresh=np.array(fresh, dtype=np.uint32),
            body_bytes=len(body),
        )

    def forget(self, rows: NDArray[np.uint32]) -> None:
        distinct = list(dict.fromkeys(rows.tolist()))
        self.table.check_in_use(distinct)
        self.table.free(distinct)

    def _points(
        self, request: ExportMetricsServiceRequest
    ) -> Iterator[tuple[int, bool, Point, float]]:
        for of_resource in request.resource_metrics:
            resource = self.table.block(_attributes_of(of_resource.resource.attributes))
            for of_scope in of_resource.scope_metrics:
                scope = self._scope_of(of_scope.scope)
                for message in of_scope.metrics:
                    metric = _metric_of(message)
                    for point in _points_of(message):
                        attributes = self.table.block(_attributes_of(point.attributes))
                        row, is_new = self.table.add(metric, resource, scope, attributes)
                        yield row, is_new, point, _value_of(point, metric.kind)

    def _scope_of(self, message: InstrumentationScope) -> Scope:
        name, version = _text_of(message.name), _text_of(message.version)
        return self.table.scope(name, version, _attributes_of(message.attributes))


def _metric_of(message: MetricMessage) -> Metric:
    name, unit = _text_of(message.name), _text_of(message.unit)
    match message.WhichOneof("data"):
        case "sum":
            temporality = _temporality_of(message.sum.aggregation_temporality)
            return Metric(name, unit, Kind.SUM, temporality, message.sum.is_monotonic)
        case "histogram":
            temporality = _temporality_of(message.histogram.aggregation_temporality)
            return Metric(name, unit, Kind.HISTOGRAM, temporality, monotonic=False)
        case "exponential_histogram":
            temporality = _temporality_of(message.exponential_histogram.aggregation_temporality)
            return Metric(name, unit, Kind.EXPONENTIAL_HISTOGRAM, temporality, monotonic=False)
        case other:
            kind = Kind.SUMMARY if other == "summary" else Kind.GAUGE
            return Metric(name, unit, kind, Temporality.UNSPECIFIED, monotonic=False)


def _temporality_of(number: int) -> Temporality:
    return _TEMPORALITY_OF.get(number, Temporality.UNSPECIFIED)


def _points_of(message: MetricMessage) -> Iterable[Point]:
    match message.WhichOneof("data"):
        case "gauge":
            return message.gauge.data_points
        case "sum":
            return message.sum.data_points
        case "histogram":
            return message.histogram.data_points
        case "exponential_histogram":
            return message.exponential_histogram.data_points
        case "summary":
            return message.summary.data_points
        case _:
            return ()


def _value_of(point: Point, kind: Kind) -> float:
    """The number of a point; of a distribution its sum, which summaries always have."""
    if kind in {Kind.GAUGE, Kind.SUM}:
        number = cast("NumberDataPoint", point)
        match number.WhichOneof("value"):
            case "as_int":
                return float(number.as_int)
            case "as_double":
                return number.as_double
            case _:
                return float("nan")
    distribution = cast("HistogramDataPoint", point)
    has_sum = kind is Kind.SUMMARY or distribution.HasField("sum")
    return distribution.sum if has_sum else float("nan")


def _text_of(text: str | bytes) -> str:
    """Text as the official classes give it, or as bytes, which need not be UTF-8."""
    return text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")


def _times(times: Iterable[int]) -> NDArray[np.int64]:
    return np.array([min(time, _LAST_INT64) for time in times], dtype=np.int64)


def _attributes_of(pairs: Iterable[KeyValue]) -> dict[str, AttributeValue]:
    return {_text_of(pair.key): _attribute_value_of(pair.value) for pair in pairs}


def _attribute_value_of(value: AnyValue) -> AttributeValue:
    match value.WhichOneof("value"):
        case "string_value":
            return _text_of(value.string_value)
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "bytes_value":
            return value.bytes_value
        case "array_value":
            return tuple(_attribute_value_of(item) for item in value.array_value.values)
        case "kvlist_value":
            return _attributes_of(value.kvlist_value.values)
        case _:
            return None
