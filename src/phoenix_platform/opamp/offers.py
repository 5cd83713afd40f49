"""Which configuration a host is offered, and never again: quarantine, the way back, and no loops. `opamp.sessions` calls it.

A configuration that failed on a host is never offered to it again; the last one that worked is, so that a collector that ends at
its start is not started for ever with the same configuration. Supervisors of 2026 return by themselves to what they ran before
(APPLIED A, APPLYING B, FAILED B, APPLIED A): a server that answered that with B would go round for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from phoenix_platform.core.hashing import sha256_of
from phoenix_platform.opamp.facts import Outcome, RemoteConfig, Status

FIRST_WAIT_SECONDS: Final = 10.0
"""How long an offer may stay without a word about it, before it counts as lost: supervisors answer within 1 s."""

MAX_WAIT_SECONDS: Final = 600.0
"""Each further offer of the same waits twice as long, up to this: a host that never answers costs little."""

EMPTY: Final = RemoteConfig(sha256_of(b"").encode(), {})
"""Where nothing good is known: a supervisor ends its collector for it, and so the crash loop."""

EMPTY_GRACE_SECONDS: Final = 15.0
"""After a failure, before `EMPTY` is offered: a supervisor that returns by itself to what it ran before does so within
seconds, and must not be stopped in that."""

MAX_OFFERS: Final = 4
"""How often the same is offered to a host that reports what it runs, and never says a word about it: 70 s and more.
One that polls may fail and return between two polls, and tell only the end; then each offer disturbs it again."""

NEVER_TAKEN: Final = f"offered {MAX_OFFERS} times, and the host never said that it has it"
SILENT_RETURN: Final = "the host took it up and returned to another configuration without a reason"
_MAX_DOUBLINGS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What one host should run."""

    desired: RemoteConfig | None = None
    """None: nothing is offered; what the host runs stays."""
    falls_back: bool = False
    """Whether the last good configuration is offered when the desired one failed, or without one `EMPTY`. For collectors
    under a foreign supervisor; an agent of ours keeps its host as it was by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferHistory:
    """What became of the offers to one host; outlives its connections."""

    failed: Mapping[bytes, str] = field(default_factory=dict[bytes, str])
    """Reasons by hash: the quarantine."""
    last_good: RemoteConfig | None = None
    offered: RemoteConfig | None = None
    """The last one sent."""
    offers: int = 0
    """How often it was sent in a row."""
    offered_at: float = 0.0
    """When, in seconds of a monotonic clock."""
    failed_at: float = 0.0
    """When the last failure was heard of, by the same clock."""
    taken: bytes | None = None
    """The hash that the host said it was applying, until it says what came of it."""

    def released(self, failed: Mapping[bytes, str]) -> "OfferHistory":
        """The same with this quarantine, after a person changed it."""
        return replace(self, failed=dict(failed), offered=None, offers=0)

    def remembering(self, config: RemoteConfig | None) -> "OfferHistory":
        """The same with this as the last good one."""
        return replace(self, last_good=config)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A history after a status, and the news in it."""

    history: OfferHistory
    failed: Status | None = None
    """Went into quarantine by it."""
    applied: RemoteConfig | None = None
    """One of ours that runs there by it."""


def learn(
    history: OfferHistory, status: Status, wanted: Wanted, *, is_in_sequence: bool, now: float
) -> Lesson:
    """What a changed `RemoteConfigStatus` says about earlier offers.

    `is_in_sequence` says that no message is missing before this one, so that it is not an old one that came late.
    """
    if not status.hash or status.outcome is Outcome.UNSET:
        return Lesson(history)
    if status.outcome is Outcome.FAILED:
        return _failed(history, status, now)
    if status.outcome is Outcome.APPLYING:
        return Lesson(replace(history, taken=status.hash))
    return _applied(history, status, wanted, is_in_sequence=is_in_sequence)


def due_offer(
    history: OfferHistory, wanted: Wanted, status: Status | None, now: float
) -> RemoteConfig | None:
    """What to offer now; None if nothing: all is as it should be, or it waits for an answer.

    `status` is the last one reported, `now` is in seconds of the clock of `OfferHistory.offered_at`.
    """
    target = _target(history, wanted, status, now)
    if target is None or _has(status, target):
        return None
    is_offered = history.offered is not None and history.offered.hash == target.hash
    if is_offered and now < history.offered_at + _wait_seconds(history.offers):
        return None
    return target


def given_up(history: OfferHistory, config: RemoteConfig) -> OfferHistory | None:
    """The history with this one in quarantine, if it was offered in vain too often; else None."""
    last = history.offered
    if last is None or last.hash != config.hash or history.offers < MAX_OFFERS:
        return None
    return replace(history, failed={**history.failed, config.hash: NEVER_TAKEN})


def offered(history: OfferHistory, config: RemoteConfig, now: float) -> OfferHistory:
    """The configuration was sent."""
    is_same = history.offered is not None and history.offered.hash == config.hash
    return replace(
        history, offered=config, offers=history.offers + 1 if is_same else 1, offered_at=now
    )


def _target(
    history: OfferHistory, wanted: Wanted, status: Status | None, now: float
) -> RemoteConfig | None:
    if wanted.desired is None or wanted.desired.hash not in history.failed:
        return wanted.desired
    good = history.last_good
    if good is None and _is_down(history, status, now):
        good = EMPTY
    return good if wanted.falls_back and good and good.hash not in history.failed else None


def _is_down(history: OfferHistory, status: Status | None, now: float) -> bool:
    """Whether a host had its time to return by itself to something that works, and did not."""
    has_failed = status is not None and status.outcome is Outcome.FAILED
    return has_failed and now >= history.failed_at + EMPTY_GRACE_SECONDS


def _has(status: Status | None, target: RemoteConfig) -> bool:
    """Whether the host has the target, and did not say that it failed (before somebody released it)."""
    return (
        status is not None and status.hash == target.hash and status.outcome is not Outcome.FAILED
    )


def _failed(history: OfferHistory, status: Status, now: float) -> Lesson:
    if status.hash in history.failed:
        return Lesson(history)
    failed = {**history.failed, status.hash: status.error}
    return Lesson(replace(history, failed=failed, failed_at=now), failed=status)


def _applied(
    history: OfferHistory, status: Status, wanted: Wanted, *, is_in_sequence: bool
) -> Lesson:
    ours = [
        config
        for config in (wanted.desired, history.offered, history.last_good)
        if config is not None and config.hash == status.hash
    ]
    applied = ours[0] if ours else None
    returned = _silent_return(history, status) if is_in_sequence else None
    after = replace(history, taken=None)
    if applied is not None and applied.hash not in (EMPTY.hash, *history.failed):
        after = replace(after, last_good=applied)
    if returned is None:
        return Lesson(after, applied=applied)
    failed = {**after.failed, returned.hash: returned.error}
    return Lesson(replace(after, failed=failed), failed=returned, applied=applied)


def _silent_return(history: OfferHistory, status: Status) -> Status | None:
    """What the host took up of our last offer and left again, by going back to something that we did not offer since."""
    last = history.offered
    if last is None or last.hash in (status.hash, *history.failed) or history.taken != last.hash:
        return None
    return Status(last.hash, Outcome.FAILED, SILENT_RETURN)


def _wait_seconds(offers: int) -> float:
    doublings = min(offers - 1, _MAX_DOUBLINGS)
    return min(FIRST_WAIT_SECONDS * 2.0**doublings, MAX_WAIT_SECONDS)
