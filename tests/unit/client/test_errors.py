"""Answers of the server become errors that say who can do what about it."""

import msgspec
import pytest

from phoenix_platform.cli.exit_codes import ExitCode, exit_code_of
from phoenix_platform.client.errors import code_of, error_of
from phoenix_platform.core.errors import UnavailableError


def problem(code: str, detail: str = "name: too long", **more: object) -> bytes:
    return msgspec.json.encode(
        {"type": f"/problems/{code}", "detail": detail, "code": code, **more}
    )


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (400, "bad-request", ExitCode.BAD_INPUT),
        (401, "not-signed-in", ExitCode.DENIED),
        (403, "forbidden", ExitCode.DENIED),
        (404, "not-found", ExitCode.NOT_FOUND),
        (409, "illegal-transition", ExitCode.CONFLICT),
        (413, "body-too-large", ExitCode.BAD_INPUT),
        (422, "invalid-input", ExitCode.BAD_INPUT),
        (428, "precondition-missing", ExitCode.BAD_INPUT),
        (429, "too-many-requests", ExitCode.UNAVAILABLE),
        (500, "internal", ExitCode.BUG),
        (503, "unavailable", ExitCode.UNAVAILABLE),
    ],
)
def test_each_status_ends_a_command_with_its_code(
    status: int, code: str, exit_code: ExitCode
) -> None:
    error = error_of(status, problem(code))
    assert exit_code_of(error) is exit_code
    assert code_of(error) == code
    assert error.facts["status"] == status


def test_facts_and_request_id_of_the_server_stay_with_the_error() -> None:
    error = error_of(409, problem("conflict", facts={"current": 3}, request_id="r1"))
    assert error.facts == {"current": 3, "code": "conflict", "status": 409, "request_id": "r1"}


def test_mistakes_of_fields_are_told_once() -> None:
    fields = [{"path": "body.name", "message": "too long"}]
    told = error_of(422, problem("invalid-input", detail="body.name: too long", fields=fields))
    assert str(told) == "body.name: too long"
    untold = error_of(422, problem("invalid-input", detail="wrong", fields=fields))
    assert str(untold) == "wrong; body.name: too long"


def test_a_bug_of_the_server_is_told_with_the_request_by_which_its_log_has_it() -> None:
    error = error_of(500, problem("internal", detail="a bug of ours", request_id="r7"))
    assert str(error) == "server: a bug of ours (r7)"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff"])
def test_an_answer_of_a_proxy_is_told_by_its_status_only(body: bytes) -> None:
    error = error_of(502, body)
    assert isinstance(error, UnavailableError)
    assert "502" in str(error)
    assert "html" not in str(error)
    assert code_of(error) == "unavailable"
