"""The OpAMP endpoint on loopback: WebSocket and plain HTTP at one URL, over a fleet in memory."""

import asyncio
import gzip
from collections.abc import AsyncGenerator

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.opamp import opamp_pb2 as pb
from phoenix_platform.opamp.clients import Client, Told, connected, next_message, take, tell
from phoenix_platform.opamp.facts import (
    ConfigFile,
    CustomMessage,
    Description,
    Health,
    Outcome,
    RemoteConfig,
    Status,
)
from phoenix_platform.opamp.frames import (
    MAX_MESSAGE_BYTES,
    MEDIA_TYPE,
    server_message_of,
    server_message_of_frame,
    to_frame,
)
from phoenix_platform.opamp.instance_uids import InstanceUid, instance_uid_of, raw_uid_of
from phoenix_platform.opamp.sessions import ASK_AGAIN_SECONDS
from phoenix_platform.opamp.translation import to_custom_message
from tests.opamp_fleets import UID, OpampServer, a_standing
from tests.server_parts import until

pytestmark = pytest.mark.timeout(120)
CONFIG = RemoteConfig(b"sha256:b", {"": ConfigFile(b"receivers: {}")})
NEXT = RemoteConfig(b"sha256:c", {"": ConfigFile(b"exporters: {}")})
OTHER = InstanceUid("0190a0b1c2d37e4f8a9b0c1d2e3f4a5c")


@pytest.fixture
async def server() -> AsyncGenerator[OpampServer]:
    async with OpampServer().running() as running:
        yield running


def a_client(uid: InstanceUid = UID, number: int = 0) -> Client:
    told = Told(description=Description(identifying={"service.name": "agent"}))
    return Client(instance_uid=uid, told=told, sequence_number=number)


class Agent:
    """The client core over a real socket."""

    def __init__(self, socket: ClientConnection, client: Client) -> None:
        self.socket = socket
        self.client = client

    async def say(self) -> pb.ServerToAgent:
        outgoing = next_message(self.client)
        self.client = outgoing.client
        await self.socket.send(to_frame(outgoing.message))
        return await self.hear()

    async def hear(self) -> pb.ServerToAgent:
        frame = await asyncio.wait_for(self.socket.recv(), 30)
        assert isinstance(frame, bytes)
        message = server_message_of_frame(frame)
        self.client = take(self.client, message).client
        return message

    async def introduce(self) -> pb.ServerToAgent:
        """Until the server was told everything."""
        await self.say()
        return await self.say()

    async def close_code(self) -> int | None:
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(self.socket.recv(), 60)
        return self.socket.close_code


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


def agent_socket(server: OpampServer, credential: str) -> connect:
    return connect(
        server.ws_url,
        additional_headers=bearer(credential),
        compression=None,
        max_size=MAX_MESSAGE_BYTES,
    )


async def poll(
    http: httpx.AsyncClient, client: Client, **headers: str
) -> tuple[Client, pb.ServerToAgent]:
    outgoing = next_message(client)
    body = outgoing.message.SerializeToString()
    response = await http.post("", content=body, headers={"Content-Type": MEDIA_TYPE, **headers})
    assert response.status_code == 200
    answer = server_message_of(response.content)
    return take(outgoing.client, answer).client, answer


def polling(server: OpampServer, credential: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, headers=bearer(credential), timeout=60)


async def test_a_host_over_a_websocket_is_offered_what_is_desired(server: OpampServer) -> None:
    host, credential = server.enroll(a_standing(desired=CONFIG))
    async with agent_socket(server, credential) as socket:
        answer = await Agent(socket, a_client()).introduce()
        assert answer.instance_uid == bytes.fromhex(UID)
        assert answer.remote_config.config_hash == CONFIG.hash
        assert host.offered == [CONFIG.hash]
        assert host.is_connected
        assert host.instance_uid == UID
    await until(lambda: not host.is_connected)


async def test_a_host_that_polls_is_offered_what_is_desired(server: OpampServer) -> None:
    host, credential = server.enroll(a_standing(desired=CONFIG))
    async with polling(server, credential) as http:
        client, answer = await poll(http, a_client())
        assert not answer.HasField("remote_config")
        client, answer = await poll(http, client)
        assert answer.remote_config.config_hash == CONFIG.hash
        assert host.is_connected


async def test_a_changed_desire_is_offered_at_once(server: OpampServer) -> None:
    host, credential = server.enroll()
    async with agent_socket(server, credential) as socket:
        agent = Agent(socket, a_client())
        await agent.introduce()
        server.want(host, CONFIG)
        assert (await agent.hear()).remote_config.config_hash == CONFIG.hash
        server.want(host, NEXT)
        assert (await agent.hear()).remote_config.config_hash == NEXT.hash


async def test_a_supervisor_gets_the_last_good_configuration_back(server: OpampServer) -> None:
    host, credential = server.enroll(a_standing(desired=CONFIG, is_supervisor=True))
    async with agent_socket(server, credential) as socket:
        agent = Agent(socket, a_client())
        await agent.introduce()
        await say_status(agent, Status(CONFIG.hash, Outcome.APPLIED))
        assert host.applied == [CONFIG.hash]
        server.want(host, NEXT)
        await agent.hear()
        await say_status(agent, Status(NEXT.hash, Outcome.APPLYING))
        answer = await say_status(agent, Status(NEXT.hash, Outcome.FAILED, "exit code 1"))
        assert host.failed == {NEXT.hash: "exit code 1"}
        assert answer.remote_config.config_hash == CONFIG.hash
        answer = await say_status(agent, Status(CONFIG.hash, Outcome.APPLIED))
        assert not answer.HasField("remote_config")
    assert host.offered == [CONFIG.hash, NEXT.hash, CONFIG.hash]


async def say_status(agent: Agent, status: Status) -> pb.ServerToAgent:
    from dataclasses import replace

    agent.client = tell(agent.client, replace(agent.client.told, config_status=status))
    return await agent.say()
