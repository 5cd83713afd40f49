"""One host as its OpAMP messages show it: who speaks for it, and what it gets. `server.opamp` keeps one per host heard of.

A credential stands for one host, so two connections with it at once are the same agent come back before its old socket was
missed, or two machines of which one was cloned from the other. The old one is asked for everything: if it answers, the newcomer
is a clone, gets an instance uid of its own and is told to enrol; if it does not, the newcomer takes its place.
Polls have no socket to ask over, so there the newcomer takes the place at once, and gives it back when the old one is heard again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from phoenix_platform.core.ids import IdFactory
from phoenix_platform.opamp import opamp_pb2 as pb
from phoenix_platform.opamp.facts import ConnectionOffer
from phoenix_platform.opamp.instance_uids import InstanceUid, instance_uid_of
from phoenix_platform.opamp.offers import OfferHistory, Wanted
from phoenix_platform.opamp.sessions import (
    Context,
    Effect,
    Session,
    bad_request,
    offer,
    probe,
    receive,
    renaming,
)

PROBE_SECONDS: Final = 10.0
"""How long the old connection has for its answer. A busy host answers within a second, a dead one never."""

SILENT_SECONDS: Final = 90.0
"""Who polls and is not heard of for so long (three of OpAMP's heartbeats) is away."""

_MOST_SKIPPED: Final = 1000
"""Sequence numbers that one client may skip between two polls that came through."""


@dataclass(slots=True, eq=False)
class Link:
    """A WebSocket, as the host behind it sees it."""

    wake: Callable[[], None]
    """Something waits in `outbox`, or an offer may be due."""
    outbox: list[pb.ServerToAgent] = field(default_factory=list[pb.ServerToAgent])
    """At most a probe and a new uid at once."""
    is_ended: bool = False
    """Somebody else took its place: it is to be closed."""


@dataclass(slots=True, eq=False)
class Peer:
    """One of those who speak with a host's credential."""

    link: Link | None
    """None: it polls."""
    session: Session
    owed_reports: int = 0
    """Full reports that it was asked for and did not send yet."""
    probed_at: float | None = None
    reports_before_probe: int = 0
    is_clone: bool = False
    was_named: bool = False
    """Whether the clone was told its new uid."""
    was_displaced: bool = False
    """A poller whose place somebody took."""
    given_uid: InstanceUid | None = None
    """That it asked for."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came of one message."""

    answer: pb.ServerToAgent
    effects: tuple[Effect, ...] = ()
    is_owner: bool = False


@dataclass(slots=True, kw_only=True)
class HostAgent:
    """The state of one host's OpAMP side; `server.opamp` calls it under a lock of its own."""

    wanted: Wanted
    history: OfferHistory
    new_id: IdFactory
    custom_capabilities: tuple[str, ...]
    connection: ConnectionOffer | None = None
    """How the host's own agent should reach us from now on."""
    owner: Peer | None = None
    other: Peer | None = None
    """A newcomer that waits for the probe, a clone, or a poller that lost its place."""

    @property
    def uid(self) -> InstanceUid | None:
        """Of who speaks for the host."""
        return None if self.owner is None else instance_uid_of(self.owner.session.raw_uid)

    def take(self, link: Link | None, message: pb.AgentToServer, now: float) -> Exchange:
        """Take a message in that came over this link, or as a poll."""
        if self._is_stranger(link, message, now):
            reason = (
                "this credential's host is connected under another instance uid; enrol this machine"
            )
            return Exchange(bad_request(message.instance_uid, reason))
        peer = self._peer_of(link, message, now)
        if peer.is_clone:
            return self._name(peer, message, now)
        if peer is not self.owner:
            return self._wait(peer, message, now)
        self._settle(peer, message)
        return self._exchange(peer, message, self.wanted, now)

    def undo(self, history: OfferHistory) -> None:
        """What came of the last message could not be written: let the owner say everything again."""
        self.history = history
        if self.owner is not None:
            self.owner.session = Session(raw_uid=self.owner.session.raw_uid)

    def offer(self, now: float) -> Exchange | None:
        """An offer to who speaks for the host over a WebSocket, if one is due."""
        owner = self.owner
        if owner is None or owner.link is None:
            return None
        offered = offer(owner.session, self.history, self._context(self.wanted, now))
        if offered is None:
            return None
        owner.session, self.history = offered.session, offered.history
        return Exchange(offered.answer, offered.effects, is_owner=True)

    def give_up_silent(self, now: float) -> bool:
        """Replace an owner that did not answer the probe; gives whether the host is away now."""
        owner = self.owner
        if owner is None:
            return False
        if owner.probed_at is not None and now >= owner.probed_at + PROBE_SECONDS:
            return self._replace_owner()
        if owner.link is None and now >= owner.session.heard_at + SILENT_SECONDS:
            self.owner = None
            return True
        return False

    def leave(self, link: Link) -> bool:
        """The connection ended; gives whether the host is away by that."""
        if self.other is not None and self.other.link is link:
            self.other = None
            if self.owner is not None:
                self.owner.probed_at = None
            return False
        if self.owner is None or self.owner.link is not link:
            return False
        return self._replace_owner()

    def _is_stranger(self, link: Link | None, message: pb.AgentToServer, now: float) -> bool:
        """Whether it has another uid than who speaks for the host and is there."""
        owner = self.owner
        if owner is None or _is_known_as(owner, message):
            return False
        if owner.link is not None:
            return owner.link is not link
        return now < owner.session.heard_at + SILENT_SECONDS

    def _peer_of(self, link: Link | None, message: pb.AgentToServer, now: float) -> Peer:
        known = [one for one in (self.owner, self.other) if one is not None and one.link is link]
        if link is None:
            # Both may poll: it is the one whose numbers it continues most closely.
            known = [one for one in known if _skipped(one, message) is not None]
            known.sort(key=lambda one: _skipped(one, message) or 0)
        if known:
            return known[0]
        return self._newcomer(Peer(link, Session(raw_uid=message.instance_uid)), message, now)

    def _newcomer(self, peer: Peer, message: pb.AgentToServer, now: float) -> Peer:
        before = self.owner
        if before is None:
            self.owner = peer
        elif before.link is None:
            before.was_displaced = True
            self.other, self.owner = before, peer
        elif message.sequence_num == (before.session.sequence_number or 0) + 1:
            # The same agent, which noticed before us that its old connection is gone.
            before.link.is_ended = True
            before.link.wake()
            peer.session = before.session
            self.owner = peer
        else:
            self.other = peer
            before.probed_at, before.reports_before_probe = now, before.owed_reports
            before.owed_reports += 1
            before.link.outbox.append(probe(before.session))
            before.link.wake()
        return peer

    def _wait(self, peer: Peer, message: pb.AgentToServer, now: float) -> Exchange:
        """One that does not speak for the host: a newcomer during the probe, or a poller whose place was taken."""
        if peer.was_displaced:
            # It is alive, so who took its place is a clone.
            peer.was_displaced = False
            self.owner, self.other = peer, self.owner
            if self.other is not None:
                self.other.is_clone = True
            return self._exchange(peer, message, self.wanted, now)
        received = receive(peer.session, OfferHistory(), message, self._context(Wanted(), now))
        peer.session = received.session
        return Exchange(received.answer)

    def _settle(self, owner: Peer, message: pb.AgentToServer) -> None:
        """Note that a full report came; one that answers the probe shows that the newcomer is a clone."""
        if not message.HasField("agent_description"):
            return
        owner.owed_reports = max(0, owner.owed_reports - 1)
        if owner.probed_at is None:
            return
        if owner.reports_before_probe:
            owner.reports_before_probe -= 1
            return
        owner.probed_at = None
        clone = self.other
        if clone is None:
            return
        clone.is_clone = True
        if clone.link is not None:
            clone.was_named = True
            clone.link.outbox.append(self._naming(clone.session))
            clone.link.wake()

    def _name(self, clone: Peer, message: pb.AgentToServer, now: float) -> Exchange:
        clone.session = receive(
            clone.session, OfferHistory(), message, self._context(Wanted(), now)
        ).session
        if clone.was_named:
            reason = "another machine has this agent's identity and credential; enrol this one"
            return Exchange(bad_request(message.instance_uid, reason))
        clone.was_named = True
        return Exchange(self._naming(clone.session))

    def _naming(self, session: Session) -> pb.ServerToAgent:
        return renaming(session, InstanceUid(self.new_id().hex))

    def _replace_owner(self) -> bool:
        """Let who waits take its place; gives whether nobody does, so that the host is away."""
        if self.owner is not None and self.owner.link is not None:
            self.owner.link.is_ended = True
            self.owner.link.wake()
        heir, self.other = self.other, None
        self.owner = heir if heir is not None and not heir.is_clone else None
        if self.owner is None:
            return True
        if self.owner.link is not None:
            # What it said while it waited was not taken in: let it say everything again.
            session = self.owner.session
            self.owner.session = Session(
                raw_uid=session.raw_uid, sequence_number=session.sequence_number
            )
            self.owner.owed_reports = 1
            self.owner.link.outbox.append(probe(session))
            self.owner.link.wake()
        return False

    def _exchange(
        self, peer: Peer, message: pb.AgentToServer, wanted: Wanted, now: float
    ) -> Exchange:
        if message.instance_uid != peer.session.raw_uid:
            peer.session = Session(raw_uid=message.instance_uid)
        new_uid = None
        if message.flags & pb.AgentToServerFlags_RequestInstanceUid:
            new_uid = peer.given_uid = InstanceUid(self.new_id().hex)
        context = self._context(wanted, now, new_uid=new_uid)
        received = receive(peer.session, self.history, message, context)
        peer.session, self.history = received.session, received.history
        if received.answer.flags & pb.ServerToAgentFlags_ReportFullState:
            peer.owed_reports += 1
        return Exchange(received.answer, received.effects, is_owner=True)

    def _context(
        self, wanted: Wanted, now: float, *, new_uid: InstanceUid | None = None
    ) -> Context:
        is_for_owner = wanted is self.wanted
        return Context(
            wanted=wanted,
            connection=self.connection if is_for_owner else None,
            custom_capabilities=self.custom_capabilities,
            new_uid=new_uid,
            now=now,
        )


def _skipped(peer: Peer, message: pb.AgentToServer) -> int | None:
    """How many messages are missing between this peer's last one and this; None if it cannot be its next."""
    number = peer.session.sequence_number
    if number is None or not _is_known_as(peer, message):
        return None
    skipped = message.sequence_num - number - 1
    return skipped if 0 <= skipped < _MOST_SKIPPED else None


def _is_known_as(peer: Peer, message: pb.AgentToServer) -> bool:
    """Whether it has its uid, or the one that it asked us for."""
    return instance_uid_of(message.instance_uid) in (
        instance_uid_of(peer.session.raw_uid),
        peer.given_uid,
    )
