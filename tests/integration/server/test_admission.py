from collections.abc import Sequence
from typing import Any

import pytest
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from tests.server_parts import Edge

from phoenix_platform.domain.permissions import Permission
from phoenix_platform.server.admission import PUBLIC
from phoenix_platform.server.dependencies import ActorDep
from phoenix_platform.server.errors import IncompleteRouteError


@get("/api/v1/names", operation_id="showName", permission=Permission.HOSTS_READ)
async def show_name(actor: ActorDep) -> dict[str, str]:
    return {"name": actor.name}


@post("/api/v1/users", operation_id="addUser", permission=Permission.USERS_MANAGE)
async def add_user() -> None:
    return


@get("/api/v1/open", operation_id="showOpen", permission=PUBLIC)
async def show_open() -> None:
    return


ROUTES: Sequence[HTTPRouteHandler] = (show_name, add_user, show_open)


async def test_a_route_gets_who_asks() -> None:
    async with Edge().client(*ROUTES, token="viewer") as client:
        answer = await client.get("/api/v1/names")
    assert (answer.status_code, answer.json()) == (200, {"name": "vic"})


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({}, id="none"),
        pytest.param({"Authorization": "Bearer nobody"}, id="unknown"),
        pytest.param({"Authorization": "Basic YTpi"}, id="another-scheme"),
        pytest.param({"Authorization": "Bearer "}, id="empty"),
    ],
)
async def test_who_is_not_known_is_told_to_sign_in(header: dict[str, str]) -> None:
    async with Edge().client(*ROUTES) as client:
        answer = await client.get("/api/v1/names", headers=header)
    assert (answer.status_code, answer.json()["code"]) == (401, "not-signed-in")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="phoenix"'


async def test_who_may_not_is_told_what_is_needed() -> None:
    async with Edge().client(*ROUTES, token="viewer") as client:
        answer = await client.post("/api/v1/users")
    assert (answer.status_code, answer.json()["facts"]) == (403, {"permission": "users:manage"})


async def test_the_headers_count_down_and_one_request_too_many_waits() -> None:
    edge = Edge(burst=2, per_second=0.001)
    async with edge.client(*ROUTES, token="admin") as client:
        first = await client.get("/api/v1/names")
        second = await client.get("/api/v1/names")
        third = await client.get("/api/v1/names")
    assert first.headers["RateLimit-Policy"] == '"actor";q=2;w=2000'
    assert [one.headers["RateLimit"].split(";")[1] for one in (first, second, third)] == [
        "r=1",
        "r=0",
        "r=0",
    ]
    assert (third.status_code, third.json()["code"]) == (429, "too-many-requests")
    assert 990 <= int(third.headers["Retry-After"]) <= 1000


async def test_who_guesses_tokens_is_counted_by_address_and_others_are_not_held_up() -> None:
    edge = Edge(burst=3, per_second=0.001)
    async with edge.client(*ROUTES) as client:
        guesses = [
            await client.get("/api/v1/names", headers={"Authorization": f"Bearer guess{number}"})
            for number in range(4)
        ]
        known = await client.get("/api/v1/names", headers={"Authorization": "Bearer admin"})
        anonymous = await client.get("/api/v1/open")
        probe = await client.get("/livez")
    assert [one.status_code for one in guesses] == [401, 401, 401, 429]
    assert (known.status_code, anonymous.status_code, probe.status_code) == (200, 429, 200)


@pytest.mark.parametrize("declared", [{}, {"permission": None}, {"permission": "hosts:read!"}])
def test_a_route_without_a_permission_stops_the_start(declared: dict[str, Any]) -> None:
    @get("/api/v1/forgotten", operation_id="showForgotten", **declared)
    async def forgotten() -> None:
        return

    with pytest.raises(IncompleteRouteError, match="forgotten"):
        Edge().app(forgotten)


@pytest.mark.parametrize("operation_id", [None, "forgotten", "Show_Forgotten", "showName"])
def test_an_operation_id_that_is_no_verb_with_its_noun_stops_the_start(
    operation_id: str | None,
) -> None:
    @get("/api/v1/forgotten", operation_id=operation_id, permission=PUBLIC)
    async def forgotten() -> None:
        return

    with pytest.raises(IncompleteRouteError, match="operation_id"):
        Edge().app(show_name, forgotten)


async def test_the_framework_answers_which_methods_there_are() -> None:
    async with Edge().client(*ROUTES) as client:
        answer = await client.options("/api/v1/users")
    assert answer.status_code == 204
    assert "POST" in answer.headers["Allow"]
