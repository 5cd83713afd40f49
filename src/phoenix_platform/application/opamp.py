"""What the OpAMP endpoint needs of the fleet, and how the hosts in the database answer it.

`server.opamp` calls it for what an agent says; `HostsFleet` is the real one, over the use cases of `application.hosts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, NamedTuple, Protocol

from phoenix_platform.application.hosts import (
    note_connection,
    note_fact,
    quarantine,
    take_host_report,
)
from phoenix_platform.application.ports import Begin, DesiredDocument
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import ConflictError
from phoenix_platform.core.hashing import content_hash, sha256_of
from phoenix_platform.domain.hosts import FactName, HostId, HostKind
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.opamp.desired_state import (
    CONFIG_KEY,
    CONTENT_TYPE,
    decode_desired_state,
    desired_state_hash,
)
from phoenix_platform.opamp.facts import (
    ConfigFile,
    ConnectionOffer,
    CustomMessage,
    Files,
    RemoteConfig,
)
from phoenix_platform.opamp.host_reports import CAPABILITY, MESSAGE_TYPE, decode_host_report
from phoenix_platform.opamp.instance_uids import InstanceUid

YAML: Final = "text/yaml"
SUPERVISOR_KEY: Final = ""
"""Name of the one configuration file that a foreign supervisor gets."""

_FOREIGN: Final = "other:"
_ATTEMPTS: Final = 4


class HostKey(NamedTuple):
    tenant_id: TenantId
    host_id: HostId


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is wanted of a host, and what it could not do before."""

    instance_uid: InstanceUid
    is_supervisor: bool
    """Under a foreign supervisor: it gets back the last good configuration when one fails."""
    desired: RemoteConfig | None
    failed: Mapping[bytes, str] = field(default_factory=dict[bytes, str])
    """Its quarantine, reasons by hash."""
    last_good: RemoteConfig | None = None
    connection: ConnectionOffer | None = None
    """How the agent should reach us from now on; None: as it does. Never for a supervisor, which would stop verifying certificates."""


class Fleet(Protocol):
    """The hosts, as the OpAMP endpoint sees them. Each method raises `NotFoundError` for a host that was removed."""

    async def standing(self, key: HostKey) -> Standing: ...

    async def note_connected(self, key: HostKey, instance_uid: InstanceUid) -> None:
        """It speaks, under this uid; called again while it does, every `SEEN_SECONDS`."""
        ...

    async def note_gone(self, key: HostKey) -> None:
        """It left, or was not heard of for too long."""
        ...

    async def note_offered(self, key: HostKey, config: RemoteConfig) -> None: ...
    async def note_applied(self, key: HostKey, config: RemoteConfig) -> None: ...
    async def note_effective(self, key: HostKey, files: Files) -> None: ...

    async def note_failed(self, key: HostKey, config_hash: bytes, reason: str) -> None:
        """Put it into the host's quarantine."""
        ...

    async def take_message(self, key: HostKey, message: CustomMessage) -> None:
        """Raise `InvalidInputError` if its data is not what its type says."""
        ...


SEEN_SECONDS: Final = 20.0
"""How often it is written down that a host was heard of: below the time after which it counts as away."""


def wire_hash(digest: str) -> bytes:
    """A hash as it goes out: ours is its very text, any other what `digest_of` made of it."""
    if digest.startswith(_FOREIGN):
        return bytes.fromhex(digest.removeprefix(_FOREIGN))
    return digest.encode()


def digest_of(config_hash: bytes) -> str:
    """A hash that came in: ours as it is, any other in hexadecimal digits with a mark before it."""
    try:
        text = config_hash.decode("ascii")
    except UnicodeDecodeError:
        return _FOREIGN + config_hash.hex()
    return text if text.startswith("sha256:") else _FOREIGN + config_hash.hex()


def effective_digest(files: Files) -> str:
    """The hash of what a host runs; of a desired state, the one under which it was offered.

    Raises:
        InvalidInputError: If a desired state in it has no canonical JSON.
    """
    if set(files) == {CONFIG_KEY}:
        return desired_state_hash(files[CONFIG_KEY].body)
    return content_hash({name: sha256_of(file.body) for name, file in files.items()})


def remote_config_of(document: DesiredDocument, kind: HostKind) -> RemoteConfig | None:
    """What a host of this kind is offered: the whole document, or the collector's configuration in it.

    Raises:
        InvalidInputError: If the document is none.
    """
    if kind is HostKind.AGENT:
        file = ConfigFile(document.body, CONTENT_TYPE)
        return RemoteConfig(wire_hash(document.hash), {CONFIG_KEY: file})
    production = decode_desired_state(document.body).production
    if production is None:
        return None
    file = ConfigFile(production.text.encode(), YAML)
    return RemoteConfig(wire_hash(production.hash), {SUPERVISOR_KEY: file})


class Write(Protocol):
    """A use case that writes to one host."""

    async def __call__(self, *, tenant_id: TenantId, begin: Begin, clock: Clock) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HostsFleet:
    """The fleet of the database."""

    begin: Begin
    clock: Clock

    async def standing(self, key: HostKey) -> Standing:
        async with self.begin(key.tenant_id) as work:
            host = await work.hosts.get(key.host_id)
            document = await work.desired.get(key.host_id)
            last_good = await work.good_configurations.get(key.host_id)
        return Standing(
            instance_uid=InstanceUid(host.instance_uid),
            is_supervisor=host.kind is HostKind.SUPERVISOR,
            desired=None if document is None else remote_config_of(document, host.kind),
            failed={wire_hash(one.hash): one.reason for one in host.quarantine},
            last_good=last_good,
        )

    async def note_connected(self, key: HostKey, instance_uid: InstanceUid) -> None:
        await self._write(partial(_note_uid, key.host_id, instance_uid), key)
        await self._write(partial(note_connection, key.host_id, is_connected=True), key)

    async def note_gone(self, key: HostKey) -> None:
        await self._write(partial(note_connection, key.host_id, is_connected=False), key)

    async def note_offered(self, key: HostKey, config: RemoteConfig) -> None:
        digest = digest_of(config.hash)
        await self._write(partial(note_fact, key.host_id, FactName.OFFERED, digest), key)

    async def note_applied(self, key: HostKey, config: RemoteConfig) -> None:
        digest = digest_of(config.hash)
        await self._write(partial(note_fact, key.host_id, FactName.APPLIED, digest), key)
        await self._write(partial(_note_good, key.host_id, config), key)

    async def note_effective(self, key: HostKey, files: Files) -> None:
        digest = effective_digest(files)
        await self._write(partial(note_fact, key.host_id, FactName.EFFECTIVE, digest), key)

    async def note_failed(self, key: HostKey, config_hash: bytes, reason: str) -> None:
        digest = digest_of(config_hash)
        await self._write(partial(quarantine, key.host_id, digest, reason), key)

    async def take_message(self, key: HostKey, message: CustomMessage) -> None:
        if (message.capability, message.type) != (CAPABILITY, MESSAGE_TYPE):
            return
        report = decode_host_report(message.data)
        await self._write(partial(take_host_report, key.host_id, report), key)

    async def _write(self, write: Write, key: HostKey) -> None:
        """Do it; once more where somebody else changed the host meanwhile, as none of these depends on what was there."""
        for attempts_left in reversed(range(_ATTEMPTS)):
            try:
                await write(tenant_id=key.tenant_id, begin=self.begin, clock=self.clock)
            except ConflictError:
                if not attempts_left:
                    raise
            else:
                return


async def _note_uid(
    host_id: HostId, uid: InstanceUid, *, tenant_id: TenantId, begin: Begin, clock: Clock
) -> None:
    """Supervisors make their uid themselves, after the host was enrolled; one that another host has stays that one's."""
    async with begin(tenant_id) as work:
        host = await work.hosts.get(host_id)
        if host.instance_uid != uid and await work.hosts.by_instance_uid(uid) is None:
            await work.hosts.save(replace(host, instance_uid=uid))


async def _note_good(
    host_id: HostId, config: RemoteConfig, *, tenant_id: TenantId, begin: Begin, clock: Clock
) -> None:
    """Keep what works, to be offered again; an agent of ours keeps that by itself."""
    async with begin(tenant_id) as work:
        host = await work.hosts.get(host_id)
        if host.kind is HostKind.SUPERVISOR:
            await work.good_configurations.put(host_id, config)
