from typing import Any

from litestar import get
from litestar.params import FromPath
from tests.server_parts import Edge

from phoenix_platform.domain.permissions import Permission
from phoenix_platform.server.pagination import PageDep


@get("/api/v1/hosts/{name:str}", operation_id="showHost", permission=Permission.HOSTS_READ)
async def show_host(name: FromPath[str], page: PageDep) -> list[str]:
    """One host, by its <name>.

    More about it.
    """
    return [name]


async def document() -> dict[str, Any]:
    async with Edge().client(show_host) as client:
        found: dict[str, Any] = (await client.get("/api/v1/openapi.json")).json()
    return found


async def test_every_operation_says_who_may_and_how_it_fails() -> None:
    found = await document()
    assert found["openapi"].startswith("3.1.")
    for path, methods in found["paths"].items():
        for operation in methods.values():
            assert operation["x-permission"], path
            problem = operation["responses"]["default"]["content"]["application/problem+json"]
            assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert "Problem" in found["components"]["schemas"]


async def test_an_operation_is_described_by_its_route() -> None:
    operation = (await document())["paths"]["/api/v1/hosts/{name}"]["get"]
    assert operation["summary"] == "One host, by its <name>."
    assert (operation["operationId"], operation["x-permission"]) == ("showHost", "hosts:read")
    assert operation["security"] == [{"bearer": []}]
    assert [one["name"] for one in operation["parameters"]] == ["name", "cursor", "limit"]


async def test_the_page_lists_every_operation_and_loads_nothing() -> None:
    found = await document()
    async with Edge().client(show_host) as client:
        answer = await client.get("/api/v1/docs")
    ids = [one["operationId"] for methods in found["paths"].values() for one in methods.values()]
    assert all(f'id="{one}"' in answer.text for one in ids)
    assert "One host, by its &lt;name&gt;." in answer.text
    assert not any(
        sign in answer.text for sign in ("<script", "src=", "http://", "https://", "@import")
    )
    assert "style-src 'sha256-" in answer.headers["Content-Security-Policy"]
