"""The agent's connection to its control plane: OpAMP over a WebSocket, kept up for as long as the agent runs.

What is said, and when, is decided by `opamp.clients`; here are the socket, the clock and the waiting.
"""

import asyncio
import logging
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final, Protocol

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from phoenix_platform.agent.addresses import is_loopback
from phoenix_platform.agent.backoffs import Backoff
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.opamp.clients import (
    Client,
    ConfigOffered,
    ConnectionOffered,
    Effect,
    MessageCame,
    Refused,
    Renamed,
    RestartAsked,
    Throttled,
    Told,
    connected,
    goodbye,
    next_message,
    say,
    take,
    tell,
)
from phoenix_platform.opamp.facts import ConnectionOffer, CustomMessage, RemoteConfig
from phoenix_platform.opamp.frames import (
    MAX_MESSAGE_BYTES,
    server_message_of_frame,
    to_frame,
)
from phoenix_platform.opamp.instance_uids import InstanceUid

PATH: Final = "/v1/opamp"
_LOG: Final = logging.getLogger(__name__)
_OPEN_SECONDS: Final = 20.0
_CLOSE_SECONDS: Final = 2.0
_LEAST_SECONDS: Final = 0.5
"""Between two messages, however much changes."""
_REFUSED_SECONDS: Final = 60.0
_THROTTLED_SECONDS: Final = 30.0


class _ReconnectError(Exception):
    """The connection has to be made anew, after at least so long."""

    def __init__(self, reason: str, *, seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.seconds = seconds


class ControlPlane(Protocol):
    """What the connection tells and hands on; `control_plane` is it."""

    def told(self) -> Told: ...
    def report(self) -> CustomMessage: ...
    def take_config(self, config: RemoteConfig) -> None: ...
    def take_name(self, instance_uid: InstanceUid) -> None: ...
    def take_access(self, access: "Access", offer: ConnectionOffer) -> None:
        """The offer was tried and works."""
        ...

    def refuse_access(self, offer: ConnectionOffer, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Access:
    """Where the control plane is, and what opens it."""

    server: str
    """Its URL without a path."""
    credential: str
    endpoint: str | None = None
    """Of OpAMP, where it is not `PATH` below the server."""

    @property
    def url(self) -> httpx.URL:
        url = httpx.URL(self.endpoint or self.server + PATH)
        return url.copy_with(scheme={"http": "ws", "https": "wss"}.get(url.scheme, url.scheme))

    def offered(self, offer: ConnectionOffer) -> "Access":
        """What the offer makes of it; an empty field leaves it as it is."""
        return Access(
            self.server, offer.credential or self.credential, offer.endpoint or self.endpoint
        )


@dataclass(slots=True)
class ConnectionFacts:
    is_connected: bool
    since: datetime
    last_failure: str | None = None


class Connection:
    """One connection after the other, until cancelled."""

    def __init__(
        self,
        access: Access,
        client: Client,
        control_plane: ControlPlane,
        *,
        trust: ssl.SSLContext,
        backoff: Backoff,
        clock: Clock,
    ) -> None:
        self.facts = ConnectionFacts(is_connected=False, since=clock.now())
        self._access = access
        self._client = client
        self._control_plane = control_plane
        self._trust = trust
        self._backoff = backoff
        self._clock = clock
        self._news = asyncio.Event()
        self._tried: tuple[Access, ConnectionOffer] | None = None
        """An offer that the next connection tries."""
        self._quiet_until = 0.0

    def wake(self) -> None:
        """There is something to tell."""
        self._news.set()

    async def run(self) -> None:
        """Connect, and connect again, until cancelled; then say goodbye."""
        while True:
            wait, tried = 0.0, self._tried
            try:
                await self._once()
            except _ReconnectError as error:
                wait = error.seconds
                self._disconnected(str(error) or None)
            except InvalidStatus as error:
                wait = self._refused_with(error.response.status_code)
            except (OSError, TimeoutError, WebSocketException, InvalidInputError) as error:
                self._disconnected(f"{type(error).__name__}: {error}")
            if tried is not None and self._tried is tried:
                self._tried = None
                reason = self.facts.last_failure or "no answer"
                self._control_plane.refuse_access(tried[1], reason)
                continue  # with the old access, at once
            if self._tried is not None:
                continue  # there is an offer to try
            await asyncio.sleep(self._backoff.next_seconds(at_least=wait))

    async def _once(self) -> None:
        access = self._tried[0] if self._tried else self._access
        url = access.url
        async with connect(
            str(url),
            additional_headers={"Authorization": f"Bearer {access.credential}"},
            ssl=self._trust if url.scheme == "wss" else None,
            compression=None,
            proxy=None if is_loopback(url.host) else True,
            open_timeout=_OPEN_SECONDS,
            close_timeout=_CLOSE_SECONDS,
            max_size=MAX_MESSAGE_BYTES,
        ) as socket:
            self._client = connected(self._client)
            sender = asyncio.create_task(self._send(socket), name="opamp sender")
            receiver = asyncio.create_task(self._receive(socket, access), name="opamp receiver")
            try:
                await asyncio.wait((sender, receiver), return_when=asyncio.FIRST_COMPLETED)
                for task in (receiver, sender):
                    if task.done():
                        task.result()
            except asyncio.CancelledError:
                with suppress(OSError, WebSocketException):
                    await socket.send(to_frame(goodbye(self._client).message))
                raise
            finally:
                sender.cancel()
                receiver.cancel()
                await asyncio.gather(sender, receiver, return_exceptions=True)

    async def _send(self, socket: ClientConnection) -> None:
        """News as they come, and heartbeats."""
        while True:
            self._news.clear()
            client = tell(self._client, self._control_plane.told())
            self._client = say(client, self._control_plane.report())
            while self._client.has_news:
                await self._wait_while_throttled()
                outgoing = next_message(self._client)
                self._client = outgoing.client
                await socket.send(to_frame(outgoing.message))
            await asyncio.sleep(_LEAST_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._client.heartbeat_seconds):
                    await self._news.wait()

    async def _wait_while_throttled(self) -> None:
        await asyncio.sleep(max(0.0, self._quiet_until - self._clock.monotonic()))

    async def _receive(self, socket: ClientConnection, access: Access) -> None:
        async for frame in socket:
            if isinstance(frame, str):
                raise _ReconnectError("the server sent text; OpAMP is binary")
            taken = take(self._client, server_message_of_frame(frame))
            self._client = taken.client
            self._connected(access)
            for effect in taken.effects:
                self._act(effect)
            if self._client.has_news:
                self._news.set()
        raise _ReconnectError("the server closed the connection")

    def _act(self, effect: Effect) -> None:
        match effect:
            case ConfigOffered(config):
                self._control_plane.take_config(config)
                self._news.set()
            case Renamed(uid):
                self._control_plane.take_name(uid)
            case ConnectionOffered(offer):
                self._try(offer)
            case Throttled(seconds):
                pause = _THROTTLED_SECONDS if seconds is None else seconds
                self._quiet_until = self._clock.monotonic() + pause
            case Refused(reason):
                raise _ReconnectError(f"the server refused: {reason}", seconds=_REFUSED_SECONDS)
            case MessageCame() | RestartAsked():
                pass  # nothing of the kind is agreed with this agent

    def _try(self, offer: ConnectionOffer) -> None:
        tried = self._access.offered(offer)
        if tried == self._access:
            self._control_plane.take_access(tried, offer)
            return
        self._tried = (tried, offer)
        self.facts.is_connected = False
        raise _ReconnectError("")

    def _connected(self, access: Access) -> None:
        """The server answered: it takes us."""
        if not self.facts.is_connected:
            self.facts = ConnectionFacts(is_connected=True, since=self._clock.now())
            self._backoff.reset()
            _LOG.info("connected", extra={"server": access.server})
        if self._tried is not None and self._tried[0] == access:
            self._access, offer = self._tried
            self._tried = None
            self._control_plane.take_access(self._access, offer)

    def _disconnected(self, reason: str | None) -> None:
        if self.facts.is_connected:
            _LOG.info("disconnected", extra={"reason": reason})
        since = self._clock.now() if self.facts.is_connected else self.facts.since
        self.facts = ConnectionFacts(is_connected=False, since=since, last_failure=reason)

    def _refused_with(self, status: int) -> float:
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            self._disconnected(
                f"{status}: the control plane does not accept this agent's credential"
            )
            return _REFUSED_SECONDS
        self._disconnected(f"the control plane answered {status}")
        return 0.0
