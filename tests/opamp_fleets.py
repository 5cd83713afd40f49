"""A fleet in memory, for tests of the OpAMP endpoint, and the endpoint on loopback over it.

`HostsFleet` is the real one; tests/integration/server/test_opamp_fleets.py holds both to the same.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast
from uuid import UUID

import uvicorn
from tests.server_parts import EDGE_ROUTES, TENANT, Edge, until

from phoenix_platform.application.opamp import HostKey, Standing
from phoenix_platform.core.clock import Clock, SystemClock
from phoenix_platform.core.errors import NotFoundError, PhoenixError
from phoenix_platform.core.ids import new_id
from phoenix_platform.core.tokens import TokenKind, new_token
from phoenix_platform.domain.actors import Actor, agent_actor
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.domain.sign_ins import UnauthenticatedError
from phoenix_platform.opamp.facts import CustomMessage, Files, RemoteConfig
from phoenix_platform.opamp.frames import MAX_MESSAGE_BYTES
from phoenix_platform.opamp.instance_uids import InstanceUid
from phoenix_platform.server.app import create_app
from phoenix_platform.server.opamp import OpampEndpoint
from phoenix_platform.server.routes import opamp
from phoenix_platform.server.routes.opamp import Opamp

LOOPBACK = "127.0.0.1"
UID = InstanceUid("0190a0b1c2d37e4f8a9b0c1d2e3f4a5b")


@dataclass(slots=True)
class MemoryHost:
    """What is known of one host."""

    standing: Standing
    is_connected: bool = False
    instance_uid: InstanceUid | None = None
    offered: list[bytes] = field(default_factory=list[bytes])
    applied: list[bytes] = field(default_factory=list[bytes])
    effective: list[Files] = field(default_factory=list[Files])
    messages: list[CustomMessage] = field(default_factory=list[CustomMessage])

    @property
    def failed(self) -> Mapping[bytes, str]:
        return self.standing.failed


def a_standing(*, is_supervisor: bool = False, desired: RemoteConfig | None = None) -> Standing:
    return Standing(instance_uid=UID, is_supervisor=is_supervisor, desired=desired)


@dataclass(slots=True)
class MemoryFleet:
    hosts: dict[HostKey, MemoryHost] = field(default_factory=dict[HostKey, MemoryHost])
    fails: list[PhoenixError] = field(default_factory=list[PhoenixError])
    """Raised by whoever writes next, one each."""

    async def standing(self, key: HostKey) -> Standing:
        return self._host(key).standing

    async def note_connected(self, key: HostKey, instance_uid: InstanceUid) -> None:
        host = self._written(key)
        host.is_connected, host.instance_uid = True, instance_uid

    async def note_gone(self, key: HostKey) -> None:
        self._written(key).is_connected = False

    async def note_offered(self, key: HostKey, config: RemoteConfig) -> None:
        self._written(key).offered.append(config.hash)

    async def note_applied(self, key: HostKey, config: RemoteConfig) -> None:
        host = self._written(key)
        host.applied.append(config.hash)
        host.standing = replace(host.standing, last_good=config)

    async def note_effective(self, key: HostKey, files: Files) -> None:
        self._written(key).effective.append(files)

    async def note_failed(self, key: HostKey, config_hash: bytes, reason: str) -> None:
        host = self._written(key)
        failed = {**host.standing.failed, config_hash: reason}
        host.standing = replace(host.standing, failed=failed)

    async def take_message(self, key: HostKey, message: CustomMessage) -> None:
        self._written(key).messages.append(message)

    def _host(self, key: HostKey) -> MemoryHost:
        if key not in self.hosts:
            raise NotFoundError(f"host {key.host_id}: it was removed")
        return self.hosts[key]

    def _written(self, key: HostKey) -> MemoryHost:
        if self.fails:
            raise self.fails.pop(0)
        return self._host(key)


@dataclass(slots=True, kw_only=True)
class OpampServer:
    """The endpoint on loopback, with hosts and credentials."""

    fleet: MemoryFleet = field(default_factory=MemoryFleet)
    clock: Clock = field(default_factory=SystemClock)
    reauthenticate_seconds: float = 60.0
    max_in_flight: int = 256
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    credentials: dict[str, Actor] = field(default_factory=dict[str, Actor])
    endpoint: OpampEndpoint = field(init=False)
    port: int = 0

    def __post_init__(self) -> None:
        self.endpoint = OpampEndpoint(
            fleet=self.fleet,
            clock=self.clock,
            new_id=partial(new_id, self.clock),
            max_in_flight=self.max_in_flight,
        )

    def enroll(self, standing: Standing | None = None, number: int = 1) -> tuple[MemoryHost, str]:
        """A host and its credential."""
        host_id = HostId(UUID(int=number))
        host = MemoryHost(standing or a_standing())
        credential = new_token(TokenKind.AGENT)
        self.fleet.hosts[HostKey(TENANT, host_id)] = host
        self.credentials[credential] = agent_actor(TENANT, str(host_id), f"host-{number}")
        return host, credential

    def want(self, host: MemoryHost, desired: RemoteConfig) -> None:
        """Change what is desired of it."""
        host.standing = replace(host.standing, desired=desired)
        key = next(key for key, one in self.fleet.hosts.items() if one is host)
        self.endpoint.changed(key.host_id)

    async def authenticate(self, token: str) -> Actor:
        if token not in self.credentials:
            raise UnauthenticatedError("token: unknown; enrol again")
        return self.credentials[token]

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/v1/opamp"

    @property
    def ws_url(self) -> str:
        return f"ws://{LOOPBACK}:{self.port}/v1/opamp"

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["OpampServer"]:
        """Serve on loopback while the block lasts; on the port of the last time, if there was one."""
        parts = Opamp(
            endpoint=self.endpoint,
            authenticate=self.authenticate,
            closing=self.closing,
            reauthenticate_seconds=self.reauthenticate_seconds,
        )
        services = replace(
            Edge(clock=self.clock).services(),
            authenticate=self.authenticate,
            others={"opamp": parts},
        )
        app = create_app(services, (*EDGE_ROUTES, *opamp.ROUTES))
        server = uvicorn.Server(
            uvicorn.Config(
                cast("Any", app),
                host=LOOPBACK,
                port=self.port,
                ws="websockets-sansio",
                ws_per_message_deflate=False,
                ws_max_size=MAX_MESSAGE_BYTES,
                lifespan="off",
                log_config=None,
                timeout_graceful_shutdown=1,
            )
        )
        serving = asyncio.create_task(server._serve())
        watching = asyncio.create_task(self.endpoint.watch())
        try:
            await until(lambda: server.started or serving.done())
            self.port = server.servers[0].sockets[0].getsockname()[1]
            yield self
        finally:
            watching.cancel()
            server.should_exit = True
            self.closing.set()
            await serving
            with suppress(asyncio.CancelledError):
                await watching
            self.closing.clear()
