"""Elastic's OpAMP client for Node, unmodified, against our endpoint: it polls, and reports no health of its own."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.interop.supervisors import PATIENCE_SECONDS, ROOT
from tests.opamp_fleets import OpampServer, a_standing
from tests.server_parts import until

from phoenix_platform.opamp.facts import ConfigFile, RemoteConfig

pytestmark = pytest.mark.timeout(600)
CONFIG = RemoteConfig(b"sha256:one", {"elastic": ConfigFile(b'{"log_level":"info"}')})
NEXT = RemoteConfig(b"sha256:two", {"elastic": ConfigFile(b'{"log_level":"debug"}')})


@dataclass(slots=True)
class ElasticClient:
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def count(self, event: str) -> int:
        return sum(one["event"] == event for one in self.events)


@asynccontextmanager
async def elastic_client(url: str, credential: str) -> AsyncGenerator[ElasticClient]:
    """Run it while the block lasts."""
    modules = await asyncio.to_thread(
        subprocess.run,
        [ROOT / "scripts/elastic_client.sh"],
        check=True,
        capture_output=True,
        text=True,
    )
    process = await asyncio.create_subprocess_exec(
        "node",
        ROOT / "tests/interop/elastic/client.js",
        url,
        credential,
        env={"PATH": os.defpath + ":/usr/local/bin", "NODE_PATH": modules.stdout.strip()},
        stdout=subprocess.PIPE,
    )
    client = ElasticClient()
    reading = asyncio.create_task(read(process, client))
    try:
        yield client
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await reading


async def read(process: asyncio.subprocess.Process, client: ElasticClient) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        client.events.append(json.loads(line))


async def test_it_is_connected_configured_and_keeps_polling() -> None:
    async with OpampServer().running() as server:
        host, credential = server.enroll(a_standing(desired=CONFIG))
        async with elastic_client(server.url, credential) as client:
            await until(lambda: CONFIG.hash in host.applied, PATIENCE_SECONDS)
            assert host.is_connected
            server.want(host, NEXT)
            await until(lambda: NEXT.hash in host.applied, PATIENCE_SECONDS)
            sent = client.count("sent")
            await until(lambda: client.count("sent") >= sent + 5, PATIENCE_SECONDS)
            configs = [one for one in client.events if one["event"] == "config"]
            assert [one["hash"] for one in configs] == ["sha256:one", "sha256:two"]
            assert configs[0]["files"] == {"elastic": '{"log_level":"info"}'}
            assert host.offered == [CONFIG.hash, NEXT.hash]
            assert host.failed == {}
            assert client.count("failed") == 0
            assert server.endpoint.agents_by_state() == {"unknown": 1}
