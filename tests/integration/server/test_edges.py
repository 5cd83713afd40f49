import gzip
from typing import Any

import msgspec
import pytest
import zstandard
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, RawBody
from tests.server_parts import Edge

from phoenix_platform.core.errors import ConflictError
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.server.admission import PUBLIC
from phoenix_platform.server.pagination import PageDep, encode_cursor
from phoenix_platform.server.problems import MEDIA_TYPE
from phoenix_platform.server.versions import ExpectedVersionDep


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str
    times: int = 1


class Words(msgspec.Struct, frozen=True):
    words: list[Word]


@post("/api/v1/words", operation_id="addWords", permission=PUBLIC)
async def add_words(data: JSONBody[Words]) -> int:
    return len(data.words)


@post(
    "/api/v1/blobs",
    operation_id="addBlob",
    permission=PUBLIC,
    accepts=("application/x-protobuf",),
    request_max_body_size=50_000,
)
async def add_blob(body: RawBody) -> int:
    return len(body)


@get("/api/v1/words/{number:int}", operation_id="showWord", permission=PUBLIC)
async def show_word(number: FromPath[int], shout: FromQuery[bool] = False) -> str:  # noqa: FBT002 - a query parameter
    if number == 0:
        raise ConflictError("word: 0 is taken", number=0)
    if number == 1:
        raise ValueError("password=hunter2")
    return f"{number}{shout}"


@post(
    "/api/v1/words/{number:int}/change",
    operation_id="changeWord",
    permission=Permission.HOSTS_MANAGE,
)
async def change_word(number: FromPath[int], expected_version: ExpectedVersionDep) -> int:
    return expected_version


@get("/api/v1/lists", operation_id="listLists", permission=PUBLIC)
async def list_lists(page: PageDep) -> list[str | int | None]:
    return [page.after, page.limit]


WORDS = b'{"words":[{"text":"a"}]}'
ROUTES = (add_words, add_blob, show_word, change_word, list_lists)


@pytest.mark.parametrize(
    ("method", "path", "body", "media_type", "status", "code"),
    [
        pytest.param("GET", "/nowhere", b"", "", 404, "not-found", id="no-route"),
        pytest.param("GET", "/api/v1/words/x", b"", "", 404, "not-found", id="no-number"),
        pytest.param(
            "PUT",
            "/api/v1/words",
            b"{}",
            "application/json",
            405,
            "method-not-allowed",
            id="method",
        ),
        pytest.param(
            "POST", "/api/v1/words", b"{}", "text/plain", 415, "unsupported-media-type", id="type"
        ),
        pytest.param(
            "POST", "/api/v1/words", b"{}", "", 415, "unsupported-media-type", id="no-type"
        ),
        pytest.param(
            "POST", "/api/v1/words", b"{", "application/json", 400, "bad-request", id="cut"
        ),
        pytest.param(
            "POST", "/api/v1/words", b"[]", "application/json", 422, "invalid-input", id="shape"
        ),
        pytest.param(
            "POST",
            "/api/v1/words",
            b'{"words":"\0"}',
            "application/json",
            422,
            "invalid-input",
            id="nul",
        ),
        pytest.param(
            "POST",
            "/api/v1/words",
            b" " * 10_001,
            "application/json",
            413,
            "body-too-large",
            id="size",
        ),
        pytest.param(
            "POST",
            "/api/v1/blobs",
            b" " * 50_001,
            "application/x-protobuf",
            413,
            "body-too-large",
            id="blob",
        ),
        pytest.param("GET", "/api/v1/words/0", b"", "", 409, "conflict", id="ours"),
        pytest.param("GET", "/api/v1/words/1", b"", "", 500, "internal", id="bug"),
        pytest.param(
            "GET", "/api/v1/words/2?shout=maybe", b"", "", 422, "invalid-input", id="query"
        ),
        pytest.param(
            "GET", "/api/v1/words/2?shout=%00", b"", "", 422, "invalid-input", id="query-nul"
        ),
        pytest.param(
            "GET", "/api/v1/%ED%A0%80", b"", "", 422, "invalid-input", id="path-surrogate"
        ),
        pytest.param(
            "GET", "/api/v1/lists?limit=0", b"", "", 422, "invalid-input", id="limit-small"
        ),
        pytest.param(
            "GET", "/api/v1/lists?limit=1001", b"", "", 422, "invalid-input", id="limit-large"
        ),
        pytest.param("GET", "/api/v1/lists?cursor=abc", b"", "", 422, "invalid-input", id="cursor"),
    ],
)
async def test_every_error_is_a_problem(
    method: str, path: str, body: bytes, media_type: str, status: int, code: str
) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    async with Edge().client(*ROUTES) as client:
        answer = await client.request(method, path, content=body, headers=headers)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert (problem["status"], problem["type"]) == (status, f"/problems/{code}")
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert answer.headers["X-Request-Id"] == problem["request_id"]
    assert "hunter2" not in answer.text


async def test_a_wrong_field_is_named_by_its_path() -> None:
    async with Edge().client(*ROUTES) as client:
        answer = await client.post("/api/v1/words", json={"words": [{"text": "a"}, {"text": 7}]})
        unknown = await client.post("/api/v1/words", json={"words": [{"text": "a", "tims": 2}]})
    assert answer.json()["fields"] == [
        {"path": "body.words[1].text", "message": "Expected `str`, got `int`"}
    ]
    assert "tims" in unknown.json()["fields"][0]["message"]


async def test_what_is_right_passes() -> None:
    async with Edge().client(*ROUTES) as client:
        words = await client.post("/api/v1/words", json={"words": [{"text": "a"}]})
        protobuf = {"Content-Type": "application/x-protobuf"}
        blob = await client.post("/api/v1/blobs", content=b"\0" * 50_000, headers=protobuf)
        cursor = encode_cursor("behind")
        page = await client.get("/api/v1/lists", params={"cursor": cursor, "limit": 7})
    assert (words.json(), blob.json(), page.json()) == (1, 50_000, ["behind", 7])


async def test_a_method_that_is_not_there_is_answered_with_those_that_are() -> None:
    async with Edge().client(*ROUTES) as client:
        answer = await client.delete("/api/v1/words")
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


async def test_a_change_without_a_version_is_refused_before_anything_happens() -> None:
    async with Edge().client(*ROUTES, token="admin") as client:
        without = await client.post("/api/v1/words/2/change")
        wrong = await client.post("/api/v1/words/2/change", headers={"If-Match": "*"})
        right = await client.post("/api/v1/words/2/change", headers={"If-Match": '"3"'})
    assert (without.status_code, without.json()["code"]) == (428, "precondition-missing")
    assert wrong.status_code == 422
    assert right.json() == 3


async def test_every_answer_carries_the_headers_that_protect_a_browser() -> None:
    async with Edge().client(*ROUTES) as client:
        for path in ("/livez", "/nowhere", "/api/v1/docs"):
            headers = (await client.get(path)).headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("sent", "is_kept"),
    [("0197-abc.DEF_1", True), ("short", False), ("x" * 65, False), ("a b c d e f", False)],
)
async def test_a_callers_request_id_is_kept_when_it_is_well_formed(
    sent: str, is_kept: bool
) -> None:
    async with Edge().client(*ROUTES) as client:
        answer = await client.get("/livez", headers={"X-Request-Id": sent})
    assert (answer.headers["X-Request-Id"] == sent) is is_kept


async def test_a_draining_process_is_not_ready_but_answers_and_sends_clients_elsewhere() -> None:
    edge = Edge()
    edge.health.is_draining = True
    async with edge.client(*ROUTES) as client:
        ready = await client.get("/readyz")
        live = await client.get("/livez")
    assert (ready.status_code, live.status_code) == (503, 200)
    assert ready.json()["failures"] == {"drain": "this process is going away"}
    assert live.headers["Connection"] == "close"


async def test_probes_say_what_is_so() -> None:
    edge = Edge()
    async with edge.client(*ROUTES) as client:
        edge.health.is_started = False
        starting = await client.get("/startupz")
        edge.health.is_started = True
        started = await client.get("/startupz")
        edge.health.note_lag(6)
        stuck = await client.get("/livez")
    assert (starting.status_code, started.status_code, stuck.status_code) == (503, 200, 503)
    assert stuck.json() == {"is_alive": False, "loop_lag_seconds": 6.0}


async def test_requests_are_counted_by_operation() -> None:
    edge = Edge()
    async with edge.client(*ROUTES) as client:
        await client.get("/api/v1/words/2")
        await client.get("/api/v1/words/1")
        await client.get("/nowhere")
        text = (await client.get("/metrics")).text
    assert 'phoenix_http_requests_total{operation="showWord",status="2xx"} 1.0' in text
    assert 'phoenix_http_errors_total{operation="showWord"} 1.0' in text
    assert 'phoenix_http_requests_total{operation="unmatched",status="4xx"} 1.0' in text


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        pytest.param("gzip", gzip.compress(WORDS), id="gzip"),
        pytest.param("zstd", zstandard.compress(WORDS), id="zstd"),
        pytest.param("identity", WORDS, id="plain"),
    ],
)
async def test_a_packed_body_is_unpacked_before_it_is_read(encoding: str, packed: bytes) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    async with Edge().client(*ROUTES) as client:
        answer = await client.post("/api/v1/words", content=packed, headers=headers)
    assert answer.json() == 1, answer.text


@pytest.mark.parametrize(
    ("encoding", "body", "status", "code"),
    [
        pytest.param("br", WORDS, 415, "unsupported-media-type", id="unknown"),
        pytest.param("gzip", WORDS, 422, "malformed-body", id="not-packed"),
        pytest.param("gzip", gzip.compress(b" " * 10**7), 413, "body-too-large", id="bomb"),
        pytest.param("gzip", gzip.compress(b'{"words":"\0"}'), 422, "invalid-input", id="nul"),
    ],
)
async def test_a_packed_body_is_held_to_the_same_rules(
    encoding: str, body: bytes, status: int, code: str
) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    async with Edge().client(*ROUTES) as client:
        answer = await client.post("/api/v1/words", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_websocket_is_refused_by_a_code_where_the_server_cannot_answer() -> None:
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "websocket",
        "path": "/api/v1/events",
        "raw_path": b"/api/v1/events",
        "query_string": b"",
        "headers": [],
        "client": None,
    }
    app: Any = Edge().app()
    await app(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "not-signed-in"}]
