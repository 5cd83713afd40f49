"""Hosts, and what belongs to one host alone: its token, credential, desired document, last report, last good configuration."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    delete,
    select,
    update,
)
from sqlalchemy.engine import RowMapping
from sqlalchemy.sql.expression import ColumnElement

from phoenix_platform.adapters.sql.metadata import (
    METADATA,
    Document,
    Json,
    UtcDateTime,
    id_column,
    tenant_column,
)
from phoenix_platform.adapters.sql.pages import read_page
from phoenix_platform.adapters.sql.scopes import Scope, insert_new, put
from phoenix_platform.application.ports import DesiredDocument, Page, PageQuery
from phoenix_platform.core.errors import ConflictError, NotFoundError
from phoenix_platform.domain.hosts import EnrollmentToken, Host, HostId
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.opamp.facts import RemoteConfig
from phoenix_platform.opamp.host_reports import HostReport, decode_host_report, encode_host_report
from phoenix_platform.opamp.opamp_pb2 import AgentRemoteConfig
from phoenix_platform.opamp.translation import remote_config_of, to_remote_config

hosts: Final = Table(
    "hosts",
    METADATA,
    tenant_column(),
    id_column(),
    Column("name", String(253), nullable=False),
    Column("instance_uid", String(64), nullable=False),
    Column("document", Document(Host), nullable=False),
    Column("version", Integer(), nullable=False),
    UniqueConstraint("tenant_id", "name"),
    UniqueConstraint("tenant_id", "instance_uid"),
)
enrollment_tokens: Final = Table(
    "enrollment_tokens",
    METADATA,
    tenant_column(),
    id_column(),
    Column("token_hash", String(100), nullable=False, unique=True),
    Column("labels", Json, nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("expires_at", UtcDateTime(), nullable=False),
    Column("used_at", UtcDateTime()),
    Column("used_by", Uuid()),
)


def _of_host() -> ForeignKeyConstraint:
    """It goes with its host."""
    return ForeignKeyConstraint(
        ["tenant_id", "host_id"], ["hosts.tenant_id", "hosts.id"], ondelete="CASCADE"
    )


host_credentials: Final = Table(
    "host_credentials",
    METADATA,
    tenant_column(),
    id_column("host_id"),
    Column("credential_hash", String(100), nullable=False, unique=True),
    _of_host(),
)
desired_documents: Final = Table(
    "desired_documents",
    METADATA,
    tenant_column(),
    id_column("host_id"),
    Column("hash", String(100), nullable=False),
    Column("body", LargeBinary(), nullable=False),
    Column("at", UtcDateTime(), nullable=False),
    _of_host(),
)
host_reports: Final = Table(
    "host_reports",
    METADATA,
    tenant_column(),
    id_column("host_id"),
    Column("body", LargeBinary(), nullable=False),
    _of_host(),
)
good_configurations: Final = Table(
    "good_configurations",
    METADATA,
    tenant_column(),
    id_column("host_id"),
    Column("body", LargeBinary(), nullable=False),
    _of_host(),
)


class SqlHosts:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def get(self, host_id: HostId) -> Host:
        if (host := await self._one(hosts.c.id == host_id)) is None:
            raise NotFoundError(f"there is no host {host_id}", host=str(host_id))
        return host

    async def get_for_change(self, host_id: HostId) -> Host:
        # Agents, users and reconcilers write hosts all the time: they take turns instead of failing each other.
        statement = (
            select(hosts.c.document).where(self._is_ours(), hosts.c.id == host_id).with_for_update()
        )
        host: Host | None = (await self._scope.connection.execute(statement)).scalar_one_or_none()
        if host is None:
            raise NotFoundError(f"there is no host {host_id}", host=str(host_id))
        return host

    async def by_name(self, name: str) -> Host | None:
        return await self._one(hosts.c.name == name)

    async def by_instance_uid(self, instance_uid: str) -> Host | None:
        return await self._one(hosts.c.instance_uid == instance_uid)

    async def page(self, query: PageQuery) -> Page[Host]:
        statement = select(hosts.c.id, hosts.c.document).where(self._is_ours())
        return await read_page(self._scope, statement, hosts.c.id, query, _host)

    async def all(self) -> Sequence[Host]:
        statement = select(hosts.c.document).where(self._is_ours()).order_by(hosts.c.name)
        return (await self._scope.connection.execute(statement)).scalars().all()

    async def add(self, host: Host) -> None:
        if not await insert_new(self._scope.connection, hosts, _values(host)):
            raise ConflictError(
                f"a host with the name {host.name!r} or the instance UID {host.instance_uid} is there already",
                host=host.name,
            )

    async def save(self, host: Host) -> Host:
        saved = replace(host, version=host.version + 1)
        statement = (
            update(hosts)
            .where(self._is_ours(), hosts.c.id == host.id, hosts.c.version == host.version)
            .values(_values(saved))
        )
        if (await self._scope.connection.execute(statement)).rowcount != 1:
            raise ConflictError(
                f"someone else changed host {host.name}; read it again", host=host.name
            )
        return saved

    async def remove(self, host_id: HostId) -> None:
        statement = delete(hosts).where(self._is_ours(), hosts.c.id == host_id)
        if (await self._scope.connection.execute(statement)).rowcount != 1:
            raise NotFoundError(f"there is no host {host_id}", host=str(host_id))

    async def _one(self, where: ColumnElement[bool]) -> Host | None:
        statement = select(hosts.c.document).where(self._is_ours(), where)
        return (await self._scope.connection.execute(statement)).scalar_one_or_none()

    def _is_ours(self) -> ColumnElement[bool]:
        return hosts.c.tenant_id == self._scope.tenant_id


class SqlEnrollmentTokens:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def by_hash(self, token_hash: str) -> EnrollmentToken | None:
        columns = enrollment_tokens.c
        found = await self._scope.connection.execute(
            select(enrollment_tokens).where(
                columns.tenant_id == self._scope.tenant_id, columns.token_hash == token_hash
            )
        )
        row = found.mappings().one_or_none()
        if row is None:
            return None
        used_by = row["used_by"]
        return EnrollmentToken(
            id=row["id"],
            tenant_id=TenantId(row["tenant_id"]),
            token_hash=row["token_hash"],
            labels=row["labels"],
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            used_at=row["used_at"],
            used_by=None if used_by is None else HostId(used_by),
        )

    async def add(self, token: EnrollmentToken) -> None:
        values = {
            "tenant_id": token.tenant_id,
            "id": token.id,
            "token_hash": token.token_hash,
            "labels": dict(token.labels),
            "created_at": token.created_at,
            "expires_at": token.expires_at,
            "used_at": token.used_at,
            "used_by": token.used_by,
        }
        await self._scope.connection.execute(enrollment_tokens.insert().values(values))

    async def save_use(self, token: EnrollmentToken) -> None:
        columns = enrollment_tokens.c
        statement = (
            update(enrollment_tokens)
            .where(
                columns.tenant_id == self._scope.tenant_id,
                columns.id == token.id,
                columns.used_at.is_(None),
            )
            .values(used_at=token.used_at, used_by=token.used_by)
        )
        if (await self._scope.connection.execute(statement)).rowcount != 1:
            raise ConflictError("token: it was used already; make another one for this host")


class SqlCredentials:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def put(self, host_id: HostId, credential_hash: str) -> None:
        values = {"credential_hash": credential_hash}
        await _put(self._scope, host_credentials, host_id, values)

    async def remove(self, host_id: HostId) -> None:
        statement = delete(host_credentials).where(*_is(self._scope, host_credentials, host_id))
        await self._scope.connection.execute(statement)


class SqlDesiredDocuments:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def get(self, host_id: HostId) -> DesiredDocument | None:
        row = await _read(self._scope, desired_documents, host_id)
        if row is None:
            return None
        return DesiredDocument(host_id=host_id, hash=row["hash"], body=row["body"], at=row["at"])

    async def put(self, document: DesiredDocument) -> None:
        values = {"hash": document.hash, "body": document.body, "at": document.at}
        await _put(self._scope, desired_documents, document.host_id, values)


class SqlHostReports:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def get(self, host_id: HostId) -> HostReport | None:
        row = await _read(self._scope, host_reports, host_id)
        return None if row is None else decode_host_report(row["body"])

    async def put(self, host_id: HostId, report: HostReport) -> None:
        await _put(self._scope, host_reports, host_id, {"body": encode_host_report(report)})


class SqlGoodConfigurations:
    """Kept as OpAMP's own message of a remote configuration."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def get(self, host_id: HostId) -> RemoteConfig | None:
        row = await _read(self._scope, good_configurations, host_id)
        if row is None:
            return None
        return remote_config_of(AgentRemoteConfig.FromString(row["body"]))

    async def put(self, host_id: HostId, config: RemoteConfig) -> None:
        body = to_remote_config(config).SerializeToString(deterministic=True)
        await _put(self._scope, good_configurations, host_id, {"body": body})


def _values(host: Host) -> dict[str, Any]:
    return {
        "tenant_id": host.tenant_id,
        "id": host.id,
        "name": host.name,
        "instance_uid": host.instance_uid,
        "document": host,
        "version": host.version,
    }


def _host(row: RowMapping) -> Host:
    host: Host = row["document"]
    return host


def _is(scope: Scope, table: Table, host_id: HostId) -> tuple[ColumnElement[bool], ...]:
    return table.c.tenant_id == scope.tenant_id, table.c.host_id == host_id


async def _read(scope: Scope, table: Table, host_id: HostId) -> RowMapping | None:
    found = await scope.connection.execute(select(table).where(*_is(scope, table, host_id)))
    return found.mappings().one_or_none()


async def _put(scope: Scope, table: Table, host_id: HostId, values: dict[str, Any]) -> None:
    await put(scope.connection, table, {"tenant_id": scope.tenant_id, "host_id": host_id, **values})
