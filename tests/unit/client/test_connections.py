"""What a request carries, what is sent again, and what is not."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import msgspec
import pytest

from phoenix_platform.client.connections import Address, Connection, Request
from phoenix_platform.client.control_planes import ControlPlane
from phoenix_platform.client.credentials import FixedToken, Session, SessionTokens
from phoenix_platform.client.errors import DeniedError
from phoenix_platform.client.retries import Retries
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import (
    ConflictError,
    InvalidInputError,
    PhoenixError,
    UnavailableError,
)
from phoenix_platform.wire.v1.hosts import HostView
from phoenix_platform.wire.v1.users import NewUser, SignedInView

HOST = msgspec.convert(
    {
        "id": "01a212cf-35ed-7013-9e3e-19897888983e", "name": "web-1", "kind": "agent", "labels": {"env": "test"},
        "is_connected": True, "last_seen_at": None, "facts": {}, "quarantine": [], "agent_version": None,
        "processors": None, "memory_bytes": None, "processes": None, "process_names": [], "collectors": [],
        "production": None, "enrolled_at": "2026-01-31T08:00:00Z", "version": 4,
    },
    HostView,
)  # fmt: skip

Answer = httpx.Response | Exception


class Server:
    """Answers one after the other; the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.clock = FixedClock()
        self.slept: list[float] = []
        self.connection = Connection(
            Address(url="http://127.0.0.1:8000"),
            FixedToken("phx_key"),
            clock=self.clock,
            transport=httpx.MockTransport(self._answer),
            sleep=self._sleep,
            share=lambda: 0.0,
        )
        self.plane = ControlPlane.over(self.connection)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)


def good(value: object = None) -> httpx.Response:
    return httpx.Response(200, content=msgspec.json.encode(value if value is not None else {}))


def bad(status: int, code: str = "unavailable", **headers: str) -> httpx.Response:
    body = msgspec.json.encode({"detail": "no", "code": code})
    return httpx.Response(status, content=body, headers=headers)


NO_HOSTS: dict[str, object] = {"items": (), "next_cursor": None}
CHANGE = Request(method="POST", path="/x")
SECRET = Request(method="POST", path="/x", takes_key=False)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("phoenix.example", "no address"),
        ("ftp://phoenix.example", "no address"),
        ("https://", "no address"),
        ("https://ada:secret@phoenix.example", "without credentials"),
        ("https://phoenix.example?x=1", "without credentials"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason) as caught:
        Address(url=url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "failure",
    [bad(503), bad(502), bad(504), httpx.ReadError("cut")],
    ids=["503", "502", "504", "cut"],
)
def test_a_read_is_sent_again_after_a_passing_failure(failure: Answer) -> None:
    server = Server(failure, failure, good(NO_HOSTS))
    assert list(server.plane.hosts.all()) == []
    assert server.slept == [0.1, 0.2]


def test_a_change_is_sent_again_under_the_same_key() -> None:
    server = Server(httpx.ReadTimeout("late"), good())
    server.connection.send(CHANGE)
    keys = [request.headers["Idempotency-Key"] for request in server.requests]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_two_changes_have_two_keys() -> None:
    server = Server(good())
    server.connection.send(CHANGE)
    server.connection.send(CHANGE)
    assert len({request.headers["Idempotency-Key"] for request in server.requests}) == 2


@pytest.mark.parametrize(
    "failure",
    [bad(503), httpx.ReadError("cut"), httpx.ReadTimeout("late")],
    ids=["503", "cut", "late"],
)
def test_a_change_without_a_key_is_sent_once(failure: Answer) -> None:
    server = Server(failure, good())
    with pytest.raises(UnavailableError):
        server.connection.send(SECRET)
    assert len(server.requests) == 1
    assert "Idempotency-Key" not in server.requests[0].headers


def test_a_change_without_a_key_is_sent_again_if_the_server_never_saw_it() -> None:
    server = Server(httpx.ConnectError("refused"), good())
    server.connection.send(SECRET)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, PhoenixError), (409, ConflictError), (422, InvalidInputError), (500, PhoenixError)],
)
def test_what_was_refused_for_good_is_not_sent_again(
    status: int, error: type[PhoenixError]
) -> None:
    server = Server(bad(status, "some-code"), good())
    with pytest.raises(error):
        server.connection.send(CHANGE)
    assert len(server.requests) == 1


def test_a_request_that_is_still_under_way_is_asked_for_again() -> None:
    server = Server(bad(409, "request-in-flight"), good())
    server.connection.send(CHANGE)
    assert len(server.requests) == 2


def test_it_waits_as_long_as_the_server_asks() -> None:
    server = Server(bad(429, "too-many-requests", **{"Retry-After": "7"}), good())
    server.connection.send(SECRET)
    assert server.slept == [7.0]


def test_it_does_not_wait_for_longer_than_a_minute() -> None:
    server = Server(bad(429, "too-many-attempts", **{"Retry-After": "900"}), good())
    with pytest.raises(UnavailableError):
        server.connection.send(SECRET)
    assert server.slept == []


def test_nothing_is_sent_after_the_deadline() -> None:
    server = Server(bad(503, **{"Retry-After": "20"}))
    with pytest.raises(UnavailableError):
        server.plane.hosts.report(HOST.id)
    assert server.slept == [20.0]


def test_it_gives_up_after_some_attempts_and_says_what_to_do() -> None:
    server = Server(httpx.ConnectError("Connection refused"))
    with pytest.raises(UnavailableError, match="start it with phoenix serve"):
        list(server.plane.hosts.all())
    assert len(server.requests) == 5


def test_waits_double_up_to_a_limit_and_are_spread() -> None:
    retries = Retries(first_seconds=1, most_seconds=4)
    assert [retries.wait_seconds(n, 0.0) for n in (1, 2, 3, 4)] == [0.5, 1, 2, 2]
    assert [retries.wait_seconds(n, 1.0) for n in (1, 2, 3, 4)] == [1, 2, 4, 4]
    assert retries.wait_seconds(1, 0.5, at_least=30) == 30


def test_every_page_is_read_and_none_before_it_is_needed() -> None:
    view = msgspec.to_builtins(HOST)
    server = Server(
        good({"items": [view, view], "next_cursor": "c1"}),
        good({"items": [view], "next_cursor": None}),
    )
    hosts = server.plane.hosts.all("env=prod")
    next(hosts)
    assert len(server.requests) == 1
    assert len(list(hosts)) == 2
    assert dict(server.requests[1].url.params) == {"selector": "env=prod", "cursor": "c1"}


def test_a_change_carries_the_version_it_was_made_from() -> None:
    server = Server(good(msgspec.to_builtins(HOST)))
    server.plane.hosts.set_labels(HOST, {"env": "prod"})
    (request,) = server.requests
    assert request.headers["If-Match"] == '"4"'
    assert request.headers["Authorization"] == "Bearer phx_key"
    assert msgspec.json.decode(request.content) == {"labels": {"env": "prod"}}


def test_an_answer_of_a_newer_server_is_told_as_such() -> None:
    server = Server(good({"items": "many"}))
    with pytest.raises(UnavailableError, match="does not know"):
        list(server.plane.hosts.all())


# Sessions


class Tokens:
    """A session that is kept in memory."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.tokens = self.of("a1", "r1")

    def of(self, access: str, refresh: str) -> SessionTokens:
        return SessionTokens(
            access_token=access,
            access_expires_at=self.clock.now() + timedelta(minutes=5),
            refresh_token=refresh,
            session_expires_at=self.clock.now() + timedelta(days=1),
        )

    def read(self) -> SessionTokens:
        return self.tokens

    def write(self, tokens: SessionTokens) -> None:
        self.tokens = tokens

    def locked(self) -> "Tokens":
        return self

    def __enter__(self) -> None: ...
    def __exit__(self, *error: object) -> None: ...


def a_session(kept: Tokens, asked: list[str]) -> Session:
    def refresh(token: str) -> SignedInView:
        asked.append(token)
        number = len(asked) + 1
        fresh = {
            "access_token": f"a{number}",
            "expires_at": kept.clock.now() + timedelta(minutes=5),
            "refresh_token": f"r{number}",
            "session_expires_at": kept.clock.now() + timedelta(days=1),
            "user": {
                "id": str(HOST.id), "name": "ada", "role": "admin", "has_password": True, "is_disabled": False,
                "created_at": kept.clock.now(), "last_sign_in_at": None, "version": 1,
            },
        }  # fmt: skip
        return msgspec.convert(fresh, SignedInView)

    return Session(kept=kept, refresh=refresh, clock=kept.clock)


def test_a_session_is_renewed_before_its_access_token_ends() -> None:
    kept, asked = Tokens(FixedClock()), list[str]()
    session = a_session(kept, asked)
    assert session.token() == "a1"
    kept.clock.advance(280)
    assert session.token() == "a2"
    assert asked == ["r1"]


def test_a_session_that_another_command_renewed_is_not_renewed_again() -> None:
    kept, asked = Tokens(FixedClock()), list[str]()
    session = a_session(kept, asked)
    kept.write(kept.of("a9", "r9"))
    assert session.renew("a1")
    assert session.token() == "a9"
    assert asked == []


def test_a_refused_token_is_renewed_once_and_the_request_sent_again() -> None:
    server = Server(bad(401, "not-signed-in"), good(NO_HOSTS))
    kept, asked = Tokens(server.clock), list[str]()
    server.connection.credential = a_session(kept, asked)
    assert list(server.plane.hosts.all()) == []
    assert [request.headers["Authorization"] for request in server.requests] == [
        "Bearer a1",
        "Bearer a2",
    ]


def test_a_token_that_stays_refused_is_an_error_not_a_loop() -> None:
    server = Server(bad(401, "not-signed-in"))
    kept, asked = Tokens(server.clock), list[str]()
    server.connection.credential = a_session(kept, asked)
    with pytest.raises(DeniedError):
        list(server.plane.hosts.all())
    assert len(server.requests) == 2


def test_nobody_is_renewed_to_nobody() -> None:
    server = Server(bad(401, "not-signed-in"))
    with pytest.raises(DeniedError):
        list(server.plane.hosts.all())
    assert len(server.requests) == 1


SECRETS: list[Callable[[ControlPlane], object]] = [
    lambda plane: plane.users.create(msgspec.convert({"name": "ada", "role": "admin"}, NewUser)),
    lambda plane: plane.users.reset_password(HOST.id),
    lambda plane: plane.doors.refresh("r1"),
]


@pytest.mark.parametrize("call", SECRETS, ids=["create", "reset", "refresh"])
def test_what_answers_a_secret_carries_no_key(call: Callable[[ControlPlane], object]) -> None:
    server = Server(bad(422, "invalid-input"))
    with pytest.raises(InvalidInputError):
        call(server.plane)
    assert "Idempotency-Key" not in server.requests[0].headers
