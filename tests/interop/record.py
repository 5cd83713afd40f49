"""Records the frames of the real supervisor for tests/recorded/opamp: `python -m tests.interop.record`.

A good configuration, a bad one, and the good one again. Needs root, for a host name of its own in the recording.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.interop.supervisors import ROOT, supervisor
from tests.interop.test_supervisor import BAD, GOOD, has_applied
from tests.opamp_fleets import LOOPBACK, OpampServer, a_standing
from tests.server_parts import until
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve

TARGET = ROOT / "tests/recorded/opamp/supervisor-v0.149.0.jsonl"


class Recorder:
    """A proxy between the agent and the endpoint that writes down every frame, as it is."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._began = time.monotonic()
        self.lines: list[str] = []

    async def handle(self, agent: ServerConnection) -> None:
        assert agent.request is not None
        headers = {"Authorization": agent.request.headers["Authorization"]}
        async with connect(self._target, additional_headers=headers, compression=None) as server:
            tasks = [
                asyncio.create_task(self._forward(agent, server, "agent")),
                asyncio.create_task(self._forward(server, agent, "server")),
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()

    async def _forward(self, source: Connection, sink: Connection, name: str) -> None:
        async for frame in source:
            assert isinstance(frame, bytes)
            seconds = round(time.monotonic() - self._began, 3)
            self.lines.append(json.dumps({"seconds": seconds, "from": name, "frame": frame.hex()}))
            await sink.send(frame)


async def main() -> None:
    async with OpampServer().running() as server:
        host, credential = server.enroll(a_standing(desired=GOOD, is_supervisor=True))
        recorder = Recorder(server.ws_url)
        async with serve(recorder.handle, LOOPBACK, 0, compression=None) as proxy:
            port = next(iter(proxy.sockets)).getsockname()[1]
            url = f"ws://{LOOPBACK}:{port}/v1/opamp"
            with tempfile.TemporaryDirectory() as folder:
                async with supervisor(Path(folder), url, credential, host_name="recorded-host"):
                    await until(lambda: has_applied(host, GOOD), 300)
                    server.want(host, BAD)
                    await until(lambda: has_applied(host, GOOD, 2), 300)
                    await until(lambda: server.endpoint.agents_by_state() == {"healthy": 1}, 300)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text("\n".join(recorder.lines) + "\n")
    sys.stdout.write(f"{len(recorder.lines)} frames in {TARGET.relative_to(ROOT)}\n")


if __name__ == "__main__":
    asyncio.run(main())
