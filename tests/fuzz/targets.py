"""What is fuzzed: one function per way in. It takes any bytes and raises `AssertionError` on a finding.

`make fuzz` calls them from libFuzzer with a kernel built for coverage and under AddressSanitizer;
`test_corpus.py` replays what it found worth keeping; `tests/oracle/differential.py` counts agreements.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from tests.oracle.agreement import (
    assert_agree,
    assert_same_numbers,
    assert_same_tables,
    offset_of,
    outcome_of,
)
from tests.oracle.json_requests import officially_parsed
from tests.oracle.lenient_messages import LENIENT_REQUEST
from tests.oracle.plain_decoder import PlainDecoder

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.otlp.decoding import Decoder, protobuf_of_json
from phoenix_platform.otlp.deliveries import Accepted, Answer, Delivery
from phoenix_platform.otlp.errors import BodyTooLargeError, MalformedBodyError
from phoenix_platform.otlp.limits import BodyLimits
from phoenix_platform.otlp.receiver import AsgiMessage, OtlpReceiver, ReceiverLimits

WIDE: Final = BodyLimits(
    max_points=2**40,
    max_new_values=2**40,
    max_values=2**40,
    max_key_bytes=2**40,
    max_value_bytes=2**40,
)
"""The official classes have no limits, so neither has who is compared with them."""
NARROW: Final = BodyLimits(
    max_points=70, max_new_values=100, max_values=5, max_key_bytes=20, max_value_bytes=30
)
_PATH: Final = "/v1/metrics"
_RECEIVER_LIMITS: Final = ReceiverLimits(
    max_wire_bytes=16_384, max_body_bytes=65_536, max_bytes_in_flight=131_072, body=NARROW
)
_CONTENT: Final = (
    ("application/x-protobuf", "identity"),
    ("application/x-protobuf", "gzip"),
    ("application/x-protobuf", "zstd"),
    ("application/json", "identity"),
    ("application/json", "gzip"),
    ("application/json", "zstd"),
)
"""By the first byte of what the receiver is fed; the rest is the body."""


def protobuf(data: bytes) -> None:
    """The kernel takes and refuses what the official classes do, again and after forgetting."""
    if has_field_zero(data) and outcome_of(PlainDecoder(LENIENT_REQUEST), data) is not None:
        return
    oracle, kernel = PlainDecoder(LENIENT_REQUEST), Decoder(WIDE)
    columns = assert_agree(oracle, kernel, data)
    if columns is not None:
        assert_agree(oracle, kernel, data)
        dropped = columns.rows[::2]
        oracle.forget(dropped)
        kernel.forget(dropped)
        assert_agree(oracle, kernel, data)
        kernel.forget(np.flatnonzero(kernel.table.point_bytes).astype(np.uint32))
        assert kernel._kernel.sizes() == (0, 0, 0, 0, 0)
    narrow = Decoder(NARROW)
    taken = _is_taken(data, narrow.decode)
    assert columns is not None or not taken
    assert taken or len(narrow.table.ids) == 0 or not narrow.table.point_bytes.any()


def json_text(data: bytes) -> None:
    """What is taken is a sound protobuf body, and means what the official classes make of it if they take it."""
    _is_taken(data, lambda body: protobuf_of_json(body, NARROW))
    try:
        transcoded = protobuf_of_json(data, WIDE)
    except MalformedBodyError as error:
        _assert_offset(error, data)
        return
    columns = assert_agree(PlainDecoder(LENIENT_REQUEST), Decoder(WIDE), transcoded)
    assert columns is not None
    official = officially_parsed(data)
    if official is not None:
        expected, kernel = PlainDecoder(LENIENT_REQUEST), Decoder(WIDE)
        assert_same_numbers(expected.decode(official), kernel.decode(transcoded))
        assert_same_tables(expected.table, kernel.table)


def receiver(data: bytes) -> None:
    """A request is answered with a status a sender understands, in its encoding, whatever it holds."""
    media_type, encoding = _CONTENT[data[0] % len(_CONTENT)] if data else _CONTENT[0]
    body = data[1:]
    taken: list[bytes] = []
    decoder = Decoder(NARROW)

    async def take(delivery: Delivery) -> Answer:
        decoder.decode(delivery.body)
        taken.append(delivery.body)
        return Accepted()

    status, answer = _answer_of(
        OtlpReceiver({_PATH: take}, _RECEIVER_LIMITS), media_type, encoding, body
    )
    assert status in {200, 400, 413}
    assert (status == 200) == bool(taken)
    if media_type == "application/json":
        assert json.loads(answer).keys() == ({"code", "message"} if status != 200 else set())
    else:
        assert answer[:3] == (b"\x08\x03\x12" if status != 200 else b"")
    if taken and (media_type, encoding) == _CONTENT[1]:
        assert taken == [_gunzipped(body)]


def has_field_zero(data: bytes) -> bool:
    """Whether the kernel refuses `data` for a field of number 0.

    Inside groups that nobody knows the official C parser passes over such fields; protobuf's specification and
    its Go parser, which collectors use, refuse them everywhere, and so does the kernel.
    """
    try:
        Decoder(WIDE).decode(data)
    except MalformedBodyError as error:
        offset = offset_of(error)
        tag = data[offset : offset + 5].lstrip(b"\x80")
        return "not a field tag" in str(error) and tag[:1] < b"\x08"
    return False


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "protobuf": protobuf,
    "json": json_text,
    "receiver": receiver,
}


def _is_taken(data: bytes, work: Callable[[bytes], object]) -> bool:
    try:
        work(data)
    except (MalformedBodyError, BodyTooLargeError) as error:
        _assert_offset(error, data)
        return False
    return True


def _assert_offset(error: InvalidInputError, data: bytes) -> None:
    assert 0 <= offset_of(error) <= len(data)


def _answer_of(app: OtlpReceiver, media_type: str, encoding: str, body: bytes) -> tuple[int, bytes]:
    """Status and body; nothing here waits, so one step of the coroutine is all of it."""
    sent: list[AsgiMessage] = []

    async def receive() -> AsgiMessage:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: AsgiMessage) -> None:
        sent.append(message)

    headers = [(b"content-type", media_type.encode()), (b"content-encoding", encoding.encode())]
    scope: AsgiMessage = {"type": "http", "method": "POST", "path": _PATH, "headers": headers}
    try:
        app(scope, receive, send).send(None)
    except StopIteration:
        return int(sent[0]["status"]), bytes(sent[1]["body"])
    raise AssertionError("the receiver waits for something")


def _gunzipped(body: bytes) -> bytes | None:
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        return None
