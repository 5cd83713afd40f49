"""Watching where there is no WebSocket, where it is refused, and where it closes: over a real socket."""

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve

from phoenix_platform.client.connections import Address, Connection
from phoenix_platform.client.credentials import Credential, FixedToken
from phoenix_platform.client.errors import DeniedError
from phoenix_platform.client.events import Event, Events
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import InvalidInputError

pytestmark = pytest.mark.timeout(120)


def a_connection(port: int, credential: Credential | None = None) -> Connection:
    """One that does not really wait."""
    clock = FixedClock()
    return Connection(
        Address(url=f"http://127.0.0.1:{port}"),
        credential or FixedToken("t1"),
        clock=clock,
        sleep=clock.advance,
        share=lambda: 0.0,
    )


@contextmanager
def answering(status: int, code: str | None) -> Generator[int]:
    """A server that answers every request so; as a problem of ours if there is a code."""
    body = b"<html>" if code is None else json.dumps({"detail": "no", "code": code}).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - as its base calls it

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def speaking(say: Callable[[ServerConnection], None]) -> Generator[int]:
    """A WebSocket server; each connection is closed when `say` returns."""
    with serve(say, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


def event(position: int) -> str:
    return json.dumps(
        {
            "position": position,
            "id": "e",
            "topic": "hosts",
            "kind": "host.changed",
            "payload": {},
            "occurred_at": "2026-01-31T08:00:00Z",
        }
    )


def subscribed(position: int) -> str:
    return json.dumps({"kind": "subscribed", "position": position})


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, None), (400, None), (502, None), (503, "unavailable"), (429, "too-many-requests")],
    ids=["no-route", "proxy", "gateway", "away", "often"],
)
def test_without_a_websocket_there_is_still_polling(status: int, code: str | None) -> None:
    with (
        answering(status, code) as port,
        Events(a_connection(port)).watching(["hosts"]) as events,
    ):
        assert list(islice(events, 6)) == [None] * 6


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (HTTPStatus.UNAUTHORIZED, "not-signed-in", DeniedError),
        (HTTPStatus.FORBIDDEN, "forbidden", DeniedError),
        (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-input", InvalidInputError),
    ],
)
def test_what_will_not_change_by_itself_is_an_error(
    status: int, code: str, error: type[Exception]
) -> None:
    with (
        answering(status, code) as port,
        Events(a_connection(port)).watching(["hosts"]) as events,
        pytest.raises(error),
    ):
        next(events)


def test_a_connection_that_is_cut_off_is_resumed_behind_the_last_event() -> None:
    cursors: list[str] = []

    def say(socket: ServerConnection) -> None:
        assert socket.request is not None
        cursors.append(socket.request.path.partition("?")[2])
        start = 2 * len(cursors) - 1
        socket.send(subscribed(start - 1))
        socket.send(event(start))
        socket.send(event(start + 1))
        socket.close(1013)

    with speaking(say) as port, Events(a_connection(port)).watching(["hosts"]) as events:
        seen: list[Event] = []
        while len(seen) < 4:
            seen += [one for one in [next(events)] if one is not None]
    assert [one.position for one in seen] == [1, 2, 3, 4]
    assert cursors[:2] == ["topics=hosts", "topics=hosts&after=2"]


class Renewing:
    """A session whose tokens are t1, t2, …"""

    def __init__(self) -> None:
        self.number = 1

    def token(self) -> str:
        return f"t{self.number}"

    def renew(self, refused: str) -> bool:
        self.number += 1
        return True


def test_a_session_that_ends_meanwhile_is_renewed_and_watched_on() -> None:
    tokens: list[str] = []

    def say(socket: ServerConnection) -> None:
        assert socket.request is not None
        tokens.append(socket.request.headers["Authorization"])
        socket.send(subscribed(0))
        if len(tokens) > 1:
            socket.send(event(1))
            socket.recv()  # until the client leaves
        socket.close(1008)

    with (
        speaking(say) as port,
        Events(a_connection(port, Renewing())).watching(["hosts"]) as events,
    ):
        found = next(one for one in events if one is not None)
    assert found.position == 1
    assert tokens == ["Bearer t1", "Bearer t2"]
