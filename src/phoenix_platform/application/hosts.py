"""Hosts: let them in, keep what they say about themselves, label and remove them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from phoenix_platform.application.changes import Change, send, write_change
from phoenix_platform.application.desired_states import (
    send_desired_changed,
    write_desired_states,
)
from phoenix_platform.application.pipelines import resolve
from phoenix_platform.application.ports import Begin, DesiredDocument, Page, PageQuery, UnitOfWork
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import ConflictError, InvalidInputError, NotFoundError
from phoenix_platform.core.ids import new_id
from phoenix_platform.core.tokens import TokenKind, new_token, token_hash
from phoenix_platform.domain.actors import Actor, agent_actor
from phoenix_platform.domain.experiment_lifecycle import ON_HOSTS
from phoenix_platform.domain.hosts import (
    CollectorFacts,
    EnrollmentToken,
    Fact,
    FactName,
    Host,
    HostId,
    HostKind,
    Quarantined,
)
from phoenix_platform.domain.selectors import Selector, checked_labels
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.opamp.host_reports import HostReport

TOPIC: Final = "hosts"
CHANGED: Final = "host.changed"
DEFAULT_TOKEN_LIFE: Final = timedelta(hours=1)
_LONGEST_TOKEN_LIFE: Final = timedelta(days=7)
_MAX_QUARANTINE: Final = 20


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An enrolment token with its secret, which is shown once and kept as a hash."""

    token: EnrollmentToken
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrollment:
    """What a new host says to be let in."""

    token: str
    instance_uid: str
    host_name: str
    labels: Mapping[str, str]
    kind: HostKind = HostKind.AGENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    host: Host
    credential: str
    """Of the agent; shown once and kept as a hash."""


def token_life(seconds: int) -> timedelta:
    """How long a token may wait.

    Raises:
        InvalidInputError: If it is not above zero, or beyond 7 days.
    """
    life = timedelta(seconds=min(max(seconds, 0), 10**9))
    if not timedelta(0) < life <= _LONGEST_TOKEN_LIFE:
        raise InvalidInputError(
            f"expires_in_seconds: {seconds} is not above zero and at most 7 days (604800)"
        )
    return life


async def issue_enrollment_token(
    labels: Mapping[str, str],
    *,
    life: timedelta = DEFAULT_TOKEN_LIFE,
    begin: Begin,
    actor: Actor,
    clock: Clock,
) -> IssuedToken:
    """A token that lets one host in, once.

    Raises:
        InvalidInputError: If the labels cannot stand in a selector.
    """
    secret = new_token(TokenKind.ENROLLMENT)
    token = EnrollmentToken(
        id=new_id(clock),
        tenant_id=actor.tenant_id,
        token_hash=token_hash(secret),
        labels=dict(checked_labels(labels, field="labels")),
        created_at=clock.now(),
        expires_at=clock.now() + life,
    )
    async with begin(actor.tenant_id) as work:
        await work.enrollment_tokens.add(token)
        change = Change(
            action="enrollment-token.issue",
            target=f"enrollment-token:{token.id}",
            topic=TOPIC,
            kind="enrollment-token.issued",
            changes={"expires_at": token.expires_at.isoformat(), "labels": dict(token.labels)},
        )
        await write_change(work, change, actor=actor, clock=clock)
    return IssuedToken(token, secret)


async def enroll_host(
    enrollment: Enrollment, *, tenant_id: TenantId, begin: Begin, clock: Clock
) -> Enrolled:
    """Let a host in, and give it its own credential; a host of that name is let in anew.

    Raises:
        ConflictError: If a connected host has that name: two machines may not share one.
        InvalidInputError: If the token is unknown, spent or expired.
    """
    credential = new_token(TokenKind.AGENT)
    async with begin(tenant_id) as work:
        token = await work.enrollment_tokens.by_hash(token_hash(enrollment.token))
        if token is None:
            raise InvalidInputError("token: unknown; make one with `phoenix host enroll`")
        host = await _admitted(work, enrollment, token, clock)
        await work.enrollment_tokens.save_use(token.use(host.id, clock.now()))
        await work.credentials.put(host.id, token_hash(credential))
        await write_desired_states(work, [host.id], clock=clock)
        change = _change(host, "host.enroll", "host.enrolled")
        actor = agent_actor(tenant_id, str(host.id), host.name)
        await write_change(work, change, actor=actor, clock=clock)
    return Enrolled(host=host, credential=credential)


async def label_host(
    host_id: HostId,
    labels: Mapping[str, str],
    *,
    expected: int | None = None,
    begin: Begin,
    actor: Actor,
    clock: Clock,
) -> Host:
    """Give the host these labels in place of its own.

    Raises:
        ConflictError: If it was changed since it was read.
        InvalidInputError: If a label cannot stand in a selector.
    """
    async with begin(actor.tenant_id) as work:
        host = await work.hosts.get_for_change(host_id)
        _check_expected(host, expected)
        saved = await work.hosts.save(host.relabelled(labels))
        await write_change(work, _change(saved, "host.label", CHANGED), actor=actor, clock=clock)
    return saved


async def set_production(
    host_id: HostId,
    reference: str | None,
    *,
    expected: int | None = None,
    begin: Begin,
    actor: Actor,
    clock: Clock,
) -> Host:
    """Let the host's production collector run this pipeline from now on; None leaves it to itself.

    Raises:
        ConflictError: If the host was changed since it was read.
        InvalidInputError: If the pipeline cannot be run.
        NotFoundError: If there is no such host or pipeline.
    """
    async with begin(actor.tenant_id) as work:
        host = await work.hosts.get_for_change(host_id)
        _check_expected(host, expected)
        pipeline = None
        if reference is not None:
            pipeline = await resolve(work, reference, field="pipeline")
        frozen = None if pipeline is None else pipeline.reference
        await work.hosts.save(replace(host, production=frozen))
        await write_desired_states(work, [host_id], clock=clock)
        saved = await work.hosts.get(host_id)
        change = replace(
            _change(saved, "host.set-production", CHANGED),
            changes={
                "name": saved.name,
                "production": frozen,
                "hash": None if pipeline is None else pipeline.hash,
            },
        )
        await write_change(work, change, actor=actor, clock=clock)
    return saved


async def release_quarantine(
    host_id: HostId, digest: str, *, begin: Begin, actor: Actor, clock: Clock
) -> Host:
    """Let a hash that failed on the host be offered to it again.

    Raises:
        NotFoundError: If there is no such host, or the hash is not in its quarantine.
    """
    async with begin(actor.tenant_id) as work:
        host = await work.hosts.get_for_change(host_id)
        if all(one.hash != digest for one in host.quarantine):
            raise NotFoundError(f"{digest!r} is not in the quarantine of {host.name}")
        saved = await work.hosts.save(host.released(digest))
        change = replace(
            _change(saved, "host.release", CHANGED), changes={"name": saved.name, "hash": digest}
        )
        await write_change(work, change, actor=actor, clock=clock)
        await send_desired_changed(work, host_id, digest, clock=clock)
    return saved


async def remove_host(host_id: HostId, *, begin: Begin, actor: Actor, clock: Clock) -> None:
    """Forget the host; its credential is worth nothing from now on. Samples of experiments stay.

    Raises:
        ConflictError: If an experiment is on it.
    """
    async with begin(actor.tenant_id) as work:
        host = await work.hosts.get_for_change(host_id)
        for experiment in await work.experiments.in_phases(ON_HOSTS):
            if any(one.host_id == host_id for one in experiment.included):
                raise ConflictError(
                    f"experiment {experiment.name!r} is on {host.name}; stop or cancel it first"
                )
        await work.credentials.remove(host_id)
        await work.hosts.remove(host_id)
        await write_change(
            work, _change(host, "host.remove", "host.removed"), actor=actor, clock=clock
        )


async def get_host(host_id: HostId, *, tenant_id: TenantId, begin: Begin) -> Host:
    async with begin(tenant_id) as work:
        return await work.hosts.get(host_id)


async def list_hosts(
    query: PageQuery, selector: Selector, *, tenant_id: TenantId, begin: Begin
) -> Page[Host]:
    """Hosts by name; with a selector, all that it finds at once."""
    async with begin(tenant_id) as work:
        if not selector.requirements:
            return await work.hosts.page(query)
        found = [host for host in await work.hosts.all() if selector.matches(host.labels)]
        return Page(found, None)


async def take_host_report(
    host_id: HostId, report: HostReport, *, tenant_id: TenantId, begin: Begin, clock: Clock
) -> None:
    """Keep what a host says about itself."""
    async with begin(tenant_id) as work:
        host = await work.hosts.get_for_change(host_id)
        before = await work.reports.get(host_id)
        await work.reports.put(host_id, report)
        changed = replace(
            host,
            is_connected=True,
            last_seen_at=clock.now(),
            agent_version=report.agent_version,
            processors=report.processors,
            memory_bytes=report.memory_bytes,
            processes=report.processes,
            process_names=report.process_names,
            collectors=tuple(
                CollectorFacts(
                    distribution=one.distribution,
                    version=one.version,
                    upstream_version=one.upstream_version,
                )
                for one in report.collectors
            ),
        )
        if report.production_flowing_hash is not None:
            flowing = Fact(report.production_flowing_hash, clock.now())
            changed = changed.with_fact(FactName.FLOWING, flowing)
        await work.hosts.save(changed)
        if before is None or before.runs != report.runs or before.loads != report.loads:
            await _send_changed(work, host_id, clock)


async def note_connection(
    host_id: HostId, *, is_connected: bool, tenant_id: TenantId, begin: Begin, clock: Clock
) -> None:
    """The host's connection came or went."""
    async with begin(tenant_id) as work:
        host = await work.hosts.get_for_change(host_id)
        seen = clock.now() if is_connected else host.last_seen_at
        await work.hosts.save(replace(host, is_connected=is_connected, last_seen_at=seen))
        if host.is_connected != is_connected:
            await _send_changed(work, host_id, clock)


async def note_fact(
    host_id: HostId,
    name: FactName,
    digest: str,
    *,
    tenant_id: TenantId,
    begin: Begin,
    clock: Clock,
) -> None:
    """What was offered to the host, what it applied, or what it runs."""
    async with begin(tenant_id) as work:
        host = await work.hosts.get_for_change(host_id)
        changed = host.with_fact(name, Fact(digest, clock.now()))
        if changed is not host:
            await work.hosts.save(changed)
            await _send_changed(work, host_id, clock)


async def quarantine(
    host_id: HostId,
    digest: str,
    reason: str,
    *,
    log_tail: tuple[str, ...] = (),
    tenant_id: TenantId,
    begin: Begin,
    clock: Clock,
) -> None:
    """A configuration failed on the host: it is not offered to it again."""
    async with begin(tenant_id) as work:
        host = await work.hosts.get_for_change(host_id)
        if any(one.hash == digest for one in host.quarantine):
            return
        one = Quarantined(hash=digest, at=clock.now(), reason=reason, log_tail=log_tail)
        kept = (*host.quarantine, one)[-_MAX_QUARANTINE:]
        await work.hosts.save(replace(host, quarantine=kept))
        await _send_changed(work, host_id, clock)


async def desired_document(
    host_id: HostId, *, tenant_id: TenantId, begin: Begin
) -> DesiredDocument | None:
    async with begin(tenant_id) as work:
        return await work.desired.get(host_id)


async def host_report(host_id: HostId, *, tenant_id: TenantId, begin: Begin) -> HostReport | None:
    async with begin(tenant_id) as work:
        await work.hosts.get(host_id)
        return await work.reports.get(host_id)


def _check_expected(host: Host, expected: int | None) -> None:
    if expected is not None and host.version != expected:
        raise ConflictError(
            f"If-Match: the host is at version {host.version}, not {expected}; read it again",
            current=host.version,
        )


async def _admitted(
    work: UnitOfWork, enrollment: Enrollment, token: EnrollmentToken, clock: Clock
) -> Host:
    labels = {**enrollment.labels, **token.labels}
    known = await work.hosts.by_name(enrollment.host_name)
    if known is None:
        host = Host(
            id=HostId(new_id(clock)),
            tenant_id=work.tenant_id,
            name=enrollment.host_name,
            kind=enrollment.kind,
            instance_uid=enrollment.instance_uid,
            labels=labels,
            enrolled_at=clock.now(),
        )
        await work.hosts.add(host)
        return host
    if known.is_connected and known.instance_uid != enrollment.instance_uid:
        raise ConflictError(
            f"host_name: a connected host has the name {known.name!r}; give this one another with --name, "
            "or remove that one",
            host=known.name,
        )
    again = replace(known, instance_uid=enrollment.instance_uid, labels=labels)
    return await work.hosts.save(again)


async def _send_changed(work: UnitOfWork, host_id: HostId, clock: Clock) -> None:
    topics = (TOPIC, f"host:{host_id}")
    await send(work, topics, CHANGED, {"host_id": str(host_id)}, clock=clock)


def _change(host: Host, action: str, kind: str) -> Change:
    return Change(
        action=action,
        target=f"host:{host.id}",
        topic=TOPIC,
        kind=kind,
        changes={"name": host.name, "labels": dict(host.labels), "version": host.version},
    )
