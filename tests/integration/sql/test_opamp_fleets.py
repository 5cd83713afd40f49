"""The fleet as the OpAMP endpoint sees it: what tests use in memory, and the real one over each database."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest
from tests.domain_builders import a_host
from tests.opamp_fleets import MemoryFleet, MemoryHost, a_standing

from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.application.opamp import (
    Fleet,
    HostKey,
    HostsFleet,
    digest_of,
    effective_digest,
    wire_hash,
)
from phoenix_platform.application.ports import DesiredDocument, UnitOfWork
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import ConflictError, InvalidInputError, NotFoundError
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.hosts import FactName, Host, HostId, HostKind
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.opamp.desired_state import (
    CONFIG_KEY,
    DesiredPipeline,
    DesiredState,
    desired_state_hash,
    encode_desired_state,
)
from phoenix_platform.opamp.facts import ConfigFile, CustomMessage, RemoteConfig
from phoenix_platform.opamp.host_reports import (
    CAPABILITY,
    MESSAGE_TYPE,
    HostReport,
    encode_host_report,
)
from phoenix_platform.opamp.instance_uids import InstanceUid

Units = Transactions[UnitOfWork]
UID = InstanceUid("0190a0b1c2d37e4f8a9b0c1d2e3f4a5c")
CONFIG = RemoteConfig(b"sha256:1", {"": ConfigFile(b"receivers: {}", "text/yaml")})
PIPELINE = DesiredPipeline(name="p/1", hash="sha256:1", text="receivers: {}")


@dataclass(frozen=True, slots=True)
class Case:
    fleet: Fleet
    key: HostKey


@pytest.fixture
async def host(transactions: Units, tenant: TenantId, clock: FixedClock) -> Host:
    added = replace(a_host(tenant, clock), kind=HostKind.SUPERVISOR)
    async with transactions.begin(tenant) as work:
        await work.hosts.add(added)
    return added


@pytest.fixture
def real(transactions: Units, host: Host, clock: FixedClock) -> Case:
    fleet = HostsFleet(begin=transactions.begin, clock=clock)
    return Case(fleet, HostKey(host.tenant_id, host.id))


@pytest.fixture(params=["memory", "database"])
def case(request: pytest.FixtureRequest, real: Case) -> Case:
    if request.param == "database":
        return real
    return Case(MemoryFleet({real.key: MemoryHost(a_standing(is_supervisor=True))}), real.key)


async def test_what_failed_stays_in_quarantine_with_its_reason(case: Case) -> None:
    await case.fleet.note_failed(case.key, CONFIG.hash, "exit code 1")
    await case.fleet.note_failed(case.key, b"\xff", "no text")
    standing = await case.fleet.standing(case.key)
    assert standing.failed == {CONFIG.hash: "exit code 1", b"\xff": "no text"}
    assert standing.is_supervisor


async def test_what_worked_last_is_remembered(case: Case) -> None:
    assert (await case.fleet.standing(case.key)).last_good is None
    await case.fleet.note_applied(case.key, CONFIG)
    assert (await case.fleet.standing(case.key)).last_good == CONFIG


CALLS: dict[str, Callable[[Fleet, HostKey], Awaitable[object]]] = {
    "standing": lambda fleet, key: fleet.standing(key),
    "connected": lambda fleet, key: fleet.note_connected(key, UID),
    "gone": lambda fleet, key: fleet.note_gone(key),
    "offered": lambda fleet, key: fleet.note_offered(key, CONFIG),
    "effective": lambda fleet, key: fleet.note_effective(key, CONFIG.files),
    "failed": lambda fleet, key: fleet.note_failed(key, CONFIG.hash, "no"),
}


@pytest.mark.parametrize("call", CALLS)
async def test_a_removed_host_is_not_found(case: Case, call: str) -> None:
    key = case.key._replace(host_id=HostId(new_id(FixedClock())))
    with pytest.raises(NotFoundError):
        await CALLS[call](case.fleet, key)


async def test_the_facts_of_a_host_are_written(real: Case, transactions: Units) -> None:
    await real.fleet.note_connected(real.key, UID)
    await real.fleet.note_offered(real.key, CONFIG)
    await real.fleet.note_applied(real.key, CONFIG)
    await real.fleet.note_effective(real.key, CONFIG.files)
    known = await read(transactions, real.key)
    assert known.is_connected
    assert known.instance_uid == UID
    assert known.facts[FactName.OFFERED].hash == known.facts[FactName.APPLIED].hash == "sha256:1"
    assert known.facts[FactName.EFFECTIVE].hash == effective_digest(CONFIG.files)
    await real.fleet.note_gone(real.key)
    assert not (await read(transactions, real.key)).is_connected


async def test_a_uid_that_another_host_has_stays_that_ones(
    real: Case, transactions: Units, clock: FixedClock
) -> None:
    other = replace(a_host(real.key.tenant_id, clock), name="other", instance_uid=UID)
    async with transactions.begin(real.key.tenant_id) as work:
        await work.hosts.add(other)
    before = await read(transactions, real.key)
    await real.fleet.note_connected(real.key, UID)
    assert (await read(transactions, real.key)).instance_uid == before.instance_uid


async def test_a_supervisor_is_offered_the_collectors_configuration(
    real: Case, transactions: Units, clock: FixedClock
) -> None:
    assert (await real.fleet.standing(real.key)).desired is None
    await desire(transactions, real.key, clock, None)
    assert (await real.fleet.standing(real.key)).desired is None
    await desire(transactions, real.key, clock, PIPELINE)
    assert (await real.fleet.standing(real.key)).desired == CONFIG


async def test_an_agent_of_ours_is_offered_the_whole_desired_state(
    real: Case, transactions: Units, clock: FixedClock
) -> None:
    async with transactions.begin(real.key.tenant_id) as work:
        host = await work.hosts.get(real.key.host_id)
        await work.hosts.save(replace(host, kind=HostKind.AGENT))
    body = await desire(transactions, real.key, clock, None)
    standing = await real.fleet.standing(real.key)
    assert not standing.is_supervisor
    assert standing.desired is not None
    assert standing.desired.files == {CONFIG_KEY: ConfigFile(body, "application/json")}
    assert digest_of(standing.desired.hash) == desired_state_hash(body)
    assert effective_digest(standing.desired.files) == desired_state_hash(body)
    await real.fleet.note_applied(real.key, standing.desired)
    assert (await real.fleet.standing(real.key)).last_good is None


async def test_host_reports_are_kept_and_other_messages_are_not_ours(
    real: Case, transactions: Units, clock: FixedClock
) -> None:
    report = HostReport(
        at=clock.now(), agent_version="1", host_name="a", boot_id="b", processors=2, memory_bytes=1
    )
    message = CustomMessage(CAPABILITY, MESSAGE_TYPE, encode_host_report(report))
    await real.fleet.take_message(real.key, replace(message, type="other", data=b"?"))
    await real.fleet.take_message(real.key, message)
    async with transactions.begin(real.key.tenant_id) as work:
        assert await work.reports.get(real.key.host_id) == report
    with pytest.raises(InvalidInputError):
        await real.fleet.take_message(real.key, replace(message, data=b"?"))


async def test_a_change_by_somebody_else_in_between_is_tried_again(
    real: Case, transactions: Units, clock: FixedClock
) -> None:
    conflicts = iter([ConflictError("someone else changed it"), None])

    def begin(tenant_id: TenantId, **more: object) -> object:
        if (conflict := next(conflicts, None)) is not None:
            raise conflict
        return transactions.begin(tenant_id)

    fleet = HostsFleet(begin=begin, clock=clock)  # type: ignore[arg-type]
    await fleet.note_gone(real.key)
    always = HostsFleet(begin=never, clock=clock)  # type: ignore[arg-type]
    with pytest.raises(ConflictError):
        await always.note_gone(real.key)


def never(tenant_id: TenantId, **more: object) -> object:
    raise ConflictError("someone else changed it")


def test_hashes_go_out_as_they_came_in() -> None:
    for raw in (b"sha256:1", b"\xff\x00", b"other"):
        assert wire_hash(digest_of(raw)) == raw


async def read(transactions: Units, key: HostKey) -> Host:
    async with transactions.begin(key.tenant_id) as work:
        return await work.hosts.get(key.host_id)


async def desire(
    transactions: Units, key: HostKey, clock: FixedClock, pipeline: DesiredPipeline | None
) -> bytes:
    body = encode_desired_state(DesiredState(host_id=str(key.host_id), production=pipeline))
    document = DesiredDocument(
        host_id=key.host_id, hash=desired_state_hash(body), body=body, at=clock.now()
    )
    async with transactions.begin(key.tenant_id) as work:
        await work.desired.put(document)
    return body
