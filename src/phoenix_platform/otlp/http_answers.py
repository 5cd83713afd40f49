"""The receiver's answers as HTTP: status, headers and bodies of the OTLP specification, in its two encodings.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp-response. The two messages are so small that they
are written by hand: `ExportMetricsServiceResponse` and `google.rpc.Status`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Final

import msgspec

from phoenix_platform.otlp.deliveries import Accepted, Answer, PartiallyAccepted


class MediaType(StrEnum):
    """The encodings of OTLP/HTTP. A response comes in that of its request."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


_RPC_CODE_OF: Final[Mapping[HTTPStatus, int]] = {
    HTTPStatus.BAD_REQUEST: 3,  # INVALID_ARGUMENT
    HTTPStatus.NOT_FOUND: 5,  # NOT_FOUND
    HTTPStatus.METHOD_NOT_ALLOWED: 12,  # UNIMPLEMENTED
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: 3,  # not RESOURCE_EXHAUSTED: that one invites a retry
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: 3,
    HTTPStatus.TOO_MANY_REQUESTS: 8,  # RESOURCE_EXHAUSTED
    HTTPStatus.SERVICE_UNAVAILABLE: 14,  # UNAVAILABLE
}
"""Codes of google.rpc.Code; senders go by the HTTP status, people and logs by these."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: HTTPStatus
    media_type: MediaType
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Beyond content-type and content-length."""


def http_of(answer: Answer, media_type: MediaType) -> HttpAnswer:
    match answer:
        case Accepted():
            body = b"{}" if media_type is MediaType.JSON else b""
            return HttpAnswer(HTTPStatus.OK, media_type, body)
        case PartiallyAccepted(rejected_points=rejected, message=message):
            return HttpAnswer(HTTPStatus.OK, media_type, _partial(rejected, message, media_type))
        case later:
            status, after = HTTPStatus.SERVICE_UNAVAILABLE, later.retry_after
            return refusal(status, later.message, media_type, retry_after=after)


def refusal(
    status: HTTPStatus,
    message: str,
    media_type: MediaType,
    *,
    retry_after: timedelta | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpAnswer:
    """An error with its `google.rpc.Status`; `retry_after` is rounded up to whole seconds, as HTTP has it."""
    extra = dict(headers or {})
    if retry_after is not None:
        extra["retry-after"] = str(max(1, math.ceil(retry_after.total_seconds())))
    code = _RPC_CODE_OF[status]
    if media_type is MediaType.JSON:
        body = _json({"code": code, "message": message})
    else:
        body = _varint_field(1, code) + _text_field(2, message)
    return HttpAnswer(status, media_type, body, extra)


def _partial(rejected: int, message: str, media_type: MediaType) -> bytes:
    if media_type is MediaType.JSON:  # 64-bit integers are text there
        partial = {"rejectedDataPoints": str(rejected), "errorMessage": message}
        return _json({"partialSuccess": partial})
    return _bytes_field(1, _varint_field(1, rejected) + _text_field(2, message))


def _json(message: Mapping[str, object]) -> bytes:
    return msgspec.json.encode(message)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - protobuf's varint: 7 bits a byte, the 8th says "more"
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _varint_field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _bytes_field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _text_field(number: int, text: str) -> bytes:
    return _bytes_field(number, text.encode("utf-8", "replace"))
