"""The unmodified `opampsupervisor` v0.149.0 with a real collector against our endpoint."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import partial
from pathlib import Path

import pytest
from tests.interop.supervisors import PATIENCE_SECONDS, supervisor
from tests.opamp_fleets import MemoryHost, OpampServer, a_standing
from tests.server_parts import until

from phoenix_platform.opamp.facts import ConfigFile, RemoteConfig
from phoenix_platform.opamp.offers import EMPTY
from phoenix_platform.opamp.sessions import Session

pytestmark = pytest.mark.timeout(3000)
CRASH_LOOP_SECONDS = 5.0
"""After so long the supervisor starts a collector again that ended."""


def a_config(name: str, text: str) -> RemoteConfig:
    return RemoteConfig(f"sha256:{name}".encode(), {"": ConfigFile(text.encode(), "text/yaml")})


TEXT = """
receivers: {nop: {}}
exporters: {nop: {}}
service:
  pipelines: {metrics: {receivers: [nop], exporters: [nop]}}
"""
GOOD = a_config("good", TEXT)
BETTER = a_config("better", TEXT.replace("metrics", "logs"))
BAD = a_config("bad", TEXT.replace("exporters: {nop: {}}", "exporters: {none: {}}"))
UNREADABLE = a_config("unreadable", "receivers: [")


@pytest.fixture
async def server() -> AsyncGenerator[OpampServer]:
    async with OpampServer().running() as running:
        yield running


def url_of(server: OpampServer, scheme: str) -> str:
    return server.ws_url if scheme == "ws" else server.url


def session_of(server: OpampServer) -> Session:
    (entry,) = server.endpoint._entries.values()
    assert entry.agent.owner is not None
    return entry.agent.owner.session


def is_healthy(server: OpampServer) -> bool:
    health = session_of(server).health
    return health is not None and health.is_healthy


async def patiently(is_so: Callable[[], bool]) -> None:
    await until(is_so, PATIENCE_SECONDS)


def has_applied(host: MemoryHost, config: RemoteConfig, times: int = 1) -> bool:
    return host.applied.count(config.hash) >= times


@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_a_bad_configuration_gives_way_to_the_last_good_one_and_nothing_loops(
    server: OpampServer, tmp_path: Path, scheme: str
) -> None:
    host, credential = server.enroll(a_standing(desired=GOOD, is_supervisor=True))
    async with supervisor(tmp_path, url_of(server, scheme), credential) as running:
        await patiently(partial(has_applied, host, GOOD))
        await patiently(partial(is_healthy, server))
        session = session_of(server)
        assert session.description is not None
        assert session.description.identifying["service.name"] == "interop-otelcol"
        assert session.components is not None
        assert session.components.parts is not None
        assert "receivers" in session.components.parts

        server.want(host, BETTER)
        await patiently(partial(has_applied, host, BETTER))

        server.want(host, BAD)
        await patiently(lambda: BAD.hash in host.failed)
        assert "exit" in host.failed[BAD.hash]
        await patiently(partial(has_applied, host, BETTER, 2))
        await patiently(partial(is_healthy, server))
        starts = running.agent_starts()
        await asyncio.sleep(3 * CRASH_LOOP_SECONDS)
        assert running.agent_starts() == starts, "the crash loop ended"
        assert host.offered == [GOOD.hash, BETTER.hash, BAD.hash, BETTER.hash]

        server.want(host, GOOD)
        await patiently(partial(has_applied, host, GOOD, 2))


async def test_a_bad_first_configuration_gives_way_to_an_empty_one(
    server: OpampServer, tmp_path: Path
) -> None:
    host, credential = server.enroll(a_standing(desired=BAD, is_supervisor=True))
    async with supervisor(tmp_path, server.ws_url, credential) as running:
        await patiently(lambda: EMPTY.hash in host.offered)
        await patiently(partial(has_applied, host, EMPTY))
        starts = running.agent_starts()
        await asyncio.sleep(2 * CRASH_LOOP_SECONDS)
        assert running.agent_starts() == starts, "the crash loop ended"
        server.want(host, GOOD)
        await patiently(partial(has_applied, host, GOOD))
    assert host.offered == [BAD.hash, EMPTY.hash, GOOD.hash]


async def test_what_cannot_be_read_fails_at_once_and_is_not_offered_again(
    server: OpampServer, tmp_path: Path
) -> None:
    host, credential = server.enroll(a_standing(desired=GOOD, is_supervisor=True))
    async with supervisor(tmp_path, server.ws_url, credential):
        await patiently(partial(has_applied, host, GOOD))
        server.want(host, UNREADABLE)
        await patiently(lambda: UNREADABLE.hash in host.failed)
        await patiently(partial(has_applied, host, GOOD, 2))
        assert host.offered == [GOOD.hash, UNREADABLE.hash, GOOD.hash]


async def test_restarts_of_either_side_bring_no_offer_back(tmp_path: Path) -> None:
    first = OpampServer()
    host, credential = first.enroll(a_standing(desired=GOOD, is_supervisor=True))
    async with first.running():
        async with supervisor(tmp_path, first.ws_url, credential):
            await patiently(partial(has_applied, host, GOOD))
            first.want(host, BAD)
            await patiently(lambda: BAD.hash in host.failed)
            await patiently(partial(has_applied, host, GOOD, 2))
        await patiently(lambda: not host.is_connected)
    second = OpampServer(fleet=first.fleet, credentials=first.credentials, port=first.port)
    third = OpampServer(fleet=first.fleet, credentials=first.credentials, port=first.port)
    async with supervisor(tmp_path, first.ws_url, credential):
        async with second.running():
            await patiently(lambda: host.is_connected)
            await patiently(partial(is_healthy, second))
        await patiently(lambda: not host.is_connected)
        async with third.running():
            await patiently(lambda: host.is_connected)
            await patiently(partial(is_healthy, third))
    assert host.offered == [GOOD.hash, BAD.hash, GOOD.hash]
