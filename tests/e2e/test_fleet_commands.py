"""The commands of a fleet against a real `phoenix serve` with a real agent."""

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.programs import Program
from tests.fleets import FleetHost, FleetServer
from typer.testing import CliRunner

from phoenix_platform.__main__ import build_app
from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.cli.exit_codes import ExitCode, exit_code_of
from phoenix_platform.client.connections import Address, Connection
from phoenix_platform.client.control_planes import ControlPlane
from phoenix_platform.client.credentials import FixedToken
from phoenix_platform.core.errors import PhoenixError
from phoenix_platform.wire.v1.experiments import NewExperimentRequest

WORDS = "correct horse battery staple"
pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    stdout: str
    error: str
    stderr: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.error
        return json.loads(self.stdout)


Phoenix = Callable[..., Ran]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetServer]:
    running = FleetServer(tmp_path_factory.mktemp("server")).start()
    yield running
    running.kill()


@pytest.fixture
def phoenix(server: FleetServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Phoenix:
    """Run a command as the user on the server's machine."""
    monkeypatch.setenv("PHOENIX_DATA_DIRECTORY", str(server.data))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return run


def run(*arguments: str, input: str = "") -> Ran:  # noqa: A002 - as the runner calls it
    result = CliRunner().invoke(build_app(arguments), list(arguments), input=input)
    error = result.exception
    if isinstance(error, PhoenixError):
        return Ran(exit_code_of(error), result.stdout, str(error), result.stderr)
    if error is not None and not isinstance(error, SystemExit):
        raise error
    return Ran(result.exit_code, result.stdout, result.stderr, result.stderr)


def test_the_server_of_this_machine_is_found_without_being_told(
    phoenix: Phoenix, server: FleetServer
) -> None:
    (local,) = phoenix("context", "list", "-o", "json").json
    assert local["name"] == "local"
    assert local["is_current"]
    assert local["server"] == server.url
    assert phoenix("tenant", "list", "-o", "json").json[0]["name"] == "default"


def test_without_a_server_the_command_says_what_to_do(
    phoenix: Phoenix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOENIX_DATA_DIRECTORY", str(tmp_path / "nothing"))
    ran = phoenix("host", "list")
    assert ran.code == ExitCode.NOT_FOUND
    assert "phoenix serve" in ran.error
    assert phoenix("pipeline", "list").code == ExitCode.OK  # the catalog needs none


def test_a_draft_is_made_from_a_file_and_options_shown_cancelled_and_deleted(
    phoenix: Phoenix, tmp_path: Path
) -> None:
    file = tmp_path / "experiment.yaml"
    file.write_text(
        "name: from a file\ncandidate: process-topk-v1\ninterval: 1s\nmax_duration: 5m\n"
    )
    made = phoenix(
        "experiment", "create", "-f", str(file), "--target-reduction", "40%", "-o", "json"
    ).json
    assert made["phase"] == "draft"
    assert made["plan"]["target_reduction"] == 0.4
    assert made["plan"]["interval"] == "PT1S"
    listed = phoenix("experiment", "list", "--name", "from a file", "-o", "json").json
    assert [one["id"] for one in listed] == [made["id"]]
    assert "from a file" in phoenix("experiment", "show", "from a file").stdout
    cancelled = phoenix(
        "experiment", "cancel", "from a file", "--reason", "no need", "-o", "json"
    ).json
    assert cancelled["phase"] == "cancelled"
    again = phoenix("experiment", "cancel", made["id"], "--reason", "once more")
    assert again.code == ExitCode.CONFLICT
    assert phoenix("experiment", "watch", made["id"]).code == ExitCode.CONFLICT
    reasons = [
        one["reason"]
        for one in phoenix(
            "audit", "list", "--target", f"experiment:{made['id']}", "-o", "json"
        ).json
    ]
    assert any("no need" in (reason or "") for reason in reasons)
    assert phoenix("experiment", "delete", made["id"], input="n\n").code == ExitCode.CONFLICT
    assert phoenix("experiment", "delete", made["id"], "--yes").code == ExitCode.OK
    assert phoenix("experiment", "show", made["id"]).code == ExitCode.NOT_FOUND


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("create", "--name", "x"), ExitCode.BAD_INPUT, "--candidate"),
        (("create", "--name", "x", "--candidate", "nothing"), ExitCode.NOT_FOUND, "nothing"),
        (("create", "-f", "missing.yaml"), ExitCode.NOT_FOUND, "missing.yaml"),
        (("create", "--name", "x", "--candidate", "process-topk-v1", "--wait"), ExitCode.BAD_INPUT, "--start"),
        (("show", "nobody"), ExitCode.NOT_FOUND, "nobody"),
        (("stop", "nobody"), ExitCode.USAGE, "--reason"),
        (("compare", "one"), ExitCode.BAD_INPUT, "two"),
        (("list", "--phase", "sleeping"), ExitCode.BAD_INPUT, "phase"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_exit_code_and_names_what_is_wrong(
    phoenix: Phoenix, arguments: tuple[str, ...], code: ExitCode, words: str
) -> None:
    ran = phoenix("experiment", *arguments)
    assert ran.code == code
    assert words in ran.error


def test_versions_of_a_pipeline_never_change_and_the_same_text_is_no_new_one(
    phoenix: Phoenix, tmp_path: Path
) -> None:
    text = phoenix("pipeline", "show", "process-topk-v1", "-o", "json").json["configuration"]
    mine = tmp_path / "mine.yaml"
    mine.write_text(text)
    assert phoenix("pipeline", "publish", "mine.yaml", "--name", "mine").stdout == "mine@1\n"
    assert phoenix("pipeline", "publish", "mine.yaml", "--name", "mine").stdout == "mine@1\n"
    mine.write_text(f"# changed\n{text}")
    assert (
        phoenix("pipeline", "publish", "mine.yaml", "--name", "mine", "-m", "why").stdout
        == "mine@2\n"
    )
    newest, oldest = phoenix("pipeline", "versions", "mine", "-o", "json").json
    assert (newest["message"], oldest["text"]) == ("why", text)
    own = [one for one in phoenix("pipeline", "list", "-o", "json").json if one["origin"] == "own"]
    assert [one["name"] for one in own] == ["mine"]


def test_people_and_programs_come_and_go(
    phoenix: Phoenix, server: FleetServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    invited = phoenix("user", "create", "ada", "--role", "viewer", "-o", "json").json
    signed_in = phoenix("login", server.url, "--set-up", input=f"{invited['link']}\n{WORDS}\n")
    assert signed_in.code == 0, signed_in.error
    assert "signed in as ada" in signed_in.stderr
    assert phoenix("experiment", "list").code == ExitCode.OK
    denied = phoenix("host", "enroll")
    assert denied.code == ExitCode.DENIED
    assert (
        phoenix("user", "change", "ada", "--role", "operator", "--context", "local").code
        == ExitCode.OK
    )
    assert phoenix("logout").code == ExitCode.OK
    signed_out = phoenix("experiment", "list")
    assert signed_out.code == ExitCode.DENIED
    assert "phoenix login" in signed_out.error
    wrong = phoenix("login", server.url, "--user", "ada", input="wrong\n")
    assert wrong.code == ExitCode.DENIED
    assert phoenix("login", server.url, "--user", "ada", input=f"{WORDS}\n").code == ExitCode.OK
    assert phoenix("context", "use", "local").code == ExitCode.OK

    phoenix("service-account", "create", "ci", "--role", "experimenter")
    secret = phoenix(
        "apikey", "create", "ci", "--service-account", "ci", "--scope", "experiments:read"
    ).stdout
    monkeypatch.setenv("PHOENIX_SERVER", server.url)
    monkeypatch.setenv("PHOENIX_API_KEY", secret.strip())
    assert phoenix("experiment", "list").code == ExitCode.OK
    assert phoenix("host", "list").code == ExitCode.DENIED  # beyond its scopes
    assert phoenix("apikey", "revoke", "ci", "--yes", "--context", "local").code == ExitCode.OK
    assert phoenix("user", "remove", "ada", "--yes", "--context", "local").code == ExitCode.OK
    assert phoenix("audit", "verify", "--context", "local").code == ExitCode.OK


def test_a_context_keeps_its_key_for_its_owner_alone(
    phoenix: Phoenix, server: FleetServer, tmp_path: Path
) -> None:
    added = phoenix(
        "context",
        "add",
        "here",
        "--server",
        server.url,
        "--api-key-file",
        "-",
        input=f"{server.key}\n",
    )
    assert added.code == 0, added.error
    file = tmp_path / "config" / "phoenix-platform" / "contexts.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert phoenix("host", "list", "--context", "here").code == ExitCode.OK
    assert server.key not in phoenix("context", "list", "-o", "json").stdout
    plain = phoenix("context", "add", "far", "--server", "http://phoenix.example")
    assert plain.code == ExitCode.BAD_INPUT
    assert "--allow-plain-http" in plain.error
    assert phoenix("context", "remove", "here").code == ExitCode.OK
    assert phoenix("host", "list", "--context", "here").code == ExitCode.NOT_FOUND


def test_events_come_each_once_though_the_server_is_killed_in_between(server: FleetServer) -> None:
    names = [f"event {number}" for number in range(4)]
    seen: list[str] = []
    connection = Connection(Address(url=server.url), FixedToken(server.key))
    with ControlPlane.over(connection) as plane, plane.events.watching(["experiments"]) as events:
        assert next(events) is None  # subscribed: what was before is read by whoever watches

        def create(name: str) -> None:
            plane.experiments.create(NewExperimentRequest(name=name, candidate="process-topk-v1"))

        for name in names[:2]:
            create(name)
        while len(seen) < 2:
            seen += [str(event.payload["name"]) for event in [next(events)] if event is not None]
        server.kill()
        server.start()
        for name in names[2:]:
            create(name)
        while len(seen) < 4:
            seen += [str(event.payload["name"]) for event in [next(events)] if event is not None]
    assert seen == names


@pytest.mark.collector
def test_a_host_is_enrolled_by_the_printed_command_and_an_experiment_on_it_ends_with_a_verdict(
    phoenix: Phoenix, server: FleetServer, tmp_path: Path, collector: CollectorBinary
) -> None:
    command = phoenix("host", "enroll", "--label", "env=prod").stdout
    assert command.startswith("echo phx_enr_")
    assert f"--server {server.url}" in command
    token = command.split()[1]
    host = FleetHost(tmp_path, "web-1", collector.path)
    (tmp_path / "token").write_text(token)
    host._run(
        "enroll", "--server", server.url, "--token-file", str(tmp_path / "token"), "--name", "web-1"
    )
    assert host.program.wait(120) == 0, host.program.stderr
    host.start()
    try:
        host.program.wait_until(lambda: _is_connected(phoenix), 120)
        labelled = phoenix("host", "label", "web-1", "tier=web", "env-", "-o", "json").json
        assert labelled["labels"] == {"tier": "web"}
        forecast = phoenix(
            "experiment", "create", "--name", "same", "--candidate", "process-baseline-v1", "--selector", "tier=web",
            "--interval", "1s", "--dry-run", "-o", "json",
        ).json  # fmt: skip
        assert [one["name"] for one in forecast["hosts"]] == ["web-1"]
        (tmp_path / "same.yaml").write_text(
            "name: same\ncandidate: process-baseline-v1\nselector: tier=web\ninterval: 1s\n"
            "max_duration: 20m\nmax_host_cpu_share: 0.9\nabsent_after: 5m\n"
        )
        folder = tmp_path / "waiting"
        folder.mkdir()
        waiting = Program(folder).start(
            *("experiment", "create", "-f", "../same.yaml", "--start", "--wait", "-o", "json"),
            PHOENIX_DATA_DIRECTORY=str(server.data),
        )
        waiting.wait_until(
            lambda: any(_intervals(one) > 5 for one in waiting.events()),
            300,
        )
        stopped = phoenix(
            "experiment", "stop", "same", "--reason", "seen enough", "--wait", "-o", "json"
        )
        assert stopped.code in (ExitCode.INCONCLUSIVE, ExitCode.STOP_FUTILE), stopped.error
        assert waiting.wait(120) == stopped.code
        last = waiting.events()[-1]
        assert (last["phase"], last["verdict"]) == (
            "completed",
            json.loads(stopped.stdout.splitlines()[-1])["verdict"],
        )
        assert (
            phoenix("experiment", "samples", "same", "-o", "json").json["columns"]["host"][0]
            == "web-1"
        )
        assert phoenix("experiment", "certificate", "same").code == ExitCode.OK
        key = server.ask("GET", "/api/v1/certificate-key")[0]["public_key"]
        verified = phoenix("certificate", "verify", "same.certificate.json", "--key", key)
        assert verified.code == ExitCode.OK, verified.error
        assert phoenix("host", "production", "web-1").code == ExitCode.BAD_INPUT
        assert phoenix("host", "release", "web-1", "abc").code == ExitCode.NOT_FOUND
        assert phoenix("host", "remove", "web-1", "--yes").code == ExitCode.OK
    finally:
        host.program.signal(signal.SIGTERM)
        host.program.wait(120)


def _is_connected(phoenix: Phoenix) -> bool:
    found = phoenix("host", "list", "-o", "json").json
    return any(one["is_connected"] and one["processes"] for one in found)


def _intervals(experiment: dict[str, Any]) -> int:
    judgement: dict[str, Any] | None = experiment["judgement"]
    return 0 if judgement is None else int(judgement["intervals"])
