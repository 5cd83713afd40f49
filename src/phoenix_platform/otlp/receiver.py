"""An OTLP/HTTP metrics receiver as an ASGI application, without a framework: agent and server mount it.

It takes requests apart and hands uncompressed protobuf bodies to sinks, one per path; it neither decodes
nor queues. What is in flight is bounded: beyond the bound senders are told to come back (429).
Source: OTLP specification 1.x, OTLP/HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, Self, TypeAlias

from phoenix_platform.core.errors import InvalidInputError, UnavailableError
from phoenix_platform.otlp.decoding import protobuf_of_json
from phoenix_platform.otlp.deliveries import Delivery, Sink, TryLater
from phoenix_platform.otlp.encodings import DECODER_OF, decompressed
from phoenix_platform.otlp.errors import BodyTooLargeError
from phoenix_platform.otlp.http_answers import HttpAnswer, MediaType, http_of, refusal
from phoenix_platform.otlp.limits import BodyLimits

AsgiMessage: TypeAlias = Mapping[str, Any]
"""ASGI's own shape, taken apart here only."""
Receive: TypeAlias = Callable[[], Awaitable[AsgiMessage]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]

_ENCODINGS: Final = ", ".join(DECODER_OF)
_MEDIA_TYPES: Final = ", ".join(MediaType)
_UNAVAILABLE_RETRY: Final = timedelta(seconds=5)
"""When a sink fails without saying for how long: the collector's own first retry interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverLimits:
    """How much one request, and all at once, may hold.

    The yardstick is a scrape of 2,000 processes with every opt-in metric: 46,000 points of 158 to 203
    bytes, 9 MB raw and 1 MB compressed, measured with the process scraper.
    """

    max_wire_bytes: int = 16 * 1024 * 1024
    """Body as sent. Fits that scrape even uncompressed; whoever needs more is to compress or batch."""
    max_body_bytes: int = 64 * 1024 * 1024
    """Body unpacked: seven such scrapes in one batch."""
    max_bytes_in_flight: int = 256 * 1024 * 1024
    """All bodies being read or waiting for their sink: four of the largest."""
    max_drained_bytes: int = 256 * 1024 * 1024
    """Of a refused body, read and thrown away. A sender still writing when the answer comes and the
    connection closes sees a reset instead, and tries the same again for ever."""
    retry_after: timedelta = timedelta(seconds=1)
    """What senders are told when too much is in flight: a body stays for milliseconds."""
    body: BodyLimits = field(default_factory=BodyLimits)
    """What JSON bodies may hold; a sink's decoder has the same for protobuf ones."""


class OtlpReceiver:
    """The ASGI application; `sinks` maps exact paths (`/v1/metrics`) to who takes their bodies."""

    def __init__(self, sinks: Mapping[str, Sink], limits: ReceiverLimits | None = None) -> None:
        self._sinks = dict(sinks)
        self._limits = limits or ReceiverLimits()
        self._in_flight = _InFlight(self._limits.max_bytes_in_flight)

    async def __call__(self, scope: AsgiMessage, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._answer(_Head.of(scope), _IncomingBody(receive), send)
            case "lifespan":
                await _live(receive, send)
            case _:
                await send({"type": "websocket.close"})

    async def _answer(self, head: "_Head", incoming: "_IncomingBody", send: Send) -> None:
        try:
            answer = self._refusal_of(head) or await self._take(head, incoming)
            await incoming.drain(self._limits.max_drained_bytes)
        except _GoneError:
            return
        await _send(answer, send, is_last=incoming.has_more)

    def _refusal_of(self, head: "_Head") -> HttpAnswer | None:
        """What is wrong with the request already before its body is read."""
        if head.path not in self._sinks:
            known = ", ".join(sorted(self._sinks))
            message = f"no receiver at {head.path}; OTLP metrics are taken at {known}"
            return refusal(HTTPStatus.NOT_FOUND, message, head.answered_in)
        if head.method != "POST":
            message = f"method {head.method}: OTLP metrics are sent by POST"
            headers = {"allow": "POST"}
            return refusal(
                HTTPStatus.METHOD_NOT_ALLOWED, message, head.answered_in, headers=headers
            )
        if head.content_type not in frozenset(MediaType):
            message = f"content-type {head.content_type!r} is not taken; send one of {_MEDIA_TYPES}"
            headers = {"accept": _MEDIA_TYPES}
            return refusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, message, head.answered_in, headers=headers
            )
        if head.encoding not in DECODER_OF:
            message = f"content-encoding {head.encoding!r} is not taken; send one of {_ENCODINGS}"
            headers = {"accept-encoding": _ENCODINGS}
            return refusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, message, head.answered_in, headers=headers
            )
        return None

    async def _take(self, head: "_Head", incoming: "_IncomingBody") -> HttpAnswer:
        """Read the body and ask the sink."""
        media_type = head.answered_in
        try:
            with _Load(self._in_flight) as load:
                delivery = await self._read(head, incoming, load)
                return http_of(await self._sinks[head.path](delivery), media_type)
        except _OverloadedError as error:
            after = self._limits.retry_after
            return refusal(HTTPStatus.TOO_MANY_REQUESTS, str(error), media_type, retry_after=after)
        except BodyTooLargeError as error:
            return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error), media_type)
        except InvalidInputError as error:
            return refusal(HTTPStatus.BAD_REQUEST, str(error), media_type)
        except UnavailableError as error:
            return http_of(TryLater(_UNAVAILABLE_RETRY, str(error)), media_type)

    async def _read(self, head: "_Head", incoming: "_IncomingBody", load: "_Load") -> Delivery:
        limit = self._limits.max_wire_bytes
        wire_bytes = 0
        chunks: list[bytes] = []
        while incoming.has_more:
            chunks.append(await incoming.next_chunk())
            wire_bytes += len(chunks[-1])
            load.set(wire_bytes)
            if max(head.content_length, wire_bytes) > limit:
                raise BodyTooLargeError(
                    f"the body has more than {limit} bytes; compress it or send smaller batches",
                    limit=limit,
                )
        body = decompressed(b"".join(chunks), head.encoding, max_bytes=self._limits.max_body_bytes)
        load.set(len(body))
        if head.content_type == MediaType.JSON:
            body = protobuf_of_json(body, self._limits.body)
        return Delivery(body=body, wire_bytes=wire_bytes, path=head.path)


class _GoneError(Exception):
    """The sender has closed the connection: there is nobody to answer."""


class _IncomingBody:
    """The chunks of a request's body, as far as they have been read."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.has_more = True

    async def next_chunk(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise _GoneError
        self.has_more = message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk

    async def drain(self, max_bytes: int) -> None:
        """Throw away what is left, up to about `max_bytes`."""
        while self.has_more and max_bytes >= 0:
            max_bytes -= len(await self.next_chunk())


@dataclass(frozen=True, slots=True)
class _Head:
    path: str
    method: str
    content_type: str
    encoding: str
    content_length: int
    """0 if the sender does not say."""

    @property
    def answered_in(self) -> MediaType:
        """Whoever sends something else altogether is answered in protobuf, OTLP's default."""
        return MediaType.JSON if self.content_type == MediaType.JSON else MediaType.PROTOBUF

    @classmethod
    def of(cls, scope: AsgiMessage) -> Self:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        return cls(
            path=scope["path"],
            method=scope["method"],
            content_type=_token(headers.get(b"content-type", b"").partition(b";")[0]),
            encoding=_token(headers.get(b"content-encoding", b"")) or "identity",
            content_length=int(length) if length.isdigit() else 0,
        )


def _token(value: bytes) -> str:
    return value.decode("latin-1").strip().lower()


class _OverloadedError(Exception):
    pass


@dataclass(slots=True)
class _InFlight:
    """Bytes of all requests that are being read or wait for their sink."""

    max_bytes: int
    held: int = 0


class _Load:
    """The part of one request in what is in flight."""

    def __init__(self, in_flight: _InFlight) -> None:
        self._in_flight = in_flight
        self._held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._in_flight.held -= self._held

    def set(self, held: int) -> None:
        self._in_flight.held += held - self._held
        self._held = held
        if self._in_flight.held > self._in_flight.max_bytes:
            raise _OverloadedError(
                f"more than {self._in_flight.max_bytes} bytes in flight; send the same again later"
            )


async def _send(answer: HttpAnswer, send: Send, *, is_last: bool) -> None:
    """Send `answer`, as the last one on its connection if something unread still stands in the way."""
    headers = {
        "content-type": answer.media_type,
        "content-length": str(len(answer.body)),
        **answer.headers,
        **({"connection": "close"} if is_last else {}),
    }
    await send(
        {
            "type": "http.response.start",
            "status": int(answer.status),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": answer.body})


async def _live(receive: Receive, send: Send) -> None:
    """The lifespan protocol: there is nothing to open and nothing to close."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
