import gzip
from asyncio import Event, create_task
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest
import zstandard
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)

from phoenix_platform.core.errors import InvalidInputError, UnavailableError
from phoenix_platform.otlp.deliveries import (
    Accepted,
    Answer,
    Delivery,
    PartiallyAccepted,
    TryLater,
)
from phoenix_platform.otlp.errors import BodyTooLargeError
from phoenix_platform.otlp.limits import BodyLimits
from phoenix_platform.otlp.receiver import AsgiMessage, OtlpReceiver, ReceiverLimits

PATH = "/v1/metrics"
PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = "application/json"
SMALL = ReceiverLimits(max_wire_bytes=100, max_body_bytes=1_000, max_bytes_in_flight=1_500)


@dataclass
class Shelf:
    """A sink that keeps what it gets and answers as it is told."""

    answer: Answer | Exception = field(default_factory=Accepted)
    kept: list[Delivery] = field(default_factory=list[Delivery])

    async def take(self, delivery: Delivery) -> Answer:
        self.kept.append(delivery)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def client_of(receiver: OtlpReceiver) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(receiver)
    return httpx.AsyncClient(transport=transport, base_url="http://phoenix", headers=PROTOBUF)


async def post(
    receiver: OtlpReceiver, body: bytes | AsyncIterator[bytes] = b"body", **headers: str
) -> httpx.Response:
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client_of(receiver) as client:
        return await client.post(PATH, content=body, headers=spelled)


def reason_of(answer: httpx.Response) -> str:
    """The message of the `google.rpc.Status`: its second field, shorter than 16 KiB."""
    code, rest = answer.content[:2], answer.content[2:]
    assert code[0] == 0x08
    assert rest[0] == 0x12
    start = 2 if rest[1] < 0x80 else 3
    return rest[start:].decode()


async def test_an_accepted_body_is_answered_as_the_specification_says() -> None:
    shelf = Shelf()
    answer = await post(OtlpReceiver({PATH: shelf.take}))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert shelf.kept == [Delivery(body=b"body", wire_bytes=4, path=PATH)]


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        pytest.param("", b"body", id="none"),
        pytest.param("Identity", b"body", id="identity"),
        pytest.param("gzip", gzip.compress(b"body"), id="gzip"),
        pytest.param("zstd", zstandard.ZstdCompressor().compress(b"body"), id="zstd"),
    ],
)
async def test_a_sink_gets_the_unpacked_body_and_its_size_on_the_wire(
    encoding: str, packed: bytes
) -> None:
    shelf = Shelf()
    await post(OtlpReceiver({PATH: shelf.take}), packed, content_encoding=encoding)
    assert shelf.kept == [Delivery(body=b"body", wire_bytes=len(packed), path=PATH)]


async def test_a_json_body_reaches_the_sink_as_protobuf_and_the_answer_is_json() -> None:
    shelf = Shelf()
    sent = b'{"resourceMetrics": [{"schemaUrl": "unread"}]}'
    answer = await post(
        OtlpReceiver({PATH: shelf.take}),
        gzip.compress(sent),
        content_type=JSON,
        content_encoding="gzip",
    )
    assert (answer.status_code, answer.content) == (200, b"{}")
    assert answer.headers["content-type"] == JSON
    wire_bytes = len(gzip.compress(sent))
    assert shelf.kept == [Delivery(body=b"\x0a\x00", wire_bytes=wire_bytes, path=PATH)]


async def test_a_partial_success_is_json_where_the_request_was() -> None:
    shelf = Shelf(PartiallyAccepted(300, "older: ä"))
    answer = await post(OtlpReceiver({PATH: shelf.take}), b"{}", content_type=JSON)
    assert answer.json() == {
        "partialSuccess": {"rejectedDataPoints": "300", "errorMessage": "older: ä"}
    }


@pytest.mark.parametrize(
    ("said", "body", "status", "code", "reason"),
    [
        pytest.param(Accepted(), b'{"resourceMetrics": 7}', 400, 3, "a list was expected, at byte 20 of 22", id="not-otlp"),
        pytest.param(InvalidInputError("no"), b"{}", 400, 3, "no", id="refused-by-the-sink"),
        pytest.param(BodyTooLargeError("points"), b"{}", 413, 3, "points", id="too-large-for-the-sink"),
        pytest.param(TryLater(timedelta(seconds=1), "full"), b"{}", 503, 14, "full", id="later"),
    ],
)  # fmt: skip
async def test_a_refusal_is_json_where_the_request_was(
    said: Answer | Exception, body: bytes, status: int, code: int, reason: str
) -> None:
    answer = await post(OtlpReceiver({PATH: Shelf(said).take}), body, content_type=JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (status, JSON)
    assert answer.json()["code"] == code
    assert reason in answer.json()["message"]


async def test_a_json_body_with_too_many_points_is_too_large() -> None:
    limits = ReceiverLimits(body=BodyLimits(max_points=1))
    points = b'{"gauge": {"dataPoints": [{}, {}]}}'
    sent = b'{"resourceMetrics": [{"scopeMetrics": [{"metrics": [' + points + b"]}]}]}"
    answer = await post(OtlpReceiver({PATH: Shelf().take}, limits), sent, content_type=JSON)
    assert answer.status_code == 413
    expected = f"points: 2 at byte {sent.rindex(b'{}')} of {len(sent)}, but the limit is 1; send smaller batches"
    assert answer.json() == {"code": 3, "message": expected}


async def test_a_body_in_chunks_is_put_together() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"bo"
        yield b"dy"

    shelf = Shelf()
    await post(OtlpReceiver({PATH: shelf.take}), chunks())
    assert shelf.kept[0].body == b"body"


async def test_each_path_has_its_own_sink() -> None:
    here, there = Shelf(), Shelf()
    receiver = OtlpReceiver({PATH: here.take, "/source/v1/metrics": there.take})
    async with client_of(receiver) as client:
        await client.post("/source/v1/metrics", content=b"x")
    assert (len(here.kept), [delivery.path for delivery in there.kept]) == (
        0,
        ["/source/v1/metrics"],
    )


async def test_a_partial_success_says_how_many_points_and_why() -> None:
    shelf = Shelf(PartiallyAccepted(300, "older than the limit: ä"))
    answer = await post(OtlpReceiver({PATH: shelf.take}))
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert answer.status_code == 200
    assert (partial.rejected_data_points, partial.error_message) == (300, "older than the limit: ä")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        pytest.param(TryLater(timedelta(milliseconds=1)), "1", id="never-zero"),
        pytest.param(TryLater(timedelta(seconds=2.5), "queue full"), "3", id="rounded-up"),
        pytest.param(UnavailableError("queue full"), "5", id="an-error-of-the-sink"),
    ],
)
async def test_a_sender_is_told_when_to_try_again(said: Answer | Exception, seconds: str) -> None:
    answer = await post(OtlpReceiver({PATH: Shelf(said).take}))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, seconds)
    assert reason_of(answer) in {"queue full", "not now; send the same request again later"}


async def test_what_a_sink_cannot_read_is_a_bad_request_with_its_reason() -> None:
    answer = await post(OtlpReceiver({PATH: Shelf(InvalidInputError("no " * 100)).take}))
    assert (answer.status_code, reason_of(answer)) == (400, "no " * 100)
    assert "retry-after" not in answer.headers


async def test_a_bug_of_a_sink_is_not_hidden() -> None:
    receiver = OtlpReceiver({PATH: Shelf(ZeroDivisionError()).take})
    with pytest.raises(ZeroDivisionError):
        await post(receiver)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "reason"),
    [
        pytest.param("POST", "/v1/traces", {}, 404, "metrics are taken at /v1/metrics", id="path"),
        pytest.param("POST", "/v1/metrics/", {}, 404, "no receiver at /v1/metrics/", id="slash"),
        pytest.param("GET", PATH, {}, 405, "are sent by POST", id="method"),
        pytest.param("POST", PATH, {"content-type": "text/plain"}, 415, "send one of application/x-protobuf, application/json", id="type"),
        pytest.param("POST", PATH, {"content-type": ""}, 415, "content-type '' is not taken", id="no-type"),
        pytest.param("POST", PATH, {"content-encoding": "br"}, 415, "one of identity, gzip, zstd", id="encoding"),
        pytest.param("POST", PATH, {"content-encoding": "gzip, gzip"}, 415, "'gzip, gzip' is not taken", id="encodings"),
        pytest.param("POST", PATH, {"content-encoding": "gzip"}, 400, "content-encoding says gzip", id="not-gzip"),
    ],
)  # fmt: skip
async def test_a_wrong_request_is_refused_with_the_fix(
    method: str, path: str, headers: dict[str, str], status: int, reason: str
) -> None:
    shelf = Shelf()
    async with client_of(OtlpReceiver({PATH: shelf.take})) as client:
        answer = await client.request(method, path, content=b"body", headers=headers)
    assert answer.status_code == status
    assert reason in reason_of(answer)
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert shelf.kept == []


async def test_parameters_of_the_content_type_do_not_matter() -> None:
    answer = await post(
        OtlpReceiver({PATH: Shelf().take}), content_type="Application/X-Protobuf; charset=utf-8"
    )
    assert answer.status_code == 200


async def test_refusals_name_what_would_be_taken_in_their_headers() -> None:
    async with client_of(OtlpReceiver({PATH: Shelf().take})) as client:
        method = await client.get(PATH)
        encoding = await client.post(PATH, headers={"content-encoding": "br"})
        kind = await client.post(PATH, headers={"content-type": "text/plain"})
    assert method.headers["allow"] == "POST"
    assert encoding.headers["accept-encoding"] == "identity, gzip, zstd"
    assert kind.headers["accept"] == "application/x-protobuf, application/json"


async def in_pieces(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize(
    ("body", "encoding", "limit"),
    [
        pytest.param(bytes(101), "identity", 100, id="declared-length"),
        pytest.param(in_pieces([bytes(60), bytes(60)]), "identity", 100, id="in-pieces"),
        pytest.param(gzip.compress(bytes(1_001)), "gzip", 1_000, id="unpacked"),
    ],
)
async def test_a_body_beyond_the_limit_is_refused(
    body: bytes | AsyncIterator[bytes], encoding: str, limit: int
) -> None:
    answer = await post(OtlpReceiver({PATH: Shelf().take}, SMALL), body, content_encoding=encoding)
    assert answer.status_code == 413
    assert f"more than {limit} bytes" in reason_of(answer)
    assert "connection" not in answer.headers


async def test_a_refused_body_without_end_is_not_read_to_its_end() -> None:
    sent: list[AsgiMessage] = []

    async def receive() -> AsgiMessage:
        return {"type": "http.request", "body": bytes(60), "more_body": True}

    async def send(message: AsgiMessage) -> None:
        sent.append(message)

    limits = ReceiverLimits(max_drained_bytes=1_000)
    scope: AsgiMessage = {"type": "http", "method": "POST", "path": "/elsewhere", "headers": []}
    await OtlpReceiver({PATH: Shelf().take}, limits)(scope, receive, send)
    assert sent[0]["status"] == 404
    assert (b"connection", b"close") in sent[0]["headers"]


async def test_a_body_as_large_as_the_limit_is_taken() -> None:
    answer = await post(OtlpReceiver({PATH: Shelf().take}, SMALL), bytes(100))
    assert answer.status_code == 200


async def test_too_much_in_flight_is_told_to_come_back_and_later_there_is_room_again() -> None:
    arrived, released = Event(), Event()

    async def slow(delivery: Delivery) -> Answer:
        arrived.set()
        await released.wait()
        return Accepted()

    receiver = OtlpReceiver({PATH: slow}, SMALL)
    large = gzip.compress(bytes(1_000))
    first = create_task(post(receiver, large, content_encoding="gzip"))
    await arrived.wait()
    second = await post(receiver, large, content_encoding="gzip")
    assert (second.status_code, second.headers["retry-after"]) == (429, "1")
    assert "more than 1500 bytes in flight" in reason_of(second)
    released.set()
    assert (await first).status_code == 200
    assert (await post(receiver, large, content_encoding="gzip")).status_code == 200


async def test_a_sender_that_goes_away_gets_no_answer_and_nothing_is_kept() -> None:
    incoming: list[AsgiMessage] = [
        {"type": "http.request", "body": b"bo", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[AsgiMessage] = []

    async def receive() -> AsgiMessage:
        return incoming.pop(0)

    async def send(message: AsgiMessage) -> None:
        sent.append(message)

    shelf = Shelf()
    headers = [(b"content-type", b"application/x-protobuf"), (b"content-length", b"wrong")]
    scope = {"type": "http", "method": "POST", "path": PATH, "headers": headers}
    await OtlpReceiver({PATH: shelf.take})(scope, receive, send)
    assert (sent, shelf.kept) == ([], [])


async def test_it_starts_stops_and_takes_no_websockets() -> None:
    incoming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[AsgiMessage] = []

    async def receive() -> AsgiMessage:
        return incoming.pop(0)

    async def send(message: AsgiMessage) -> None:
        sent.append(message)

    receiver = OtlpReceiver({})
    await receiver({"type": "lifespan"}, receive, send)
    await receiver({"type": "websocket"}, receive, send)
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
        "websocket.close",
    ]
