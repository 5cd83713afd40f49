from datetime import timedelta
from http import HTTPStatus

import msgspec
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)

from phoenix_platform.otlp.deliveries import Accepted, PartiallyAccepted, TryLater
from phoenix_platform.otlp.http_answers import MediaType, http_of, refusal


@pytest.mark.parametrize(
    ("media_type", "body"), [(MediaType.PROTOBUF, b""), (MediaType.JSON, b"{}")]
)
def test_a_full_success_is_an_empty_response(media_type: MediaType, body: bytes) -> None:
    answer = http_of(Accepted(), media_type)
    assert (answer.status, answer.body, answer.media_type) == (HTTPStatus.OK, body, media_type)


def test_a_partial_success_says_the_same_in_both_encodings() -> None:
    said = PartiallyAccepted(2**40, "too old")
    binary = ExportMetricsServiceResponse.FromString(http_of(said, MediaType.PROTOBUF).body)
    text = msgspec.json.decode(http_of(said, MediaType.JSON).body)["partialSuccess"]
    assert binary.partial_success.rejected_data_points == int(text["rejectedDataPoints"]) == 2**40
    assert binary.partial_success.error_message == text["errorMessage"] == "too old"


@pytest.mark.parametrize("media_type", MediaType)
def test_come_back_later_is_503_with_whole_seconds(media_type: MediaType) -> None:
    answer = http_of(TryLater(timedelta(seconds=1.2), "full"), media_type)
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")


@pytest.mark.parametrize(
    "status",
    [
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ],
)
def test_a_refusal_is_a_status_with_code_and_message_in_both_encodings(
    status: HTTPStatus,
) -> None:
    binary = refusal(status, "no", MediaType.PROTOBUF).body
    text = msgspec.json.decode(refusal(status, "no", MediaType.JSON).body)
    assert binary == bytes([0x08, text["code"], 0x12, 2]) + b"no"
    assert text["message"] == "no"
