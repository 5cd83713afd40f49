import pytest
from tests.pipeline_builders import MINIMAL
from tests.unit.pipelines.lint.linted import findings, rules

from phoenix_platform.pipelines.lint.linting import without_secrets


def listening(extensions: str, running: str, *, telemetry: str = "") -> str:
    return f"extensions: {extensions}\n{MINIMAL}  extensions: {running}\n{telemetry}"


@pytest.mark.parametrize(
    ("extensions", "running", "telemetry", "expected"),
    [
        ("{zpages: {endpoint: 'localhost:8888'}}", "[zpages]", "", 1),
        ("{zpages: {endpoint: '127.0.0.1:8888'}}", "[zpages]", "", 1),
        ("{zpages: {endpoint: ':8888'}}", "[zpages]", "", 1),
        ("{zpages: {endpoint: '10.0.0.1:8888'}}", "[zpages]", "", 0),
        ("{zpages: {endpoint: '10.0.0.1:0'}}", "[zpages]", "", 0),
        ("{zpages: {endpoint: '${env:A:-}:8888'}}", "[zpages]", "", 0),
        ("{zpages: {endpoint: 1}}", "[zpages]", "", 0),
        ("{zpages: {endpoint: 'localhost:8888'}}", "[]", "", 0),
        ("{zpages: , zpages/2: }", "[zpages, zpages/2]", "", 1),
        ("{zpages: , pprof: {endpoint: 'localhost:55679'}}", "[zpages, pprof]", "", 1),
        ("{zpages: , pprof: }", "[zpages, pprof]", "", 0),
        ("{zpages: {endpoint: ':8888'}}", "[zpages]", "  telemetry: {metrics: {level: none}}", 0),
        ("{zpages: {endpoint: ':8888'}}", "[zpages]", "  telemetry: {metrics: {readers: []}}", 0),
        ("{zpages: {endpoint: ':8888'}}", "[zpages]", "  telemetry: {metrics: {level: basic}}", 1),
        ("{zpages: {endpoint: ':9999'}}", "[zpages]", "  telemetry: {metrics: {address: ':9999'}}", 1),
        ("{zpages: {endpoint: ':9999'}}", "[zpages]", "  telemetry: {metrics: {address: '127.0.0.1:9999'}}", 1),
        ("{zpages: {endpoint: ':9999'}}", "[zpages]", "  telemetry: {metrics: {address: 9}}", 0),
    ],
)  # fmt: skip
def test_ports_that_two_want(extensions: str, running: str, telemetry: str, expected: int) -> None:
    text = listening(extensions, running, telemetry=telemetry)
    assert rules(text).count("port-clash") == expected


def test_receivers_listen_on_the_protocols_they_name() -> None:
    text = MINIMAL.replace(
        "receivers:\n",
        "receivers:\n  otlp: {protocols: {grpc: }}\n  otlp/2: {protocols: {grpc: , http: }}\n  otlp/3: {protocols: }\n",
        1,
    )
    both = text.replace("[host_metrics]", "[host_metrics, otlp, otlp/2, otlp/3]")
    (found,) = findings(both)
    assert (found.rule, found.component) == ("port-clash", "otlp/2")
    assert found.message == "port 4317 is taken by otlp: the collector does not start"


def test_an_exporter_without_a_default_port_listens_only_where_it_is_told() -> None:
    text = MINIMAL.replace("exporters:\n  otlp_http", "exporters:\n  prometheus: {}\n  otlp_http")
    assert "port-clash" not in rules(text.replace("[otlp_http]", "[otlp_http, prometheus]"))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("sending_queue: {enabled: false}", ["sending-queue-off"]),
        ("sending_queue: {enabled: true}", []),
        ("sending_queue: ", []),
        ("queued_retry: {}", ["sending-queue-off"]),
    ],
)
def test_a_queue_that_is_off_holds_up_everything(settings: str, expected: list[str]) -> None:
    text = MINIMAL.replace("endpoint: http://vendor.example", settings)
    assert rules(text) == expected


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ("{headers: {api-key: abcdef123}}", "api-key"),
        ("{headers: {Authorization: Bearer abcdef}}", "Authorization"),
        ("{headers: [{X-Honeycomb-Key: abc}], token: [abc, 1]}", "token"),
        ("{password: hunter2}", "password"),
        ("{endpoint: 'https://me:hunter2@vendor.example'}", "endpoint"),
    ],
)
def test_secrets_in_clear_text_are_found_and_not_repeated(settings: str, found: str) -> None:
    text = MINIMAL.replace("\n    endpoint: http://vendor.example", f" {settings}")
    secrets = [one for one in findings(text) if one.rule == "secret-in-clear-text"]
    assert f"{found}: a secret in clear text" in [one.message for one in secrets]
    shown = without_secrets(text, text, name="a.yaml")
    assert "hunter2" not in shown
    assert "abc" not in shown


@pytest.mark.parametrize(
    "settings",
    [
        "{headers: {api-key: '${env:KEY}'}}",
        "{headers: {api-key: <your key>}}",
        "{token: ''}",
        "{password_file: /run/secret, token_url: http://a, key_file: /a.pem}",
        "{endpoint: 'https://me:${env:PASSWORD}@vendor.example'}",
        "{endpoint: 'https://vendor.example/a:b@c'}",
        "{password: 12345}",
    ],
)
def test_what_is_no_secret_is_left_alone(settings: str) -> None:
    text = MINIMAL.replace("\n    endpoint: http://vendor.example", f" {settings}")
    assert "secret-in-clear-text" not in rules(text)


def test_what_cannot_be_read_is_shown_as_it_is() -> None:
    assert without_secrets("shown", "a: [", name="a.yaml") == "shown"
