"""`/v1/opamp`: OpAMP over a WebSocket and over plain HTTP, at one URL.

A request that upgrades is the WebSocket, a POST of `application/x-protobuf` is a poll. Both show the host's credential as a
bearer token. Codes of closing: 1003 text, 1007 no OpAMP, 1008 the host or its credential is gone, 1009 more than 64 MiB,
1012 this process goes away, 1013 the database is away.
"""

import asyncio
import zlib
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from uuid import UUID

from litestar import Request, Response, WebSocket, post, websocket
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, WebSocketDisconnect
from litestar.params import SkipValidation
from litestar.types import ControllerRouterHandler

from phoenix_platform.application.opamp import HostKey
from phoenix_platform.core.errors import (
    InvalidInputError,
    NotFoundError,
    PhoenixError,
    UnavailableError,
)
from phoenix_platform.domain.actors import Actor, ActorKind, ForbiddenError
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.domain.sign_ins import UnauthenticatedError
from phoenix_platform.opamp.frames import (
    MAX_MESSAGE_BYTES,
    MEDIA_TYPE,
    agent_message_of,
    agent_message_of_frame,
    to_frame,
)
from phoenix_platform.otlp.encodings import DECODER_OF, decompressed
from phoenix_platform.server.admission import Authenticate, bearer_token, refuse
from phoenix_platform.server.opamp import OpampEndpoint
from phoenix_platform.server.opamp_agents import Link

NOT_TEXT: Final = 1003
NO_OPAMP: Final = 1007
NOT_SIGNED_IN: Final = 1008
TOO_BIG: Final = 1009
GOING_AWAY: Final = 1012
TRY_AGAIN: Final = 1013
_GZIP_FROM_BYTES: Final = 1024
_GZIP_FORMAT: Final = 16 + zlib.MAX_WBITS
_Socket: TypeAlias = WebSocket[Actor, Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opamp:
    """What the routes stand on."""

    endpoint: OpampEndpoint
    authenticate: Authenticate
    closing: asyncio.Event
    """Set when this process goes away."""
    reauthenticate_seconds: float = 60.0
    """How often a connection's credential is looked at again: a revoked one lives no longer than this."""


OpampDep: TypeAlias = NamedDependency[SkipValidation[Opamp]]


@websocket("/v1/opamp", permission=Permission.AGENT_REPORT)
async def connect_agent(socket: _Socket, opamp: OpampDep) -> None:
    """One agent's connection, for as long as it lasts."""
    wakes = asyncio.Event()
    link = Link(wakes.set)
    try:
        key = _key_of(socket.user)
    except ForbiddenError as error:
        await refuse(socket.scope, socket.send, error)
        return
    await socket.accept()
    ends = {
        asyncio.create_task(_read(socket, opamp, key, link)),
        asyncio.create_task(_push(socket, opamp, key, link, wakes)),
        asyncio.create_task(_code_when(opamp.closing, GOING_AWAY)),
        asyncio.create_task(_code_unless_signed_in(socket, opamp)),
    }
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        code = max((task.result() or 0 for task in done), default=0)
        if code:
            await socket.close(code)
    except (WebSocketDisconnect, OSError):  # the agent is gone
        pass
    finally:
        for task in ends:
            task.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        await asyncio.shield(opamp.endpoint.leave(key, link))


@post(
    "/v1/opamp",
    operation_id="exchangeOpamp",
    permission=Permission.AGENT_REPORT,
    status_code=200,
    request_max_body_size=MAX_MESSAGE_BYTES,
    accepts=(MEDIA_TYPE,),
    takes_idempotency_key=False,
    include_in_schema=False,
)
async def exchange_opamp(request: Request[Actor, Any, Any], opamp: OpampDep) -> Response[bytes]:
    """One poll: an `AgentToServer` in, a `ServerToAgent` out."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in DECODER_OF:
        detail = f"Content-Encoding: {encoding!r} is not taken here; send gzip or nothing"
        raise HTTPException(status_code=415, detail=detail)
    body = decompressed(await request.body(), encoding, max_bytes=MAX_MESSAGE_BYTES)
    answer = await opamp.endpoint.take(_key_of(request.user), None, agent_message_of(body))
    content, headers = answer.SerializeToString(), dict[str, str]()
    accepted = request.headers.get("accept-encoding", "")
    if "gzip" in accepted and len(content) >= _GZIP_FROM_BYTES:
        content = zlib.compress(content, wbits=_GZIP_FORMAT)
        headers["Content-Encoding"] = "gzip"
    return Response(content, media_type=MEDIA_TYPE, headers=headers)


def _key_of(actor: Actor) -> HostKey:
    if actor.kind is not ActorKind.AGENT:
        raise ForbiddenError("OpAMP is for hosts: show the credential that enrolment gave this one")
    return HostKey(actor.tenant_id, HostId(UUID(actor.id)))


async def _read(socket: _Socket, opamp: Opamp, key: HostKey, link: Link) -> int | None:
    """Answer until there is a reason to end; gives the code for closing, None if the agent left."""
    while True:
        event = await socket.receive()
        if event["type"] == "websocket.disconnect":
            return None
        frame = event.get("bytes")
        if not isinstance(frame, bytes):
            return NOT_TEXT
        if len(frame) > MAX_MESSAGE_BYTES:
            return TOO_BIG
        try:
            message = agent_message_of_frame(frame)
            answer = await opamp.endpoint.take(key, link, message)
        except InvalidInputError:
            return NO_OPAMP
        except NotFoundError:
            return NOT_SIGNED_IN
        except UnavailableError:
            return TRY_AGAIN
        await socket.send_bytes(to_frame(answer))


async def _push(
    socket: _Socket, opamp: Opamp, key: HostKey, link: Link, wakes: asyncio.Event
) -> int | None:
    """Send what nobody asked for, as soon as there is something."""
    while True:
        await wakes.wait()
        wakes.clear()
        try:
            waiting = await opamp.endpoint.due(key, link)
        except NotFoundError:
            return NOT_SIGNED_IN
        except UnavailableError:
            return TRY_AGAIN
        for message in waiting:
            await socket.send_bytes(to_frame(message))
        if link.is_ended:
            return GOING_AWAY


async def _code_when(event: asyncio.Event, code: int) -> int | None:
    await event.wait()
    return code


async def _code_unless_signed_in(socket: _Socket, opamp: Opamp) -> int | None:
    while True:
        await asyncio.sleep(opamp.reauthenticate_seconds)
        try:
            actor = await opamp.authenticate(bearer_token(socket.scope))
            actor.require(Permission.AGENT_REPORT)
        except UnavailableError:
            continue  # the database is away: that says nothing about the credential
        except (UnauthenticatedError, PhoenixError):
            return NOT_SIGNED_IN


ROUTES: list[ControllerRouterHandler] = [connect_agent, exchange_opamp]
