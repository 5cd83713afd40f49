import json
import logging

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider

from phoenix_platform.core.tokens import TokenKind, new_token
from phoenix_platform.server.logs import configure_logs, hidden_text, hide_secrets


@pytest.fixture(autouse=True)
def _logging_as_before() -> object:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("kind", list(TokenKind))
def test_a_token_is_hidden_wherever_it_stands(kind: TokenKind) -> None:
    token = new_token(kind)
    assert hidden_text(f"refused {token}, sorry") == "refused [hidden], sorry"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://phoenix:hunter2@db/x", "postgresql://[hidden]@db/x"),
        ("Authorization: Bearer abcdefgh.ijkl", "Authorization: Bearer [hidden]"),
        ("got eyJhbGciOi.eyJzdWIi.c2ln now", "got [hidden] now"),
        ("GET /api/v1/hosts 200", "GET /api/v1/hosts 200"),
    ],
)
def test_secrets_are_known_by_their_form(text: str, shown: str) -> None:
    assert hidden_text(text) == shown


def test_secrets_are_known_by_the_name_of_their_field_at_any_depth() -> None:
    event = hide_secrets(
        None,
        "info",
        {
            "event": "sign-in",
            "password": "hunter2",
            "headers": {"Authorization": "x", "accept": ["*/*", "phx"]},
            "token_kind": "agt",
            "raw": b"Basic aGVsbG86d29ybGQ=",
            "count": 3,
            "error": ValueError("postgresql://a:b@c"),
        },
    )
    assert event == {
        "event": "sign-in",
        "password": "[hidden]",
        "headers": {"Authorization": "[hidden]", "accept": ["*/*", "phx"]},
        "token_kind": "agt",
        "raw": "Basic [hidden]",
        "count": 3,
        "error": "postgresql://[hidden]@c",
    }


def test_a_line_is_one_json_object_with_the_request_it_belongs_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("info", "json")
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    with (
        structlog.contextvars.bound_contextvars(request_id="r1"),
        tracer.start_as_current_span("x"),
    ):
        structlog.get_logger("phoenix.test").info("host enrolled", host="h1")
        structlog.get_logger("phoenix.test").debug("too much detail")
        logging.getLogger("some.library").warning("careful: %s", "postgresql://a:b@c")
    ours, theirs = lines(capsys.readouterr().err)
    assert (ours["event"], ours["host"], ours["request_id"]) == ("host enrolled", "h1", "r1")
    assert ours["logger"] == "phoenix.test"
    assert len(str(ours["trace_id"])) == 32
    assert theirs["event"] == "careful: postgresql://[hidden]@c"
    assert theirs["trace_id"] == ours["trace_id"]


def test_a_traceback_hides_secrets_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    try:
        int("postgresql://phoenix:hunter2@db")
    except ValueError:
        structlog.get_logger("phoenix.test").exception("failed")
    (line,) = lines(capsys.readouterr().err)
    assert "hunter2" not in str(line)
    assert "ValueError" in str(line["exception"])


def test_people_get_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "text")
    structlog.get_logger("phoenix.test").info("listening", port=8000)
    assert "listening" in capsys.readouterr().err
