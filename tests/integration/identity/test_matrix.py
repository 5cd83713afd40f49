"""Every operation of the API × everybody who may ask: nobody is let in unexpectedly, and nothing foreign is seen.

The operations are those of the running application; one that is added is held to its permission without a line here.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select
from tests.identity_parts import Plane

from phoenix_platform.adapters.sql.audit import audit_events
from phoenix_platform.adapters.sql.engines import open_database
from phoenix_platform.application.api_keys import NewKey, revoke_api_key
from phoenix_platform.application.service_accounts import remove_service_account
from phoenix_platform.application.users import invite_user
from phoenix_platform.domain.actors import system_actor
from phoenix_platform.domain.permissions import AGENT_PERMISSIONS, PERMISSIONS_OF, Permission, Role
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.server import composition
from phoenix_platform.server.app import create_app
from phoenix_platform.server.settings import DatabaseSettings, LimitsSettings, ServerSettings

NARROW = frozenset({Permission.EVENTS_READ})
NOBODY = {"nobody", "a revoked key", "a key whose owner is gone", "a made-up key"}
FOREIGN = {"an admin of another tenant", "an admin of the installation"}
HOME_ONLY = {"createTenant", "rotateSigningKeys"}
"""Asked of the admins of the installation, and refused to those of a tenant."""
WRITES_NOTHING = {"forecastExperiment", "postSamples"}
NOT_READY = {
    # What the things of this test are not far enough for; 404, 409 or 422 after the permission was looked at.
    "startExperiment",
    "stopExperiment",
    "getExperimentCertificate",
    "getHostReport",
    "changePassword",
    "createExperiment",
    "forecastExperiment",
    "deleteExperiment",
    "startLoad",
    "releaseHostQuarantine",
}
PIPELINE = """\
receivers: {host_metrics: {scrapers: {process: {}}}}
exporters: {otlp_http: {endpoint: "http://127.0.0.1:4318"}}
service: {pipelines: {metrics: {receivers: [host_metrics], exporters: [otlp_http]}}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    id: str
    method: str
    path: str
    permission: str


@dataclass(slots=True, kw_only=True)
class World:
    """A tenant with everything in it, its neighbours, and everybody's tokens."""

    plane: Plane
    client: httpx.AsyncClient
    tenant_id: TenantId
    tokens: Mapping[str, str | None]
    ours: set[str] = field(default_factory=set[str])
    """Ids that nobody of another tenant may see."""
    number: int = 0

    def allowed(self, who: str) -> frozenset[Permission]:
        if who in NOBODY:
            return frozenset()
        if who == "an agent":
            return AGENT_PERMISSIONS
        if who == "a narrow key":
            return NARROW
        return PERMISSIONS_OF[Role.ADMIN if who in FOREIGN else Role(who)]

    async def ask(self, who: str, operation: Operation, path: str) -> httpx.Response:
        token = self.tokens[who]
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        headers["If-Match"] = '"1"'
        body = self.body_of(operation.id)
        content = {} if operation.method in ("GET", "DELETE") else {"json": body}
        return await self.client.request(
            operation.method, path, headers=headers, **cast("Any", content)
        )

    async def fresh_path(self, operation: Operation) -> str:
        """The operation's path with the ids of new things of the tenant."""
        path = operation.path
        makers: Mapping[str, Callable[[], Awaitable[str]]] = {
            "{user_id}": self.a_user,
            "{account_id}": self.an_account,
            "{key_id}": self.a_key,
            "{host_id}": self.a_host,
            "{pipeline_id}": self.a_pipeline,
            "{experiment_id}": self.an_experiment,
            "{load_id}": self.a_load,
            "{tenant_id}": self.the_tenant,
        }
        for name, make in makers.items():
            if name in path:
                made = await make()
                self.ours.add(made)
                path = path.replace(name, made)
        path = path.replace("{number}", "1")
        assert "{" not in path, f"{operation.id}: say in fresh_path what stands for {path}"
        return path

    def name(self, kind: str) -> str:
        self.number += 1
        return f"{kind}-{self.number}"

    async def a_user(self) -> str:
        invited = await invite_user(
            self.name("user"),
            Role.VIEWER,
            begin=self.plane.transactions.begin,
            actor=system_actor(self.tenant_id),
            clock=self.plane.clock,
        )
        return str(invited.user.id)

    async def an_account(self) -> str:
        made = await self.plane.service_account(self.name("sa"), Role.VIEWER, self.tenant_id)
        return str(made.id)

    async def a_key(self) -> str:
        account = await self.plane.service_account(self.name("sa"), Role.VIEWER, self.tenant_id)
        return str((await self.plane.key_of(account)).key.id)

    async def a_host(self) -> str:
        host, _ = await self.plane.host(self.name("host"), self.tenant_id)
        return str(host.id)

    async def a_pipeline(self) -> str:
        return await self.posted("/api/v1/pipelines", "createPipeline")

    async def an_experiment(self) -> str:
        return await self.posted("/api/v1/experiments", "createExperiment")

    async def a_load(self) -> str:
        return await self.posted("/api/v1/loads", "startLoad")

    async def posted(self, path: str, operation: str) -> str:
        """The id of what the tenant's admin makes by the API."""
        headers = {"Authorization": f"Bearer {self.tokens['admin']}"}
        made = await self.client.post(path, json=self.body_of(operation), headers=headers)
        assert made.status_code == 201, made.text
        found: dict[str, Any] = made.json()
        return str(found.get("id") or found["pipeline"]["id"])

    async def the_tenant(self) -> str:
        return str(self.tenant_id)

    def body_of(self, operation: str) -> object:
        bodies: Mapping[str, object] = {
            "createUser": {"name": self.name("user"), "role": "viewer"},
            "changeUser": {"role": "operator"},
            "createServiceAccount": {"name": self.name("sa"), "role": "viewer"},
            "changeServiceAccount": {"role": "operator"},
            "issueApiKey": {"name": self.name("key"), "scopes": ["hosts:read"]},
            "createTenant": {"name": self.name("tenant")},
            "changePassword": {"current": "x" * 12, "new": "y" * 12},
            "setHostLabels": {"labels": {"env": "test"}},
            "setHostProduction": {"pipeline": "process-topk-v1"},
            "releaseHostQuarantine": {"hash": "sha256:failed"},
            "issueEnrollmentToken": {"labels": {}},
            "createPipeline": {"name": self.name("pipeline"), "text": PIPELINE},
            "publishPipelineVersion": {"text": PIPELINE + "# changed\n"},
            "createExperiment": {"name": self.name("exp"), "candidate": "process-topk-v1"},
            "forecastExperiment": {"name": self.name("exp"), "candidate": "process-topk-v1"},
            "stopExperiment": {"reason": "test"},
            "cancelExperiment": {"reason": "test"},
            "startLoad": {"profile": "realistic"},
            "postSamples": {"batches": []},
        }
        return bodies.get(operation, {})

    async def audited(self) -> int:
        async with self.plane.transactions.every_tenant() as connection:
            statement = select(func.count()).select_from(audit_events)
            return int((await connection.execute(statement)).scalar_one())


async def operations_of(client: httpx.AsyncClient) -> list[Operation]:
    document = (await client.get("/api/v1/openapi.json")).json()
    return [
        Operation(
            id=one["operationId"], method=method.upper(), path=path, permission=one["x-permission"]
        )
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    ]


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    settings = ServerSettings(
        data_directory=tmp_path,
        database=DatabaseSettings(url=SecretStr(database_url)),
        limits=LimitsSettings(
            requests_per_second=1e6, burst=10**6, anonymous_per_second=1e6, anonymous_burst=10**6
        ),
    )
    database = open_database(database_url)
    parts = await composition._parts(settings, database)
    services = composition.services_of(parts)
    app = create_app(services[0])
    plane = Plane(
        settings=settings,
        database=database,
        bells=parts.bells,
        transactions=parts.transactions,
        identity=parts.identity,
        clock=parts.clock,
    )
    transport = httpx.ASGITransport(cast("Any", app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://phoenix") as client:
        tenant = (await plane.tenant("team-a")).id
        other = (await plane.tenant("team-b")).id
        tokens = await tokens_of(plane, tenant, other)
        yield World(plane=plane, client=client, tenant_id=tenant, tokens=tokens)
    plane.identity.passwords.close()
    await database.close()


async def tokens_of(plane: Plane, tenant: TenantId, other: TenantId) -> dict[str, str | None]:
    async def key(name: str, role: Role, tenant_id: TenantId, **new: Any) -> str:
        account = await plane.service_account(name, role, tenant_id)
        made = NewKey(name="key", service_account=account.id, **new)
        return (await plane.key_of(account, made)).secret

    begin, clock, actor = plane.transactions.begin, plane.clock, system_actor(tenant)
    account = await plane.service_account("revoked", Role.ADMIN, tenant)
    revoked = await plane.key_of(account)
    await revoke_api_key(revoked.key.id, begin=begin, actor=actor, clock=clock)
    gone = await plane.service_account("gone", Role.ADMIN, tenant)
    orphan = await plane.key_of(gone)
    await remove_service_account(gone.id, begin=begin, actor=actor, clock=clock)
    _, credential = await plane.host("agents-host", tenant)
    return {
        "nobody": None,
        "a made-up key": revoked.secret[:-1] + ("a" if revoked.secret[-1] != "a" else "b"),
        "a revoked key": revoked.secret,
        "a key whose owner is gone": orphan.secret,
        "a narrow key": await key("narrow", Role.ADMIN, tenant, scopes=NARROW),
        "an agent": credential,
        "an admin of another tenant": await key("admin", Role.ADMIN, other),
        "an admin of the installation": await key("admin", Role.ADMIN, plane.home),
        **{role.value: await key(role.value, role, tenant) for role in Role},
    }


@pytest.mark.timeout(300)
async def test_nobody_is_let_in_unexpectedly(world: World) -> None:
    cells, wrong = 0, list[str]()
    for operation in await operations_of(world.client):
        if operation.permission == "public":
            continue
        for who in world.tokens:
            path = await world.fresh_path(operation)
            before = await world.audited()
            answer = await world.ask(who, operation, path)
            cells += 1
            mistake = mistake_in(world, who, operation, path, answer)
            written = await world.audited() - before
            if mistake is None and written != audit_of(operation, answer):
                mistake = f"{written} audit events"
            if mistake is not None:
                status = answer.status_code
                wrong.append(f"{operation.id} by {who}: {status}, {mistake}: {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)
    assert cells > 400


def mistake_in(
    world: World, who: str, operation: Operation, path: str, answer: httpx.Response
) -> str | None:
    """What is unexpected about an answer; None: nothing."""
    status = answer.status_code
    if who in NOBODY:
        return None if status == 401 else "should be 401"
    if operation.permission not in world.allowed(who):
        return None if status == 403 else "should be 403"
    if operation.id in HOME_ONLY and who != "an admin of the installation":
        return None if status == 403 else "should be for the installation's admins"
    sees_all_tenants = who == "an admin of the installation" and operation.id in (
        "getTenant",
        "listTenants",
    )
    if who in FOREIGN and not sees_all_tenants:
        if seen := {one for one in world.ours if one in answer.text and one not in path}:
            return f"shows {seen}"
        if "{" in operation.path:
            return None if status == 404 else "should be 404, as for what is not there"
    if operation.id in NOT_READY:
        return (
            None if status not in (401, 403) and status < 500 else "should be past its permission"
        )
    if operation.id in ("getApiKey", "revokeApiKey") and who != Role.ADMIN.value:
        return None if status == 404 else "should be 404: another's key"
    return None if 200 <= status < 300 else "should be let in"


def audit_of(operation: Operation, answer: httpx.Response) -> int:
    """How many audit events such an answer stands for: one per change."""
    is_change = operation.method != "GET" and operation.id not in WRITES_NOTHING
    return int(is_change and 200 <= answer.status_code < 300)


@pytest.mark.timeout(300)
async def test_a_thing_of_another_tenant_looks_like_one_that_is_not_there(world: World) -> None:
    for operation in await operations_of(world.client):
        if "_id}" not in operation.path or operation.permission == "agent:report":
            continue
        path = await world.fresh_path(operation)
        foreign = await world.ask("an admin of another tenant", operation, path)
        parts = [
            part if len(part) != 36 else str(UUID(int=7 << 76 | 2 << 62))
            for part in path.split("/")
        ]
        absent = await world.ask("an admin of another tenant", operation, "/".join(parts))
        for answer in (foreign, absent):
            assert answer.status_code == 404, f"{operation.id}: {answer.text}"
            assert answer.json()["code"] == "not-found", operation.id
        assert len(foreign.content) == len(absent.content), operation.id
