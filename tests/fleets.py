"""A control plane and its hosts as users run them: real processes on loopback, each with a folder of its own."""

import json
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
from tests.e2e.programs import Program

PATIENCE = 120.0


class FleetServer:
    """`phoenix serve`; on SQLite, or on the database of a URL."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.program = Program(folder)
        self.data = folder / "data"
        self._arguments = arguments
        self._port = "0"

    def start(self, **environment: str) -> "FleetServer":
        self.program.start(
            *("serve", "--data-dir", str(self.data), "--port", self._port, *self._arguments),
            **{"PHOENIX_DRAIN__NOTICE": "100ms", **environment},
        )
        self.program.wait_until(lambda: '"event": "listening"' in self.program.stderr, PATIENCE)
        line = next(one for one in self.program.stderr.splitlines() if '"listening"' in one)
        # After a restart its hosts find it where it was.
        self._port = str(json.loads(line)["port"])
        return self

    def kill(self) -> None:
        self.program.signal(signal.SIGKILL)
        self.program.wait(PATIENCE)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def key(self) -> str:
        return (self.data / "server" / "admin.key").read_text().strip()

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[Any, Mapping[str, str]]:
        """What the API answers, which must be good."""
        answer = httpx.request(
            method,
            self.url + path,
            json=body,
            headers={"Authorization": f"Bearer {self.key}", **headers},
            timeout=PATIENCE,
        )
        assert answer.status_code < 400, answer.text
        return (answer.json() if answer.content else None), answer.headers

    def create(self, **wanted: Any) -> str:
        """A started experiment; its id."""
        draft, headers = self.ask("POST", "/api/v1/experiments", wanted)
        path = f"/api/v1/experiments/{draft['id']}"
        self.ask("POST", f"{path}/start", **{"If-Match": headers["etag"]})
        return str(draft["id"])

    def experiment(self, experiment_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/api/v1/experiments/{experiment_id}")[0]
        return found

    def until(
        self, experiment_id: str, is_so: Callable[[dict[str, Any]], bool], seconds: float
    ) -> dict[str, Any]:
        """Look at the experiment until it is so."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = self.experiment(experiment_id)
                if is_so(found):
                    return found
            except httpx.TransportError:
                found = {"phase": "the server does not answer"}
            assert time.monotonic() < deadline, _shown(found)
            time.sleep(0.5)


class FleetHost:
    """One host with its agent."""

    def __init__(self, folder: Path, name: str, collector: Path) -> None:
        self.program = Program(folder)
        self.name = name
        self.data = folder / "agent"
        self._collector = collector

    def enroll(self, server: FleetServer, **labels: str) -> "FleetHost":
        token, _ = server.ask("POST", "/api/v1/enrollment-tokens", {"labels": labels})
        file = self.program.folder / "token"
        file.write_text(token["token"])
        self._run("enroll", "--server", server.url, "--token-file", str(file), "--name", self.name)
        assert self.program.wait(PATIENCE) == 0, self.program.stderr
        return self

    def start(self) -> "FleetHost":
        self._run("run")
        return self

    def kill(self) -> None:
        self.program.signal(signal.SIGKILL)
        self.program.wait(PATIENCE)

    def _run(self, verb: str, *arguments: str) -> None:
        self.program.start(
            *("agent", verb, "--data-directory", str(self.data), *arguments),
            PHOENIX_COLLECTOR=str(self._collector),
        )


def _shown(found: dict[str, Any]) -> str:
    keys = ("phase", "verdict", "end_reason", "hosts")
    return json.dumps({key: found.get(key) for key in keys}, indent=1)
