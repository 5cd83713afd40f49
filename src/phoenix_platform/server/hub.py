"""Hands published events to whoever watches: bounded, holds no socket, never waits for anybody.

`server.event_feed` publishes, `server.routes.events` subscribes. A subscriber whose backlog is full is cut off (1013) and
resumes from its cursor; of `samples.added`, only the newest of a topic waits, since it says "read on" and nothing else.
"""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import msgspec

from phoenix_platform.adapters.sql.outbox import PublishedEvent
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.domain.tenants import TenantId

COALESCED: Final = frozenset({"samples.added"})
_OFFERS_PER_TURN: Final = 256
"""Subscribers served before others get a turn of the event loop: about 5 ms."""

_Key: TypeAlias = int | str


@dataclass(frozen=True, slots=True)
class Message:
    """An event as subscribers get it; encoded once for all of them."""

    position: int
    topic: str
    kind: str
    text: str


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """One event on the WebSocket."""

    position: int
    """The cursor: `after=<position>` resumes behind it."""
    id: str
    topic: str
    kind: str
    payload: dict[str, object]
    occurred_at: str


def message_of(published: PublishedEvent) -> Message:
    event = published.event
    view = EventView(
        position=published.position,
        id=str(event.id),
        topic=event.topic,
        kind=event.kind,
        payload=dict(event.payload),
        occurred_at=event.occurred_at.isoformat(),
    )
    return Message(published.position, event.topic, event.kind, msgspec.json.encode(view).decode())


class Subscription:
    """What waits for one subscriber."""

    def __init__(
        self, tenant_id: TenantId, topics: frozenset[str], max_backlog: int, after: int
    ) -> None:
        self.tenant_id = tenant_id
        self.topics = topics
        self.after = after
        """Nothing at or before this position is for this subscriber."""
        self._max_backlog = max_backlog
        self._pending: OrderedDict[_Key, Message] = OrderedDict()
        self._something = asyncio.Event()
        self.overflowed = asyncio.Event()

    def offer(self, message: Message) -> None:
        """Let it wait here, behind all others, so that positions only grow."""
        if message.position <= self.after or self.overflowed.is_set():
            return
        key: _Key = message.topic if message.kind in COALESCED else message.position
        self._pending.pop(key, None)
        if len(self._pending) >= self._max_backlog:
            self.cut_off()
            return
        self._pending[key] = message
        self._something.set()

    def cut_off(self) -> None:
        """Drop everything: this subscriber has to come again."""
        self.overflowed.set()
        self._pending.clear()

    def take(self) -> list[Message]:
        """Everything that waits, in order."""
        taken = list(self._pending.values())
        self._pending.clear()
        self._something.clear()
        return taken

    async def wait(self, seconds: float) -> bool:
        """Whether something waits before this time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._something.wait()
        except TimeoutError:
            return False
        return True

    @property
    def backlog(self) -> int:
        return len(self._pending)


@dataclass(slots=True, kw_only=True)
class Hub:
    max_backlog: int
    max_subscribers: int
    position: int = 0
    """Of the newest event that was begun to be handed out."""
    settled: int = 0
    """Of the newest event that every subscriber was offered."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when this process drains: subscribers are sent away with 1012."""
    cut_off: int = 0
    """Subscribers that were too slow, since the start."""
    _by_topic: defaultdict[tuple[TenantId, str], dict[int, Subscription]] = field(
        default_factory=lambda: defaultdict[tuple[TenantId, str], dict[int, Subscription]](
            dict[int, Subscription]
        )
    )
    _all: dict[int, Subscription] = field(default_factory=dict[int, Subscription])

    def start_at(self, position: int) -> None:
        """Begin behind this position; events up to there come from the outbox only."""
        self.position = self.settled = position

    def skip_to(self, position: int) -> None:
        """Go on behind this position, as events before it are gone: everybody is cut off, to read the state afresh."""
        for subscription in self._all.values():
            subscription.cut_off()
        self.start_at(position)

    @contextmanager
    def subscribed(
        self, tenant_id: TenantId, topics: frozenset[str], after: int | None
    ) -> Generator[tuple[Subscription, int]]:
        """A subscription while the block lasts, and the position up to which the past must be read elsewhere.

        Raises:
            UnavailableError: If there are as many subscribers as may be.
        """
        if len(self._all) >= self.max_subscribers:
            raise UnavailableError(
                f"events: {self.max_subscribers} subscribers are there already; try another replica or later"
            )
        live_after = self.position
        subscription = Subscription(
            tenant_id, topics, self.max_backlog, max(live_after, after or 0)
        )
        key = id(subscription)
        self._all[key] = subscription
        for topic in topics:
            self._by_topic[tenant_id, topic][key] = subscription
        try:
            yield subscription, live_after
        finally:
            del self._all[key]
            for topic in topics:
                watchers = self._by_topic[tenant_id, topic]
                del watchers[key]
                if not watchers:
                    del self._by_topic[tenant_id, topic]

    async def publish(self, events: Sequence[PublishedEvent]) -> None:
        """Offer events to those who watch their topics, in the order of their positions."""
        offers = 0
        for published in events:
            event = published.event
            # Before it is offered: whoever subscribes from now on reads it from the outbox.
            self.position = published.position
            watchers = self._by_topic.get((event.tenant_id, event.topic))
            if watchers:
                message = message_of(published)
                for subscription in tuple(watchers.values()):
                    was_overflowed = subscription.overflowed.is_set()
                    subscription.offer(message)
                    self.cut_off += subscription.overflowed.is_set() and not was_overflowed
                    offers += 1
                    if offers % _OFFERS_PER_TURN == 0:
                        await asyncio.sleep(0)
            self.settled = published.position

    @property
    def subscribers(self) -> int:
        return len(self._all)

    @property
    def largest_backlog(self) -> int:
        return max((one.backlog for one in self._all.values()), default=0)
