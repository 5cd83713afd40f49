"""`phoenix serve` as a process of its own: what operators and load balancers see."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.e2e.programs import Program
from tests.postgresql import Postgresql
from tests.server_parts import until
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from phoenix_platform.server.command import EXIT_CODE_OF

pytestmark = pytest.mark.timeout(600)
PATIENCE = 120.0


class Server:
    """A running server on a port of its own, with everything in one folder."""

    def __init__(self, folder: Path) -> None:
        self.program = Program(folder)
        self.data = folder / "data"

    def start(self, *arguments: str, **environment: str) -> "Server":
        port = "--port" not in arguments
        self.program.start(
            "serve", "--data-dir", str(self.data), *(["--port", "0"] if port else []), *arguments,
            **{"PHOENIX_DRAIN__NOTICE": "500ms", **environment},
        )  # fmt: skip
        self.program.wait_until(lambda: "listening" in self.events, PATIENCE)
        return self

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its log."""
        found = [line for line in self.program.stderr.splitlines() if line.startswith("{")]
        return [json.loads(line) for line in found if line.endswith("}")]

    @property
    def events(self) -> list[str]:
        return [line["event"] for line in self.lines]

    @property
    def address(self) -> str:
        (line,) = [line for line in self.lines if line["event"] == "listening"]
        return f"127.0.0.1:{line['port']}"

    @property
    def key(self) -> str:
        return (self.data / "server" / "admin.key").read_text().strip()

    def get(self, path: str, *, timeout: float = PATIENCE) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.get(f"http://{self.address}{path}", headers=headers, timeout=timeout)

    def get_anonymous(self, path: str) -> httpx.Response:
        return httpx.get(f"http://{self.address}{path}", timeout=PATIENCE)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.program.signal(number)
        return self.program.wait(PATIENCE)


@pytest.fixture
def server(tmp_path: Path) -> Generator[Server]:
    running = Server(tmp_path)
    yield running
    if running.program.process.poll() is None:
        running.program.process.kill()
        running.program.wait(PATIENCE)


def test_a_server_without_settings_is_ready_and_only_its_owner_reads_its_key(
    server: Server,
) -> None:
    server.start()
    assert server.get("/readyz").json() == {"is_ready": True, "failures": {}}
    assert server.get("/startupz").status_code == 200
    assert server.get("/api/v1/hosts").json() == {"items": [], "next_cursor": None}
    assert httpx.get(f"http://{server.address}/api/v1/hosts").status_code == 401
    document = server.get("/api/v1/openapi.json").json()
    assert all(
        operation["x-permission"]
        for path in document["paths"].values()
        for operation in path.values()
    )
    secrets = [path for path in (server.data / "server").iterdir() if path.stat().st_mode & 0o077]
    assert secrets == []
    assert server.key not in server.program.stderr
    assert server.end() == EXIT_CODE_OF[signal.SIGTERM] == 143


def test_a_drain_says_no_to_load_balancers_first_finishes_what_is_under_way_and_closes_watchers(
    server: Server,
) -> None:
    server.start(PHOENIX_DRAIN__NOTICE="3s")

    async def drain() -> tuple[list[int], httpx.Response, int]:
        headers = {"Authorization": f"Bearer {server.key}"}
        statuses: list[int] = []
        watching = connect(
            f"ws://{server.address}/api/v1/events?topics=hosts", additional_headers=headers
        )
        async with (
            httpx.AsyncClient(
                base_url=f"http://{server.address}", headers=headers, timeout=PATIENCE
            ) as client,
            watching as socket,
        ):
            slow = asyncio.create_task(slow_request(server))
            server.program.signal(signal.SIGTERM)
            while (ready := await client.get("/readyz")).status_code != 503:
                pass
            statuses = [(await client.get("/api/v1/hosts")).status_code for _ in range(20)]
            code = await closing_code(socket)
            return [*statuses, await slow], ready, code

    statuses, ready, code = asyncio.run(drain())
    assert ready.json()["failures"] == {"drain": "this process is going away"}
    assert ready.headers["Connection"] == "close"
    assert set(statuses) == {200, 201}, (
        "the last is that of a request that was under way when it stopped"
    )
    assert code == 1012
    assert server.program.wait(PATIENCE) == 143
    assert server.events[-1] == "drained"


async def slow_request(server: Server) -> int:
    """A request whose body comes slowly: begun before the drain, ended after the listener closed."""
    body = json.dumps({"labels": {}}).encode()
    host, port = server.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /api/v1/enrollment-tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        + f"Authorization: Bearer {server.key}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body[:-1]
    )
    await writer.drain()
    await until(lambda: "draining" in server.events, PATIENCE)
    await until(lambda: not is_listening(host, int(port)), PATIENCE)
    writer.write(body[-1:])
    await writer.drain()
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


def is_listening(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


async def closing_code(watcher: ClientConnection) -> int:
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                await watcher.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


def test_a_subscriber_that_does_not_read_is_cut_off_and_resumes(server: Server) -> None:
    server.start(
        PHOENIX_EVENTS__MAX_BACKLOG="20",
        PHOENIX_EVENTS__FLUSH_INTERVAL="2s",
        PHOENIX_LIMITS__BURST="1000",
    )

    async def overflow() -> tuple[int, list[int]]:
        headers = {"Authorization": f"Bearer {server.key}"}
        url = f"ws://{server.address}/api/v1/events?topics=hosts"
        async with (
            httpx.AsyncClient(
                base_url=f"http://{server.address}", headers=headers, timeout=PATIENCE
            ) as client,
            connect(url, additional_headers=headers, max_queue=None) as slow,
        ):
            begin = msgspec.json.decode(await slow.recv())["position"]
            for _ in range(60):
                answer = await client.post("/api/v1/enrollment-tokens", json={"labels": {}})
                assert answer.status_code == 201, answer.text
            code = await closing_code(slow)
            got: list[int] = []
            while len(got) < 60:
                after = got[-1] if got else begin
                async with connect(
                    f"{url}&after={after}", additional_headers=headers, max_queue=None
                ) as again:
                    got += await positions(again, 60 - len(got))
            return code, got

    code, got = asyncio.run(overflow())
    assert code == 1013
    assert len(got) == len(set(got)) == 60
    assert got == sorted(got)


async def positions(watcher: ClientConnection, count: int) -> list[int]:
    """Of the next events, until the connection ends."""
    found: list[int] = []
    try:
        async with asyncio.timeout(PATIENCE):
            while len(found) < count:
                message = msgspec.json.decode(await watcher.recv())
                if message["kind"] not in ("subscribed", "heartbeat"):
                    found.append(message["position"])
    except ConnectionClosed:
        pass
    return found


def test_a_process_that_stands_still_is_not_alive_and_recovers(server: Server) -> None:
    server.start(PHOENIX_HEALTH__MAX_LOOP_LAG="1s")
    server.program.wait_until(lambda: server.get("/livez").status_code == 200, PATIENCE)
    os.kill(server.program.process.pid, signal.SIGSTOP)
    with pytest.raises(httpx.ReadTimeout):
        server.get("/livez", timeout=2.0)
    os.kill(server.program.process.pid, signal.SIGCONT)
    server.program.wait_until(lambda: server.get("/livez").status_code == 503, PATIENCE)
    server.program.wait_until(lambda: server.get("/livez").status_code == 200, PATIENCE)


def test_a_second_signal_ends_it_at_once(server: Server) -> None:
    server.start(PHOENIX_DRAIN__NOTICE="10m")
    server.program.signal(signal.SIGTERM)
    server.program.wait_until(lambda: "draining" in server.events, PATIENCE)
    assert server.end(signal.SIGINT) == 143


def test_ctrl_c_ends_it_without_a_notice(server: Server) -> None:
    server.start(PHOENIX_DRAIN__NOTICE="10m")
    assert server.end(signal.SIGINT) == EXIT_CODE_OF[signal.SIGINT] == 130


def test_after_a_restart_it_is_the_same_server(server: Server) -> None:
    server.start()
    key = server.key
    server.end()
    server.start()
    assert server.key == key
    assert server.get("/api/v1/hosts").status_code == 200


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "said"),
    [
        pytest.param([], {}, 0, "database: SQLite answers", id="valid"),
        pytest.param([], {"PHOENIX_HTTP__PRT": "1"}, 5, "did you mean PHOENIX_HTTP__PORT?", id="unknown"),
        pytest.param(["--config", "missing.yaml"], {}, 3, "no file missing.yaml", id="no-file"),
        pytest.param(["--database-url", "mysql://x/y"], {}, 5, "'mysql' is not supported", id="database"),
        pytest.param(
            ["--database-url", "postgresql://nobody:hunter2@127.0.0.1:1/x"], {}, 6, "no answer from PostgreSQL", id="away"
        ),
    ],
)  # fmt: skip
def test_check_says_what_is_wrong_and_ends(
    arguments: list[str], environment: dict[str, str], code: int, said: str, tmp_path: Path
) -> None:
    program = Program(tmp_path)
    data = str(tmp_path / "data")
    program.start("serve", "--check", "--data-dir", data, *arguments, **environment)
    assert program.wait(PATIENCE) == code, program.stderr
    assert said in program.stdout + program.stderr
    assert "hunter2" not in program.stdout + program.stderr
    assert "Traceback" not in program.stderr


def test_a_port_in_use_is_named(server: Server, tmp_path: Path) -> None:
    server.start()
    other = tmp_path / "other"
    other.mkdir()
    program = Program(other)
    port = server.address.split(":")[1]
    program.start("serve", "--data-dir", str(other), "--port", port)
    assert program.wait(PATIENCE) == 6, program.stderr
    assert f"cannot listen on 127.0.0.1:{port}" in program.stderr


def test_migrate_brings_a_database_up_once(tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        program = Program(tmp_path)
        program.start("migrate", "--data-dir", str(tmp_path / "data"))
        assert program.wait(PATIENCE) == 0, program.stderr
        said.append(program.stdout)
    assert "migrated from nothing" in said[0]
    assert "nothing to do" in said[1]


def test_beyond_this_machine_the_first_start_prints_a_link_and_logs_none(server: Server) -> None:
    server.start("--host", "0.0.0.0")  # noqa: S104 - that is what is tried
    link = next(line for line in server.program.stderr.splitlines() if "/setup#phx_set_" in line)
    assert link.startswith("Make the first admin, once: http://")
    assert not any("phx_set_" in json.dumps(line) for line in server.lines)
    assert not (server.data / "server" / "admin.key").exists()


def test_two_replicas_on_postgresql_are_one_control_plane(
    tmp_path: Path, postgresql: Postgresql
) -> None:
    """Empty at first: `phoenix migrate` makes it; what one replica does, a watcher of the other hears of, once."""
    url = postgresql.url(postgresql.new_database("template0"))
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    refused = Program(folders[0]).start("serve", "--database-url", url, "--port", "0")
    assert refused.wait(PATIENCE) == 6
    assert "run `phoenix migrate`" in refused.stderr
    migrated = Program(folders[0]).start("migrate", "--database-url", url)
    assert migrated.wait(PATIENCE) == 0, migrated.stderr
    shared = tmp_path / "shared"
    replicas = [Server(folder) for folder in folders]
    for replica in replicas:
        replica.data = shared  # replicas share their key file
    try:
        one, two = (replica.start("--database-url", url) for replica in replicas)
        # The link of the replica that started last is the one that works.
        link = next(line for line in two.program.stderr.splitlines() if "/setup#" in line)
        token = sign_up(one, link.partition("#")[2])
        assert asyncio.run(created_on_one_seen_on_other(one, two, token)) == 25
        metrics = [server.get_anonymous("/metrics").text for server in (one, two)]
        assert sum("\nphoenix_reconcile_lag_seconds " in text for text in metrics) == 1
        assert [server.end() for server in (one, two)] == [143, 143]
    finally:
        for replica in replicas:
            if replica.program.process.poll() is None:
                replica.program.process.kill()
                replica.program.wait(PATIENCE)


def sign_up(server: Server, secret: str) -> str:
    body = {"token": secret, "name": "ada", "password": "correct horse battery staple 7"}
    answer = httpx.post(f"http://{server.address}/api/v1/setup", json=body, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


async def created_on_one_seen_on_other(one: Server, two: Server, token: str) -> int:
    """Make 25 enrolment tokens on one replica; how many a watcher of the other saw."""
    headers = {"Authorization": f"Bearer {token}"}
    url = f"ws://{two.address}/api/v1/events?topics=hosts"
    async with (
        httpx.AsyncClient(
            base_url=f"http://{one.address}", headers=headers, timeout=PATIENCE
        ) as client,
        connect(url, additional_headers=headers, max_queue=None) as watcher,
    ):
        await watcher.recv()
        for _ in range(25):
            answer = await client.post("/api/v1/enrollment-tokens", json={"labels": {}})
            assert answer.status_code == 201, answer.text
        return len(set(await positions(watcher, 25)))
