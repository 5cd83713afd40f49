"""What happens, as it happens: the WebSocket of events as an iterator that resumes where it broke off.

Who watches gets events, and now and then None, which says: read the state afresh, since something may have been missed,
or nothing was heard for a while. While there is no WebSocket (a proxy without it, a server that restarts)
there are only Nones, one every few seconds; so watching always works, at worst by polling.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from phoenix_platform.client.connections import Connection
from phoenix_platform.client.errors import DeniedError, error_of
from phoenix_platform.client.retries import Retries
from phoenix_platform.core.errors import ConflictError, InvalidInputError, PhoenixError

POLL_SECONDS: Final = 2.0
_OPEN_SECONDS: Final = 10.0
_QUIET_SECONDS: Final = 5.0
"""After so long without an event, None is given."""
_DEAD_SECONDS: Final = 60.0
"""The server's heartbeat comes every 15 s; after four without one the connection is given up."""
_MOST_MESSAGE_BYTES: Final = 2**20
_NOT_SIGNED_IN: Final = 1008
_RECONNECTING: Final = Retries(first_seconds=0.5, most_seconds=60.0)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    position: int
    topic: str
    kind: str
    payload: dict[str, Any]
    occurred_at: datetime


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    """Anything the server sends; only events have a topic."""

    kind: str
    position: int
    topic: str | None = None


class Events:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def watching(self, topics: Sequence[str]) -> Generator[Iterator[Event | None]]:
        """Watch these topics while the block lasts; the iterator does not end, the block closes the connection.

        Events come in order, each once, from now on. None: read the state afresh.

        Raises:
            DeniedError: If whoever is signed in may not watch them, or no longer.
            InvalidInputError: If there is no such topic.
        """
        with closing(self._watch(topics)) as events:
            yield events

    def _watch(self, topics: Sequence[str]) -> Generator[Event | None]:
        following = _Following(self._connection, ",".join(topics))
        failures = 0
        while True:
            yield from following.until_it_breaks()
            failures = 1 if following.heard else failures + 1
            yield from self._poll(_RECONNECTING.wait_seconds(failures, self._connection.share()))

    def _poll(self, seconds: float) -> Iterator[None]:
        """Nones, until it is time to try the WebSocket again."""
        clock = self._connection.clock
        until = clock.monotonic() + seconds
        yield None
        while (left := until - clock.monotonic()) > 0:
            self._connection.sleep(min(left, POLL_SECONDS))
            yield None


class _Following:
    """One subscription over as many connections as it takes."""

    def __init__(self, connection: Connection, topics: str) -> None:
        self._connection = connection
        self._topics = topics
        self._position: int | None = None
        self._token: str | None = None
        self._refused: str | None = None
        """A token that did not open the door."""
        self.heard = False
        """Whether the last connection brought anything."""

    def until_it_breaks(self) -> Iterator[Event | None]:
        self.heard = False
        try:
            with self._open() as socket:
                yield from self._messages_of(socket)
        except ConnectionClosed as error:
            if error.rcvd is not None and error.rcvd.code == _NOT_SIGNED_IN:
                self._renew(DeniedError("events: nobody is signed in any more; sign in again"))
        except InvalidStatus as error:
            self._refuse(
                error_of(error.response.status_code, bytes(error.response.body or b"")),
                error.response.status_code,
            )
        except (InvalidHandshake, OSError, TimeoutError, msgspec.DecodeError):
            return  # the next try tells more; meanwhile whoever watches polls

    def _open(self) -> ClientConnection:
        address, token = self._connection.address, self._connection.credential.token()
        query = {"topics": self._topics}
        if self._position is not None:
            query["after"] = str(self._position)
        self._token = token
        return connect(
            f"{address.url.replace('http', 'ws', 1).rstrip('/')}/api/v1/events?{urlencode(query)}",
            additional_headers={} if token is None else {"Authorization": f"Bearer {token}"},
            ssl=address.tls(),
            proxy=None if address.is_on_this_machine else True,
            open_timeout=_OPEN_SECONDS,
            compression=None,
            max_size=_MOST_MESSAGE_BYTES,
        )

    def _messages_of(self, socket: ClientConnection) -> Iterator[Event | None]:
        quiet = 0.0
        while True:
            try:
                text = socket.recv(timeout=_QUIET_SECONDS)
            except TimeoutError:
                quiet += _QUIET_SECONDS
                if quiet >= _DEAD_SECONDS:
                    return
                yield None
                continue
            quiet, self.heard, self._refused = 0.0, True, None
            message = msgspec.json.decode(text, type=_Message)
            if message.topic is not None:
                self._position = message.position
                yield msgspec.json.decode(text, type=Event)
                continue
            is_first = self._position is None
            self._position = max(message.position, self._position or 0)
            if is_first:
                yield None  # what was before the subscription is read by whoever watches

    def _refuse(self, error: PhoenixError, status: int) -> None:
        """A handshake that was answered otherwise: lose the cursor, renew the token, or give up."""
        match error:
            case DeniedError() if status == HTTPStatus.UNAUTHORIZED:
                self._renew(error)
            case DeniedError():
                raise error
            case InvalidInputError() if "code" in error.facts:  # ours; anything else is a proxy's
                raise error
            case ConflictError():
                self._position = None  # what is behind the cursor is no longer kept
            case _:
                return

    def _renew(self, error: PhoenixError) -> None:
        """Another token, once in a row."""
        token, is_again = self._token, self._refused is not None
        self._refused = token
        if token is None or is_again or not self._connection.credential.renew(token):
            raise error
