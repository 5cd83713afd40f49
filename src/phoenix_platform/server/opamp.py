"""The OpAMP endpoint: hosts by their credentials, messages in, answers and offers out; what it learns goes to the fleet.

`server.routes.opamp` brings the messages from WebSockets and polls, `server.composition` calls `changed` when a host's desired
state changed, and runs `watch`. Bounded: hosts that are not heard of are forgotten, and messages beyond `max_in_flight` get the
answer UNAVAILABLE with the time to come again, as the specification has it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import structlog

from phoenix_platform.application.desired_states import DESIRED_CHANGED
from phoenix_platform.application.opamp import SEEN_SECONDS, Fleet, HostKey
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import InvalidInputError, NotFoundError, PhoenixError
from phoenix_platform.core.ids import IdFactory
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.opamp import opamp_pb2 as pb
from phoenix_platform.opamp.facts import Health, Outcome
from phoenix_platform.opamp.host_reports import CAPABILITY
from phoenix_platform.opamp.instance_uids import instance_uid_of
from phoenix_platform.opamp.offers import OfferHistory, Wanted
from phoenix_platform.opamp.sessions import (
    ConfigApplied,
    ConfigFailed,
    ConfigOffered,
    ConnectionAnswered,
    Effect,
    EffectiveCame,
    Leaving,
    MessageCame,
    bad_request,
    unavailable,
)
from phoenix_platform.server.opamp_agents import Exchange, HostAgent, Link

DEFAULT_MAX_IN_FLIGHT: Final = 256
"""Messages taken in at once. Each is a few transactions; the database's pool is far smaller, the rest waits there."""

RETRY_SECONDS: Final = (5.0, 30.0)
"""When a throttled agent comes again: spread, so that they do not come together."""

REMOVED: Final = "host.removed"
_SWEEP_SECONDS: Final = 2.0
_log = structlog.get_logger("phoenix.opamp")


@dataclass(slots=True)
class _Entry:
    """A host that was heard of."""

    agent: HostAgent
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_stale: bool = False
    """What is wanted of it changed."""
    is_known_connected: bool = False
    seen_written_at: float = 0.0


@dataclass(slots=True, kw_only=True)
class OpampEndpoint:
    fleet: Fleet
    clock: Clock
    new_id: IdFactory
    max_in_flight: int = DEFAULT_MAX_IN_FLIGHT
    _entries: dict[HostKey, _Entry] = field(default_factory=dict[HostKey, _Entry])
    _key_of: dict[HostId, HostKey] = field(default_factory=dict[HostId, HostKey])
    _in_flight: int = 0

    async def take(
        self, key: HostKey, link: Link | None, message: pb.AgentToServer
    ) -> pb.ServerToAgent:
        """Take a message in, from a WebSocket or (without a link) from a poll; gives the answer.

        Raises:
            NotFoundError: If the host was removed.
            UnavailableError: If the database is away.
        """
        if self._in_flight >= self.max_in_flight:
            return unavailable(message.instance_uid, random.uniform(*RETRY_SECONDS))  # noqa: S311 - spreads agents, hides nothing
        try:
            instance_uid_of(message.instance_uid)
        except InvalidInputError as error:
            return bad_request(message.instance_uid, str(error))
        self._in_flight += 1
        try:
            async with self._entry(key) as entry:
                before = entry.agent.history
                exchange = entry.agent.take(link, message, self.clock.monotonic())
                await self._do(key, entry, exchange, before)
                return exchange.answer
        finally:
            self._in_flight -= 1

    async def due(self, key: HostKey, link: Link) -> list[pb.ServerToAgent]:
        """What is to be sent over this WebSocket without being asked.

        Raises:
            NotFoundError: If the host was removed.
        """
        async with self._entry(key) as entry:
            waiting, link.outbox = link.outbox, []
            owner = entry.agent.owner
            if owner is not None and owner.link is link:
                before = entry.agent.history
                exchange = entry.agent.offer(self.clock.monotonic())
                if exchange is not None:
                    await self._do(key, entry, exchange, before)
                    waiting.append(exchange.answer)
            return waiting

    async def leave(self, key: HostKey, link: Link) -> None:
        """The WebSocket ended."""
        entry = self._entries.get(key)
        if entry is None:
            return
        async with entry.lock:
            if entry.agent.leave(link):
                await self._note_gone(key, entry)

    def changed(self, host_id: HostId) -> None:
        """What is wanted of the host changed: look again, and offer it at once where it is connected here."""
        key = self._key_of.get(host_id)
        if key is None:
            return
        entry = self._entries[key]
        entry.is_stale = True
        owner = entry.agent.owner
        if owner is not None and owner.link is not None:
            owner.link.wake()

    def hear(self, topic: str, kind: str) -> None:
        """An event of the outbox; those of a host may change what is wanted of it."""
        noun, _, text = topic.partition(":")
        if noun == "host" and kind in (DESIRED_CHANGED, REMOVED):
            self.changed(HostId(UUID(text)))

    def forget_all(self) -> None:
        """Events were missed: look at every host again."""
        for host_id in list(self._key_of):
            self.changed(host_id)

    async def watch(self) -> None:
        """Find pollers that are not heard of any more, and connections that do not answer; until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            await self.sweep()

    async def sweep(self) -> None:
        """Once."""
        for key, entry in list(self._entries.items()):
            if entry.lock.locked():
                continue  # it is just being heard
            async with entry.lock:
                is_away = entry.agent.give_up_silent(self.clock.monotonic())
                if is_away:
                    await self._note_gone(key, entry)

    def agents_by_state(self) -> Mapping[str, int]:
        """For metrics: how many hosts are connected here, by how they say they are."""
        return Counter(
            _state_of(entry.agent.owner.session.health)
            for entry in self._entries.values()
            if entry.agent.owner is not None
        )

    def health_of(self, host_id: HostId) -> Health | None:
        """What a host that is connected here last said of its health; None: nothing."""
        key = self._key_of.get(host_id)
        owner = None if key is None else self._entries[key].agent.owner
        return None if owner is None else owner.session.health

    @asynccontextmanager
    async def _entry(self, key: HostKey) -> AsyncGenerator[_Entry]:
        """The host's entry, with what is wanted of it up to date, for one at a time."""
        entry = self._entries.get(key)
        if entry is None:
            agent = HostAgent(
                wanted=Wanted(),
                history=OfferHistory(),
                new_id=self.new_id,
                custom_capabilities=(CAPABILITY,),
            )
            entry = self._entries.setdefault(key, _Entry(agent, is_stale=True))
            self._key_of[key.host_id] = key
        async with entry.lock:
            if entry.is_stale:
                await self._refresh(key, entry)
            yield entry

    async def _refresh(self, key: HostKey, entry: _Entry) -> None:
        entry.is_stale = False
        try:
            standing = await self.fleet.standing(key)
        except NotFoundError:
            self._forget(key)
            raise
        except PhoenixError:
            entry.is_stale = True
            raise
        agent = entry.agent
        agent.wanted = Wanted(desired=standing.desired, falls_back=standing.is_supervisor)
        agent.connection = None if standing.is_supervisor else standing.connection
        if set(standing.failed) != set(agent.history.failed):
            agent.history = agent.history.released(standing.failed)
        if agent.history.last_good is None:
            agent.history = agent.history.remembering(standing.last_good)

    async def _do(
        self, key: HostKey, entry: _Entry, exchange: Exchange, before: OfferHistory
    ) -> None:
        """Tell the fleet what an exchange says, and that the host is there; or act as if it had not been."""
        try:
            await self._tell_all(key, entry, exchange)
        except PhoenixError:
            entry.agent.undo(before)
            entry.is_stale = True
            raise

    async def _tell_all(self, key: HostKey, entry: _Entry, exchange: Exchange) -> None:
        for effect in exchange.effects:
            await self._tell(key, entry, effect)
        if not exchange.is_owner or any(isinstance(one, Leaving) for one in exchange.effects):
            return
        now, uid = self.clock.monotonic(), entry.agent.uid
        is_due = now >= entry.seen_written_at + SEEN_SECONDS
        if uid is not None and (is_due or not entry.is_known_connected):
            await self.fleet.note_connected(key, uid)
            entry.is_known_connected, entry.seen_written_at = True, now

    async def _tell(self, key: HostKey, entry: _Entry, effect: Effect) -> None:
        match effect:
            case ConfigOffered(config):
                _log.info(
                    "configuration offered", host_id=str(key.host_id), hash=_text(config.hash)
                )
                await self.fleet.note_offered(key, config)
            case ConfigApplied(config):
                await self.fleet.note_applied(key, config)
            case ConfigFailed(config_hash, reason):
                _log.warning(
                    "configuration failed", host_id=str(key.host_id), hash=_text(config_hash)
                )
                await self.fleet.note_failed(key, config_hash, reason)
            case EffectiveCame(files):
                await self.fleet.note_effective(key, files)
            case MessageCame():
                await self._take_message(key, effect)
            case ConnectionAnswered(status) if status.outcome is Outcome.FAILED:
                _log.warning(
                    "connection settings failed", host_id=str(key.host_id), error=status.error
                )
            case Leaving():
                await self._note_gone(key, entry)
            case _:
                pass  # kept in the session, where `health_of` and the next offer find it

    async def _take_message(self, key: HostKey, came: MessageCame) -> None:
        try:
            await self.fleet.take_message(key, came.message)
        except InvalidInputError as error:
            # Asking for it again would bring the same: say it once, and go on.
            _log.warning("custom message refused", host_id=str(key.host_id), error=str(error))

    async def _note_gone(self, key: HostKey, entry: _Entry) -> None:
        if not entry.is_known_connected:
            return
        entry.is_known_connected = False
        try:
            await self.fleet.note_gone(key)
        except NotFoundError:
            self._forget(key)

    def _forget(self, key: HostKey) -> None:
        self._entries.pop(key, None)
        self._key_of.pop(key.host_id, None)


def _text(config_hash: bytes) -> str:
    return config_hash.decode("ascii", "backslashreplace")


def _state_of(health: Health | None) -> str:
    if health is None:
        return "unknown"
    return "healthy" if health.is_healthy else "unhealthy"
