"""The OpAMP endpoint on loopback: WebSocket and plain HTTP at one URL, over a fleet in memory."""

import asyncio
import gzip
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import httpx
import pytest
from tests.opamp_fleets import UID, OpampServer, a_standing
from tests.server_parts import TENANT, until
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.domain.actors import ActorKind, agent_actor
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.opamp import opamp_pb2 as pb
from phoenix_platform.opamp.clients import (
    Client,
    Told,
    connected,
    goodbye,
    next_message,
    say,
    take,
    tell,
)
from phoenix_platform.opamp.facts import (
    ConfigFile,
    ConnectionOffer,
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
from phoenix_platform.server.opamp_agents import SILENT_SECONDS

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
    agent.client = tell(agent.client, replace(agent.client.told, config_status=status))
    return await agent.say()


async def test_polls_may_be_compressed_both_ways(server: OpampServer) -> None:
    big = RemoteConfig(b"sha256:big", {"": ConfigFile(b"# yes\n" * 10_000)})
    host, credential = server.enroll(a_standing(desired=big))
    async with polling(server, credential) as http:
        client, _ = await poll(http, a_client())
        outgoing = next_message(client)
        body = gzip.compress(outgoing.message.SerializeToString())
        headers = {"Content-Type": MEDIA_TYPE, "Content-Encoding": "gzip"}
        response = await http.post("", content=body, headers=headers)
        assert response.headers["content-encoding"] == "gzip"
        assert response.headers["content-type"] == MEDIA_TYPE
        answer = server_message_of(response.content)
        assert answer.remote_config.config.config_map[""].body == big.files[""].body
        assert host.offered == [big.hash]


async def test_without_a_valid_credential_nobody_comes_in(server: OpampServer) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with agent_socket(server, "phx_agt_unknown"):
            pass
    assert refused.value.response.status_code == 401
    async with polling(server, "phx_agt_unknown") as http:
        response = await http.post("", content=b"", headers={"Content-Type": MEDIA_TYPE})
        assert response.status_code == 401


async def test_who_is_no_host_is_told_so(server: OpampServer) -> None:
    server.credentials["local"] = replace(
        agent_actor(TENANT, "local", "local"), kind=ActorKind.SYSTEM
    )
    with pytest.raises(InvalidStatus) as refused:
        async with agent_socket(server, "local"):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param({"Content-Type": "application/json"}, b"{}", 415, id="another-type"),
        pytest.param(
            {"Content-Type": MEDIA_TYPE, "Content-Encoding": "br"}, b"x", 415, id="unknown-encoding"
        ),
        pytest.param(
            {"Content-Type": MEDIA_TYPE, "Content-Encoding": "gzip"}, b"x", 422, id="no-gzip"
        ),
        pytest.param({"Content-Type": MEDIA_TYPE}, b"\x0a\xff", 422, id="no-protobuf"),
        pytest.param(
            {"Content-Type": MEDIA_TYPE}, b"x" * (MAX_MESSAGE_BYTES + 1), 413, id="too-big"
        ),
        pytest.param(
            {"Content-Type": MEDIA_TYPE, "Content-Encoding": "gzip"},
            gzip.compress(bytes(MAX_MESSAGE_BYTES + 1)),
            413,
            id="a-bomb",
        ),
    ],
)
async def test_a_poll_that_is_none_is_refused(
    server: OpampServer, headers: dict[str, str], body: bytes, status: int
) -> None:
    _, credential = server.enroll()
    async with polling(server, credential) as http:
        response = await http.post("", content=body, headers=headers)
        assert response.status_code == status


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param("text", 1003, id="text"),
        pytest.param(b"\x01", 1007, id="no-frame"),
        pytest.param(bytes(MAX_MESSAGE_BYTES + 1), 1009, id="too-big"),
    ],
)
async def test_a_frame_that_is_none_ends_the_connection(
    server: OpampServer, frame: str | bytes, code: int
) -> None:
    _, credential = server.enroll()
    async with agent_socket(server, credential) as socket:
        with suppress(ConnectionClosed):  # it may hear of the end while it still sends
            await socket.send(frame)
        assert await Agent(socket, a_client()).close_code() == code


async def test_an_instance_uid_that_is_none_is_a_bad_request(server: OpampServer) -> None:
    _, credential = server.enroll()
    async with agent_socket(server, credential) as socket:
        await socket.send(to_frame(pb.AgentToServer(instance_uid=b"short", sequence_num=1)))
        answer = await Agent(socket, a_client()).hear()
        assert answer.error_response.type == pb.ServerErrorResponseType_BadRequest
        assert "instance_uid: 5 bytes" in answer.error_response.error_message


async def test_old_clients_are_known_by_their_ulid(server: OpampServer) -> None:
    host, credential = server.enroll()
    ulid = raw_uid_of(UID, like=b"0" * 26)
    async with agent_socket(server, credential) as socket:
        await socket.send(to_frame(pb.AgentToServer(instance_uid=ulid, sequence_num=1)))
        answer = await Agent(socket, a_client()).hear()
        assert answer.instance_uid == ulid
        assert host.instance_uid == UID


async def test_a_busy_server_says_when_to_come_again() -> None:
    async with OpampServer(max_in_flight=0).running() as server:
        _, credential = server.enroll()
        async with agent_socket(server, credential) as socket:
            agent = Agent(socket, a_client())
            answer = await agent.say()
            assert answer.error_response.type == pb.ServerErrorResponseType_Unavailable
            assert answer.error_response.retry_info.retry_after_nanoseconds >= 5e9
            assert agent.client.has_news


async def test_custom_messages_reach_the_fleet(server: OpampServer) -> None:
    host, credential = server.enroll()
    custom = CustomMessage("com.phoenix-platform.host/1", "host-report", b"{}")
    async with agent_socket(server, credential) as socket:
        agent = Agent(socket, a_client())
        agent.client = say(agent.client, custom)
        answer = await agent.say()
        assert list(answer.custom_capabilities.capabilities) == [custom.capability]
        assert host.messages == [custom]


async def test_what_could_not_be_written_is_asked_for_again(server: OpampServer) -> None:
    host, credential = server.enroll(a_standing(desired=CONFIG))
    async with polling(server, credential) as http:
        client, _ = await poll(http, a_client())
        client, _ = await poll(http, client)
        client = tell(
            client, replace(client.told, config_status=Status(CONFIG.hash, Outcome.FAILED, "no"))
        )
        server.fleet.fails.append(UnavailableError("database: away"))
        outgoing = next_message(client)
        body = outgoing.message.SerializeToString()
        response = await http.post("", content=body, headers={"Content-Type": MEDIA_TYPE})
        assert response.status_code == 503
        assert host.failed == {}
        client, answer = await poll(http, outgoing.client)
        assert answer.flags & pb.ServerToAgentFlags_ReportFullState
        client, _ = await poll(http, client)
        assert host.failed == {CONFIG.hash: "no"}
        await poll(http, client)
    assert host.offered == [CONFIG.hash]


async def test_a_websocket_ends_while_the_database_is_away(server: OpampServer) -> None:
    _, credential = server.enroll()
    server.fleet.fails.append(UnavailableError("database: away"))
    async with agent_socket(server, credential) as socket:
        outgoing = next_message(a_client())
        await socket.send(to_frame(outgoing.message))
        assert await Agent(socket, outgoing.client).close_code() == 1013


async def test_a_host_that_is_removed_is_sent_away(server: OpampServer) -> None:
    host, credential = server.enroll()
    async with agent_socket(server, credential) as socket:
        agent = Agent(socket, a_client())
        await agent.introduce()
        (key,) = server.fleet.hosts
        del server.fleet.hosts[key]
        server.endpoint.hear(f"host:{key.host_id}", "host.removed")
        assert await agent.close_code() == 1008
    assert host.is_connected  # nobody is left to say it of


async def test_a_revoked_credential_ends_the_connection() -> None:
    async with OpampServer(reauthenticate_seconds=0.05).running() as server:
        _, credential = server.enroll()
        async with agent_socket(server, credential) as socket:
            agent = Agent(socket, a_client())
            await agent.introduce()
            del server.credentials[credential]
            assert await agent.close_code() == 1008


async def test_agents_are_told_when_this_process_goes_away(server: OpampServer) -> None:
    _, credential = server.enroll()
    async with agent_socket(server, credential) as socket:
        agent = Agent(socket, a_client())
        await agent.introduce()
        server.closing.set()
        assert await agent.close_code() == 1012


async def test_an_agent_that_comes_back_takes_the_place_of_its_old_connection(
    server: OpampServer,
) -> None:
    host, credential = server.enroll()
    async with agent_socket(server, credential) as old, agent_socket(server, credential) as new:
        before = Agent(old, a_client())
        await before.introduce()
        after = Agent(new, connected(before.client))
        await after.say()
        assert await before.close_code() == 1012
        server.want(host, CONFIG)
        await after.say()
        assert host.is_connected
    await until(lambda: not host.is_connected)


async def test_of_two_clones_the_newcomer_gets_another_uid(server: OpampServer) -> None:
    host, credential = server.enroll(a_standing(desired=CONFIG))
    async with agent_socket(server, credential) as one, agent_socket(server, credential) as two:
        original, clone = Agent(one, a_client()), Agent(two, a_client(number=40))
        assert (await original.introduce()).HasField("remote_config")
        answer = await clone.say()
        assert not answer.HasField("remote_config")
        probe = await original.hear()
        assert probe.flags & pb.ServerToAgentFlags_ReportFullState
        await original.say()
        naming = await clone.hear()
        named = instance_uid_of(naming.agent_identification.new_instance_uid)
        assert named != UID
        assert clone.client.instance_uid == named
        refused = await clone.say()
        assert "enrol this" in refused.error_response.error_message
        assert host.instance_uid == UID
        assert not (await original.say()).HasField("agent_identification")


async def test_agents_are_counted_by_how_they_are(server: OpampServer) -> None:
    _, credential = server.enroll()
    _, other = server.enroll(number=2)
    async with agent_socket(server, credential) as one, agent_socket(server, other) as two:
        healthy, silent = Agent(one, a_client()), Agent(two, a_client(OTHER))
        told = replace(healthy.client.told, health=Health(is_healthy=True))
        healthy.client = tell(healthy.client, told)
        await healthy.introduce()
        await silent.introduce()
        assert server.endpoint.agents_by_state() == {"healthy": 1, "unknown": 1}
        (first, second) = server.fleet.hosts
        assert server.endpoint.health_of(first.host_id) == Health(is_healthy=True)
        assert server.endpoint.health_of(second.host_id) is None
        assert server.endpoint.health_of(HostId(UUID(int=99))) is None


async def test_a_poller_that_falls_silent_is_away() -> None:
    clock = FixedClock()
    async with OpampServer(clock=clock).running() as server:
        host, credential = server.enroll()
        async with polling(server, credential) as http:
            await poll(http, a_client())
        assert host.is_connected
        clock.advance(SILENT_SECONDS)
        await server.endpoint.sweep()
        assert not host.is_connected


async def test_events_that_were_missed_make_every_host_be_looked_at(server: OpampServer) -> None:
    host, credential = server.enroll()
    async with agent_socket(server, credential) as socket:
        agent = Agent(socket, a_client())
        await agent.introduce()
        host.standing = replace(host.standing, desired=CONFIG)
        server.endpoint.forget_all()
        assert (await agent.hear()).remote_config.config_hash == CONFIG.hash


async def test_an_agent_that_says_goodbye_is_away_at_once(server: OpampServer) -> None:
    host, credential = server.enroll()
    async with agent_socket(server, credential) as socket:
        agent = Agent(socket, a_client())
        await agent.introduce()
        await socket.send(to_frame(goodbye(agent.client).message))
        await agent.hear()
        assert not host.is_connected


async def test_connection_settings_go_to_an_agent_of_ours_and_never_to_a_supervisor(
    server: OpampServer,
) -> None:
    settings = ConnectionOffer(hash=b"c", credential="phx_agt_next", heartbeat_seconds=7)
    for number, is_supervisor in ((1, False), (2, True)):
        standing = replace(a_standing(is_supervisor=is_supervisor), connection=settings)
        _, credential = server.enroll(standing, number=number)
        async with agent_socket(server, credential) as socket:
            agent = Agent(socket, a_client())
            answer = await agent.introduce()
            assert answer.HasField("connection_settings") is not is_supervisor
            assert agent.client.heartbeat_seconds == (30 if is_supervisor else 7)
            failed = replace(
                agent.client.told, connection_status=Status(b"c", Outcome.FAILED, "refused")
            )
            agent.client = tell(agent.client, failed)
            assert not (await agent.say()).HasField("connection_settings")
