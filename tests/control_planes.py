"""A small control plane for tests of the agent: real HTTP and WebSocket on loopback, in a thread of its own.

It keeps what agents send as the real one does (one effect per key), can go away and come back on its
port, and says what it got. Not a stand-in for the server's rules: those have their own tests.
"""

import asyncio
import contextlib
import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Self
from uuid import UUID

import msgspec
import uvicorn

from phoenix_platform.agent.ports import LOOPBACK
from phoenix_platform.core.tokens import TokenKind, new_token
from phoenix_platform.opamp import opamp_pb2 as pb
from phoenix_platform.opamp.desired_state import (
    CONFIG_KEY,
    CONTENT_TYPE,
    DesiredState,
    decode_desired_state,
    desired_state_hash,
    encode_desired_state,
)
from phoenix_platform.opamp.frames import agent_message_of_frame, to_frame
from phoenix_platform.opamp.host_reports import HostReport, RunReport, decode_host_report
from phoenix_platform.wire.v1.experiments import AgentBatches
from phoenix_platform.wire.v1.hosts import EnrollmentRequest

Key = tuple[str, str, int]
"""Experiment, variant, scrape."""


class ControlPlaneForTests:
    def __init__(self) -> None:
        self.token = new_token(TokenKind.ENROLLMENT)
        self.credential = new_token(TokenKind.AGENT)
        self.also_accepted: set[str] = set()
        """Other credentials that are taken."""
        self.used: list[str] = []
        """Credentials of the connections so far."""
        self.host_id = str(UUID(int=7))
        self.samples: dict[Key, dict[str, Any]] = {}
        self.repeated: list[Key] = []
        self.conflicting: list[Key] = []
        """Keys under which something else came later: what was measured is lost."""
        self.posts = 0
        self.enrolments: list[Mapping[str, Any]] = []
        self.messages: list[pb.AgentToServer] = []
        self.reports: list[HostReport] = []
        self.answers: list[tuple[int, Mapping[str, str]]] = []
        """Statuses (and headers) for the next posts of samples, instead of taking them."""
        self.offered: bytes | None = None
        self.renamed_to: bytes | None = None
        self.settings: pb.ConnectionSettingsOffers | None = None
        self._sockets: set[Callable[[], None]] = set()
        self._port = 0
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    def __enter__(self) -> Self:
        self.come()
        return self

    def __exit__(self, *error: object) -> None:
        self.go()

    def come(self) -> None:
        """Listen; on the port of the last time, if there was one."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, self._port))
        listener.listen(64)
        self._port = listener.getsockname()[1]
        config = uvicorn.Config(
            self,
            log_config=None,
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        self._server = server = uvicorn.Server(config)

        def serve() -> None:
            async def main() -> None:
                self._loop = asyncio.get_running_loop()
                await server.serve(sockets=[listener])

            asyncio.run(main())
            listener.close()

        self._thread = threading.Thread(target=serve)
        self._thread.start()
        wait_until(lambda: server.started, 20)

    def go(self) -> None:
        """Stop listening, and cut every connection."""
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = True
        self._thread.join(30)
        self._sockets.clear()

    def offer(self, state: DesiredState) -> str:
        """Offer this from now on; its hash."""
        self.offered = encode_desired_state(state)
        self._poke()
        return desired_state_hash(self.offered)

    def offer_credential(self, credential: str, digest: bytes) -> None:
        """Offer another credential, once."""
        self.settings = pb.ConnectionSettingsOffers(hash=digest)
        self.settings.opamp.headers.headers.add(key="Authorization", value=f"Bearer {credential}")
        self._poke()

    def outcome_of_settings(self, digest: bytes) -> int | None:
        """What the agent says of the offer with this hash; None: nothing yet."""
        for message in reversed(self.messages):
            status = message.connection_settings_status
            if status.last_connection_settings_hash == digest:
                return int(status.status)
        return None

    def rename(self, instance_uid: bytes) -> None:
        """Give the agent another uid."""
        self.renamed_to = instance_uid
        self._poke()

    def run_of(self, experiment_id: str) -> RunReport | None:
        """What the host said last about this experiment."""
        runs = self.reports[-1].runs if self.reports else ()
        return next((run for run in runs if run.experiment_id == experiment_id), None)

    def scrapes_of(self, experiment_id: str, variant: str) -> list[int]:
        return sorted(key[2] for key in list(self.samples) if key[:2] == (experiment_id, variant))

    def outcome_of(self, offered: str) -> tuple[int, str] | None:
        """What the agent says of the offer with this hash: status and error; None: nothing yet."""
        for message in reversed(self.messages):
            status = message.remote_config_status
            if message.HasField("remote_config_status"):
                if status.last_remote_config_hash != offered.encode():
                    return None
                return int(status.status), status.error_message
        return None

    def effective(self) -> DesiredState | None:
        """What the host says it runs."""
        for message in reversed(self.messages):
            if message.HasField("effective_config"):
                files = message.effective_config.config_map.config_map
                return decode_desired_state(files[CONFIG_KEY].body)
        return None

    def _poke(self) -> None:
        if self._loop is not None:
            for wake in list(self._sockets):
                self._loop.call_soon_threadsafe(wake)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._opamp(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        status, answer, more = self._answer(scope["path"], headers, json.loads(body))
        content = json.dumps(answer).encode()
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(content)).encode()),
                    *((key.encode(), value.encode()) for key, value in more.items()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": content})

    def _answer(
        self, path: str, headers: Mapping[str, str], body: Any
    ) -> tuple[int, Mapping[str, Any], Mapping[str, str]]:
        if path == "/api/v1/enroll":
            msgspec.convert(body, EnrollmentRequest)  # what the real one takes
            self.enrolments.append(body)
            if body["token"] != self.token:
                return 422, {"title": "Invalid input", "detail": "token: unknown"}, {}
            answer = {
                "host_id": self.host_id,
                "tenant_id": str(UUID(int=1)),
                "credential": self.credential,
            }
            return 200, answer, {}
        credential = headers.get("authorization", "").removeprefix("Bearer ")
        if credential not in {self.credential, *self.also_accepted}:
            return 401, {"title": "Unauthorized"}, {}
        self.posts += 1
        if self.answers:
            status, more = self.answers.pop(0)
            return status, {"title": "as the test wants it"}, more
        msgspec.convert(body, AgentBatches)  # what the real one takes
        accepted = [self._take(batch) for batch in body["batches"]]
        return 200, {"accepted": accepted}, {}

    def _take(self, batch: Any) -> Mapping[str, Any]:
        columns, experiment = batch["columns"], batch["experiment_id"]
        for row, variant in enumerate(columns["variant"]):
            key = (experiment, variant, columns["scrape"][row])
            sample = {
                "ended": columns["ended_unix_nano"][row],
                "points": columns["output_points"][row],
                "acknowledged": columns["acknowledged"][row],
                "run_id": batch["run_id"],
                "sequence": batch["first_sequence"] + row,
            }
            if key not in self.samples:
                self.samples[key] = sample
            elif self.samples[key] == sample:
                self.repeated.append(key)
            else:
                self.conflicting.append(key)
        through = batch["first_sequence"] + len(columns["variant"]) - 1
        return {"experiment_id": experiment, "through_sequence": through}

    async def _opamp(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {key.decode().lower(): value.decode() for key, value in scope["headers"]}
        await receive()
        credential = headers.get("authorization", "").removeprefix("Bearer ")
        if credential not in {self.credential, *self.also_accepted}:
            await send({"type": "websocket.close", "code": 1008})
            return
        self.used.append(credential)
        await send({"type": "websocket.accept"})
        poked = asyncio.Event()
        self._sockets.add(poked.set)
        pushing = asyncio.create_task(self._push(poked, send))
        known: bytes = b""
        try:
            while True:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    return
                told = agent_message_of_frame(message["bytes"])
                self.messages.append(told)
                if told.HasField("custom_message"):
                    self.reports.append(decode_host_report(told.custom_message.data))
                if told.HasField("remote_config_status"):
                    known = told.remote_config_status.last_remote_config_hash
                answer = self._to_agent(told.instance_uid)
                if self._offered_hash() == known:
                    answer.ClearField("remote_config")
                await send({"type": "websocket.send", "bytes": to_frame(answer)})
        finally:
            self._sockets.discard(poked.set)
            pushing.cancel()

    async def _push(self, poked: asyncio.Event, send: Any) -> None:
        while True:
            await poked.wait()
            poked.clear()
            if self.messages:
                answer = self._to_agent(self.messages[-1].instance_uid)
                with contextlib.suppress(OSError, RuntimeError):
                    await send({"type": "websocket.send", "bytes": to_frame(answer)})

    def _to_agent(self, instance_uid: bytes) -> pb.ServerToAgent:
        answer = pb.ServerToAgent(instance_uid=instance_uid, capabilities=7)
        if self.offered is not None:
            file = answer.remote_config.config.config_map[CONFIG_KEY]
            file.body, file.content_type = self.offered, CONTENT_TYPE
            answer.remote_config.config_hash = self._offered_hash()
        if self.renamed_to is not None and instance_uid != self.renamed_to:
            answer.agent_identification.new_instance_uid = self.renamed_to
        if self.settings is not None:
            answer.connection_settings.CopyFrom(self.settings)
            self.settings = None
        return answer

    def _offered_hash(self) -> bytes:
        return b"" if self.offered is None else desired_state_hash(self.offered).encode()


def wait_until(is_so: Callable[[], object], seconds: float, words: Callable[[], str] = str) -> None:
    """Wait for something outside this thread."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not after {seconds} s; {words()}"
        time.sleep(0.05)
