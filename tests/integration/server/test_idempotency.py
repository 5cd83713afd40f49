import asyncio

import msgspec
import pytest
from litestar import Response, post
from litestar.params import JSONBody
from tests.server_parts import OTHER_TENANT, Edge

from phoenix_platform.core.errors import ConflictError
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.server.dependencies import ActorDep, BeginDep


class Word(msgspec.Struct, frozen=True):
    text: str


GATE = asyncio.Event()


@post("/api/v1/words", operation_id="addWord", permission=Permission.HOSTS_MANAGE)
async def add_word(data: JSONBody[Word], begin: BeginDep, actor: ActorDep) -> Response[int]:
    """A use case over two transactions: with a key they are one."""
    async with begin(actor.tenant_id) as work:
        work.words.append(data.text)  # type: ignore[attr-defined]
    async with begin(actor.tenant_id) as work:
        number = len(work.words)  # type: ignore[attr-defined]
    if data.text == "late":
        raise ConflictError("word: late")
    if data.text == "bug":
        raise ZeroDivisionError
    if data.text == "slow":
        await GATE.wait()
    return Response(number, status_code=201, headers={"ETag": '"1"', "X-Other": "x"})


@post("/api/v1/elsewhere", operation_id="addElsewhere", permission=Permission.HOSTS_MANAGE)
async def add_elsewhere(begin: BeginDep) -> None:
    async with begin(OTHER_TENANT):
        pass


ROUTES = (add_word, add_elsewhere)
KEY = {"Idempotency-Key": '"0197a"'}


async def test_the_same_request_twice_happens_once_and_is_answered_twice() -> None:
    edge = Edge()
    async with edge.client(*ROUTES, token="admin") as client:
        first = await client.post("/api/v1/words", json={"text": "a"}, headers=KEY)
        again = await client.post("/api/v1/words", json={"text": "a"}, headers=KEY)
    assert edge.database.words == ["a"]
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, 1)
    assert again.headers["ETag"] == '"1"'
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]


async def test_without_a_key_it_happens_each_time() -> None:
    edge = Edge()
    async with edge.client(*ROUTES, token="admin") as client:
        for _ in range(2):
            await client.post("/api/v1/words", json={"text": "a"})
    assert edge.database.words == ["a", "a"]


async def test_the_same_key_with_another_body_is_refused() -> None:
    edge = Edge()
    async with edge.client(*ROUTES, token="admin") as client:
        await client.post("/api/v1/words", json={"text": "a"}, headers=KEY)
        other = await client.post("/api/v1/words", json={"text": "b"}, headers=KEY)
    assert (other.status_code, edge.database.words) == (422, ["a"])


async def test_keys_of_two_actors_do_not_meet() -> None:
    edge = Edge()
    async with edge.client(*ROUTES) as client:
        for token in ("admin", "foreign"):
            await client.post(
                "/api/v1/words",
                json={"text": token},
                headers={**KEY, "Authorization": f"Bearer {token}"},
            )
    assert edge.database.words == ["admin", "foreign"]


@pytest.mark.parametrize(("text", "status"), [("late", 409), ("bug", 500)])
async def test_an_error_undoes_everything_and_leaves_the_key_free(text: str, status: int) -> None:
    edge = Edge()
    async with edge.client(*ROUTES, token="admin") as client:
        failed = await client.post("/api/v1/words", json={"text": text}, headers=KEY)
        retried = await client.post("/api/v1/words", json={"text": "a"}, headers=KEY)
    assert (failed.status_code, retried.status_code) == (status, 201)
    assert edge.database.words == ["a"]


async def test_a_request_under_way_is_not_begun_again() -> None:
    edge = Edge()
    GATE.clear()
    async with edge.client(*ROUTES, token="admin") as client, asyncio.TaskGroup() as group:
        slow = group.create_task(client.post("/api/v1/words", json={"text": "slow"}, headers=KEY))
        while not edge.database.in_flight:  # noqa: ASYNC110 - the key is taken within the request
            await asyncio.sleep(0.001)
        meanwhile = await client.post("/api/v1/words", json={"text": "slow"}, headers=KEY)
        GATE.set()
        assert (await slow).status_code == 201
    assert (meanwhile.status_code, edge.database.words) == (409, ["slow"])


async def test_what_changes_another_tenant_takes_no_key() -> None:
    async with Edge().client(*ROUTES, token="admin") as client:
        answer = await client.post("/api/v1/elsewhere", headers=KEY)
    assert answer.status_code == 422


@pytest.mark.parametrize("key", ["", '""', "a b", "x" * 256])
async def test_a_key_that_is_none_is_refused(key: str) -> None:
    async with Edge().client(*ROUTES, token="admin") as client:
        answer = await client.post(
            "/api/v1/words", json={"text": "a"}, headers={"Idempotency-Key": key}
        )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
