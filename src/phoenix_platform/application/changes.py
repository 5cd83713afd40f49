"""What every change writes beside itself, in the same transaction: one audit event, and its events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from phoenix_platform.application.ports import UnitOfWork
from phoenix_platform.core.canonical_json import Json
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.ids import new_id
from phoenix_platform.domain.actors import Actor
from phoenix_platform.domain.audit import AuditEvent
from phoenix_platform.domain.events import Event, EventId


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    action: str
    """`<noun>.<verb>`."""
    target: str
    """`<noun>:<id>`; also the topic of its event."""
    topic: str
    """The plural noun: the topic of all of the kind."""
    kind: str
    """Of the event: `<noun>.<what-happened>`."""
    changes: Mapping[str, Json]
    reason: str | None = None


async def write_change(work: UnitOfWork, change: Change, *, actor: Actor, clock: Clock) -> None:
    """Write that `actor` did it: into the audit trail and onto both topics."""
    await work.audit.append(
        AuditEvent(
            id=new_id(clock),
            tenant_id=work.tenant_id,
            at=clock.now(),
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name,
            action=change.action,
            target=change.target,
            reason=change.reason,
            changes=change.changes,
        )
    )
    await send(work, (change.topic, change.target), change.kind, change.changes, clock=clock)


async def send(
    work: UnitOfWork,
    topics: Sequence[str],
    kind: str,
    payload: Mapping[str, Json],
    *,
    clock: Clock,
) -> None:
    """Let one event leave on each of these topics: what happened without anybody's doing."""
    for topic in topics:
        await work.outbox.append(
            Event(
                id=EventId(new_id(clock)),
                tenant_id=work.tenant_id,
                topic=topic,
                kind=kind,
                payload=payload,
                occurred_at=clock.now(),
            )
        )
