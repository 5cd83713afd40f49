"""Others' clients, unmodified, against a real `phoenix serve`: enrolled over REST, seen in the fleet."""

import asyncio
import signal
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from uuid import uuid1

import httpx
import pytest
from tests.e2e.test_serve import Server
from tests.interop.supervisors import PATIENCE_SECONDS, supervisor
from tests.interop.test_elastic import elastic_client

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture
def server(tmp_path: Path) -> Generator[Server]:
    folder = tmp_path / "server"
    folder.mkdir()
    running = Server(folder).start()
    yield running
    running.program.signal(signal.SIGTERM)
    running.program.wait(PATIENCE_SECONDS)


class Fleet:
    """The REST API, as its local user."""

    def __init__(self, server: Server) -> None:
        self.http = httpx.Client(
            base_url=f"http://{server.address}/api/v1",
            headers={"Authorization": f"Bearer {server.key}"},
            timeout=60,
        )

    def enroll(self, kind: str) -> tuple[str, str]:
        """The host's id and its credential."""
        token = self.http.post("/enrollment-tokens", json={}).raise_for_status().json()["token"]
        request = {"token": token, "instance_uid": uuid1().hex, "host_name": kind, "kind": kind}
        enrolled = self.http.post("/enroll", json=request).raise_for_status().json()
        return enrolled["host_id"], enrolled["credential"]

    async def see(self, host_id: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Look at the host until something is so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                response = await asyncio.to_thread(self.http.get, f"/hosts/{host_id}")
                host: dict[str, Any] = response.raise_for_status().json()
                if is_so(host):
                    return host
                await asyncio.sleep(0.2)


async def test_elastics_client_is_connected_and_configured(server: Server) -> None:
    fleet = Fleet(server)
    host_id, credential = fleet.enroll("agent")
    async with elastic_client(f"http://{server.address}/v1/opamp", credential) as client:
        host = await fleet.see(host_id, lambda host: "applied" in host["facts"])
        assert host["is_connected"]
        assert host["quarantine"] == []
        hashes = {host["facts"][name]["hash"] for name in ("desired", "offered", "applied")}
        assert len(hashes) == 1
        assert client.count("failed") == 0


async def test_a_supervisor_is_connected_and_says_what_it_runs(
    server: Server, tmp_path: Path
) -> None:
    fleet = Fleet(server)
    host_id, credential = fleet.enroll("supervisor")
    async with supervisor(tmp_path, f"ws://{server.address}/v1/opamp", credential):
        host = await fleet.see(
            host_id, lambda host: host["is_connected"] and "effective" in host["facts"]
        )
        assert host["kind"] == "supervisor"
        assert host["quarantine"] == []
        assert "offered" not in host["facts"], "no production configuration is desired"
    await fleet.see(host_id, lambda host: not host["is_connected"])
