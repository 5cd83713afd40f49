"""Bodies at the edge: the right type, no NUL, no lone surrogate, never more bytes than the route takes.

NUL cannot be stored by PostgreSQL and a lone surrogate not encoded as UTF-8, so neither gets past here. A route that
takes something else than JSON says so: `@post(…, accepts=("application/x-protobuf",))`; its bytes pass unread.
"""

import re
from typing import Final

from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, HTTPRequestEvent, Receive, ReceiveMessage, Scope, Send

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.otlp.encodings import DECODER_OF, decompressed
from phoenix_platform.otlp.errors import BodyTooLargeError

_JSON: Final = ("application/json",)
_HIGH_SURROGATES: Final = range(0xD800, 0xDC00)
_LOW_SURROGATES: Final = range(0xDC00, 0xE000)
_ESCAPE: Final = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)


class BodyCheck:
    """ASGI middleware of every route that has a body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        handler = scope["route_handler"]
        accepts: tuple[str, ...] = handler.opt.get("accepts", _JSON)
        headers = {name.lower(): value for name, value in scope["headers"]}
        has_body = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
        if not has_body:
            await self._app(scope, receive, send)
            return
        media_type = (
            headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        )
        if media_type not in accepts and "*/*" not in accepts:
            raise HTTPException(
                status_code=415,
                detail=f"Content-Type: {media_type or 'missing'!r} is not taken here; send {' or '.join(accepts)}",
            )
        if media_type != "application/json":
            await self._app(scope, receive, send)
            return
        encoding = headers.get(b"content-encoding", b"identity").decode("latin-1").strip().lower()
        if encoding not in DECODER_OF:
            raise HTTPException(
                status_code=415,
                detail=f"Content-Encoding: {encoding!r} is not taken; send {', '.join(DECODER_OF)}",
            )
        body = await whole_body(receive, scope)
        if body is None:
            return  # the client is gone; nobody waits for an answer
        body = decompressed(body, encoding, max_bytes=_limit(scope))
        check_text(body)
        await self._app(_plain(scope, len(body)), replay(body, receive), send)


def check_text(body: bytes) -> None:
    """Refuse JSON that holds NUL or a lone surrogate, raw or escaped.

    Raises:
        InvalidInputError: Says which, and at which byte.
    """
    if (at := body.find(b"\0")) >= 0:
        raise InvalidInputError(f"body: a NUL byte at byte {at}; remove it")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"body: not UTF-8 at byte {error.start}; send UTF-8") from error
    if b"\\u" not in body:
        return
    high_ends_at = -1
    for match in _ESCAPE.finditer(body):
        if high_ends_at not in (-1, match.start()):
            break
        unit = -1 if match[1] is None else int(match[1], 16)
        is_low = unit in _LOW_SURROGATES
        if unit == 0:
            raise InvalidInputError(f"body: a NUL (\\u0000) at byte {match.start()}; remove it")
        if is_low != (high_ends_at == match.start()):
            break
        high_ends_at = match.end() if unit in _HIGH_SURROGATES else -1
    else:
        if high_ends_at == -1:
            return
    raise InvalidInputError(
        "body: a lone surrogate (\\ud800 to \\udfff without its other half); remove it"
    )


async def whole_body(receive: Receive, scope: Scope) -> bytes | None:
    """The body, at most as long as its route takes; None if the client left meanwhile.

    Raises:
        BodyTooLargeError: If it is longer, or says that it will be.
    """
    limit = _limit(scope)
    declared = next(
        (value for name, value in scope["headers"] if name.lower() == b"content-length"), b"0"
    )
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message["body"]
        if len(body) > limit:
            raise _too_large(limit)
        if not message["more_body"]:
            return bytes(body)


def replay(body: bytes, receive: Receive) -> Receive:
    """The body in one message; what follows (a disconnect) comes from the connection."""
    left: list[HTTPRequestEvent] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> ReceiveMessage:
        return left.pop() if left else await receive()

    return replayed


def _limit(scope: Scope) -> int:
    handler = scope["route_handler"]
    assert isinstance(handler, HTTPRouteHandler)  # nothing else has a body
    limit = handler.resolve_request_max_body_size()
    assert limit is not None  # the application sets one for all routes
    return limit


def _plain(scope: Scope, length: int) -> Scope:
    """The scope of a body that was unpacked: nobody behind this unpacks it again."""
    replaced = (b"content-encoding", b"content-length", b"transfer-encoding")
    headers = [one for one in scope["headers"] if one[0].lower() not in replaced]
    scope["headers"] = [*headers, (b"content-length", str(length).encode())]
    return scope


def _too_large(limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"body: more than the {limit} bytes taken here", limit=limit)
