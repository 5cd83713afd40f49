"""OTLP requests in JSON for tests: by hand where a spelling matters, or the official printer's."""

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest


def with_metrics(*metrics: str) -> bytes:
    """A request of one resource and one scope."""
    joined = ", ".join(metrics)
    return f'{{"resourceMetrics": [{{"scopeMetrics": [{{"metrics": [{joined}]}}]}}]}}'.encode()


def with_points(*points: str) -> bytes:
    return with_metrics(f'{{"name": "m", "gauge": {{"dataPoints": [{", ".join(points)}]}}}}')


def with_value(value: str) -> bytes:
    """A request whose only point has the attribute `k` of that `AnyValue`."""
    return with_points(f'{{"attributes": [{{"key": "k", "value": {value}}}]}}')


def printed(body: bytes, *, snake_case: bool = False, numbered_enums: bool = False) -> bytes:
    """A protobuf body as the official classes print it."""
    text = json_format.MessageToJson(
        ExportMetricsServiceRequest.FromString(body),
        preserving_proto_field_name=snake_case,
        use_integers_for_enums=numbered_enums,
    )
    return text.encode()


def officially_parsed(text: bytes) -> bytes | None:
    """The protobuf body the official classes make of JSON; `None` where they refuse."""
    request = ExportMetricsServiceRequest()
    try:
        json_format.Parse(text, request, ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, RecursionError):
        return None
    return request.SerializeToString()
