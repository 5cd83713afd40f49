"""`/api/v1/events`: what happens, as it happens, over a WebSocket; a cursor resumes without a gap or a duplicate.

The first message is `{"kind": "subscribed", "position": …}`, a heartbeat `{"kind": "heartbeat", "position": …}`; every other
is an event. Codes of closing: 1008 no longer signed in, 1012 this process goes away, 1013 too slow; after the last two,
connect again with `after=<position of the last message>`.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from litestar import WebSocket, websocket
from litestar.di import NamedDependency
from litestar.exceptions import WebSocketDisconnect
from litestar.params import SkipValidation
from litestar.types import ControllerRouterHandler

from phoenix_platform.core.errors import ConflictError, InvalidInputError, PhoenixError
from phoenix_platform.domain.actors import Actor
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.server.admission import Authenticate, bearer_token, refuse
from phoenix_platform.server.event_feed import PublishedEvents
from phoenix_platform.server.hub import Hub, Subscription, message_of
from phoenix_platform.server.topics import watched_topics

GOING_AWAY: Final = 1012
TOO_SLOW: Final = 1013
NOT_SIGNED_IN: Final = 1008
_PAGE: Final = 200
_Socket: TypeAlias = WebSocket[Actor, Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """What the route stands on."""

    hub: Hub
    events: PublishedEvents
    authenticate: Authenticate
    flush_seconds: float
    heartbeat_seconds: float
    reauthenticate_seconds: float = 60.0
    """How often a subscriber's token is looked at again: a revoked one watches no longer than this."""


WatchingDep: TypeAlias = NamedDependency[SkipValidation[Watching]]


@websocket("/api/v1/events", permission=Permission.EVENTS_READ)
async def watch_events(socket: _Socket, watching: WatchingDep) -> None:
    """Watch topics: `?topics=hosts,experiment:<id>&after=<position>`."""
    try:
        topics = watched_topics(socket.query_params.get("topics", ""), socket.user)
        after = await _after(socket, watching.events)
        with watching.hub.subscribed(socket.user.tenant_id, topics, after) as (subscription, live):
            await socket.accept()
            code = await _watch(socket, watching, subscription, after=after, live_after=live)
            if code is not None:
                await socket.close(code)
    except PhoenixError as error:
        await refuse(socket.scope, socket.send, error)
    except (WebSocketDisconnect, OSError):  # the client is gone
        return


async def _after(socket: _Socket, events: PublishedEvents) -> int | None:
    """The cursor, if there is one that can be resumed from."""
    text = socket.query_params.get("after")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(2**53))):
        raise InvalidInputError(
            f"after: {text[:40]!r} is no position; give that of the last message"
        )
    after, newest = int(text), await events.newest()
    if after > newest:
        raise ConflictError(
            f"after: {after} is beyond the newest position {newest}; read the state afresh and watch without it",
            newest=newest,
        )
    await events.after(after, limit=1)  # raises if events behind it are no longer kept
    return after


async def _watch(
    socket: _Socket,
    watching: Watching,
    subscription: Subscription,
    *,
    after: int | None,
    live_after: int,
) -> int | None:
    """Send until there is a reason to end; gives the code for closing, None if the client left."""
    ends = {
        asyncio.create_task(_send(socket, watching, subscription, after, live_after)): None,
        asyncio.create_task(_read(socket)): None,
        asyncio.create_task(_code_when(subscription.overflowed, TOO_SLOW)): None,
        asyncio.create_task(_code_when(watching.hub.closing, GOING_AWAY)): None,
        asyncio.create_task(_no_longer_signed_in(socket, watching)): None,
    }
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in ends:
            task.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
    return max((task.result() for task in done), key=lambda code: code or 0)


async def _send(
    socket: _Socket,
    watching: Watching,
    subscription: Subscription,
    after: int | None,
    live_after: int,
) -> int | None:
    cursor = live_after if after is None else after
    await _say(socket, "subscribed", cursor)
    while cursor < live_after:
        page = await watching.events.after(cursor, limit=_PAGE, tenant_id=subscription.tenant_id)
        for published in page:
            if published.position <= live_after and published.event.topic in subscription.topics:
                await socket.send_text(message_of(published).text)
        cursor = page[-1].position if len(page) == _PAGE else live_after
    while True:
        settled = watching.hub.settled
        messages = subscription.take()
        for message in messages:
            await socket.send_text(message.text)
        if messages:
            await asyncio.sleep(watching.flush_seconds)
        elif not await subscription.wait(watching.heartbeat_seconds):
            await _say(socket, "heartbeat", max(settled, subscription.after))


async def _say(socket: _Socket, kind: str, position: int) -> None:
    await socket.send_text(f'{{"kind":"{kind}","position":{position}}}')


async def _read(socket: _Socket) -> int | None:
    """Until the client leaves; it has nothing to say, so what it says is read and dropped."""
    while True:
        try:
            await socket.receive_data(mode="text")
        except WebSocketDisconnect:
            return None


async def _code_when(event: asyncio.Event, code: int) -> int | None:
    await event.wait()
    return code


async def _no_longer_signed_in(socket: _Socket, watching: Watching) -> int | None:
    while True:
        await asyncio.sleep(watching.reauthenticate_seconds)
        try:
            actor = await watching.authenticate(bearer_token(socket.scope))
            actor.require(Permission.EVENTS_READ)
        except PhoenixError:
            return NOT_SIGNED_IN


ROUTES: list[ControllerRouterHandler] = [watch_events]
