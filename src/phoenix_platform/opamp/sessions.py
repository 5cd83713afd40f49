"""The server's side of OpAMP, without sockets: a message in, a new session, an answer and effects out.

`server.opamp` keeps one `Session` per agent and one `OfferHistory` per host, calls `receive` for each message, `offer` when what is
wanted changed, and does what the effects say. Every message is answered.
Source: OpAMP specification, `AgentToServer.sequence_num` (a gap means a missed message), "Status Reporting" (an unset field means
"as I last told you"), `RemoteConfigStatus.last_remote_config_hash`, `AvailableComponents.hash`, "Duplicate Agents".
"""

from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from phoenix_platform.opamp import opamp_pb2 as pb
from phoenix_platform.opamp.facts import (
    AgentCapability,
    Components,
    ConnectionOffer,
    CustomMessage,
    Description,
    Files,
    Health,
    Outcome,
    RemoteConfig,
    ServerCapability,
    Status,
)
from phoenix_platform.opamp.instance_uids import InstanceUid, raw_uid_of
from phoenix_platform.opamp.offers import OfferHistory, Wanted, due_offer, given_up, learn, offered
from phoenix_platform.opamp.translation import (
    components_of,
    config_status_of,
    connection_status_of,
    custom_message_of,
    description_of,
    files_of,
    health_of,
    to_connection_offer,
    to_custom_message,
    to_remote_config,
)

SERVER_CAPABILITIES: Final = (
    ServerCapability.ACCEPTS_STATUS
    | ServerCapability.OFFERS_REMOTE_CONFIG
    | ServerCapability.ACCEPTS_EFFECTIVE_CONFIG
    | ServerCapability.OFFERS_CONNECTION_SETTINGS
)
MAX_FULL_REQUESTS: Final = 3
"""How often in a row everything is asked for; an agent that then still does not describe itself is taken as it is."""

ASK_AGAIN_SECONDS: Final = 30.0
"""It is asked once more after so long, so that one whose messages were lost that often is understood in the end."""

_SEQUENCE_MASK: Final = 2**64 - 1
_NONE: Final = AgentCapability(0)
_NANOSECONDS: Final = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What is known of one agent; None: it told nothing."""

    raw_uid: bytes
    """Its instance uid as it writes it: answers carry the same bytes."""
    sequence_number: int | None = None
    capabilities: AgentCapability = _NONE
    description: Description | None = None
    health: Health | None = None
    effective: Files | None = None
    config_status: Status | None = None
    connection_status: Status | None = None
    components: Components | None = None
    custom_capabilities: tuple[str, ...] = ()
    awaits_everything: bool = True
    """Whether a message may be missing: then it is asked for everything."""
    full_requests: int = 0
    """How often in a row it was."""
    asked_at: float = 0.0
    """When it was the last time, in seconds of a monotonic clock."""
    config_offered: bytes | None = None
    """Hash of the remote configuration last offered in this session."""
    connection_offered: bytes | None = None
    """The same of the connection settings."""
    is_greeted: bool = False
    """Whether it was told which custom messages we take."""
    heard_at: float = 0.0
    """Seconds of a monotonic clock."""

    @property
    def is_described(self) -> bool:
        """Whether it told everything, or will not: only then is it known what it lacks."""
        return not self.awaits_everything or self.full_requests >= MAX_FULL_REQUESTS


@dataclass(frozen=True, slots=True)
class Described:
    description: Description
    capabilities: AgentCapability


@dataclass(frozen=True, slots=True)
class HealthCame:
    health: Health


@dataclass(frozen=True, slots=True)
class EffectiveCame:
    """What its collectors run, as it says: often incomplete, so compare hashes and never text."""

    files: Files


@dataclass(frozen=True, slots=True)
class ConfigOffered:
    config: RemoteConfig


@dataclass(frozen=True, slots=True)
class ConfigApplied:
    """One of our configurations runs there."""

    config: RemoteConfig


@dataclass(frozen=True, slots=True)
class ConfigFailed:
    """A configuration went into quarantine for this host."""

    hash: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class ComponentsCame:
    components: Components


@dataclass(frozen=True, slots=True)
class ConnectionAnswered:
    """What became of connection settings that were offered."""

    status: Status


@dataclass(frozen=True, slots=True)
class MessageCame:
    message: CustomMessage


@dataclass(frozen=True, slots=True)
class UidGiven:
    """It asked for an instance uid, or shared one, and has this one from now on."""

    instance_uid: InstanceUid


@dataclass(frozen=True, slots=True)
class Leaving:
    """It ends, and said so."""


Effect: TypeAlias = (
    Described
    | HealthCame
    | EffectiveCame
    | ConfigOffered
    | ConfigApplied
    | ConfigFailed
    | ComponentsCame
    | ConnectionAnswered
    | MessageCame
    | UidGiven
    | Leaving
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the server knows when a message comes."""

    wanted: Wanted = field(default_factory=Wanted)
    connection: ConnectionOffer | None = None
    """How the agent should reach us; None: as it does."""
    custom_capabilities: tuple[str, ...] = ()
    """Of custom messages that we take."""
    new_uid: InstanceUid | None = None
    """Given to the agent: it shares its own with another, or asked for one."""
    now: float
    """Seconds of a monotonic clock."""


@dataclass(frozen=True, slots=True)
class Received:
    session: Session
    history: OfferHistory
    answer: pb.ServerToAgent
    effects: tuple[Effect, ...] = field(default=())


def receive(
    session: Session, history: OfferHistory, message: pb.AgentToServer, context: Context
) -> Received:
    """Take one message of an agent in, and answer it."""
    session, is_gap = _in_sequence(session, message, context.now)
    effects: list[Effect] = []
    if message.HasField("agent_description") and not is_gap:
        session = replace(session, awaits_everything=False, full_requests=0)
    session = _facts(session, message, effects)
    session, history = _statuses(session, history, message, context, effects, is_gap=is_gap)
    answer = _answer_to(session)
    if message.HasField("agent_disconnect"):
        effects.append(Leaving())
        return Received(session, history, answer, tuple(effects))
    if not session.is_greeted:
        answer.custom_capabilities.capabilities.extend(context.custom_capabilities)
    if _should_ask(session, context.now):
        answer.flags |= pb.ServerToAgentFlags_ReportFullState
        session = replace(session, full_requests=session.full_requests + 1, asked_at=context.now)
    if _lacks_components(session):
        answer.flags |= pb.ServerToAgentFlags_ReportAvailableComponents
    if context.new_uid is not None:
        answer.MergeFrom(renaming(session, context.new_uid))
        effects.append(UidGiven(context.new_uid))
    session = replace(session, is_greeted=True)
    session, history = _add_offers(session, history, answer, context, effects)
    return Received(session, history, answer, tuple(effects))


def offer(session: Session, history: OfferHistory, context: Context) -> Received | None:
    """A message that nobody asked for: what is wanted changed. None if there is nothing to say."""
    answer, effects = _answer_to(session), list[Effect]()
    before = answer.ByteSize()
    session, history = _add_offers(session, history, answer, context, effects)
    if answer.ByteSize() == before:
        return None
    return Received(session, history, answer, tuple(effects))


def probe(session: Session) -> pb.ServerToAgent:
    """Ask an agent for everything: who answers is alive."""
    answer = _answer_to(session)
    answer.flags = pb.ServerToAgentFlags_ReportFullState
    return answer


def renaming(session: Session, uid: InstanceUid) -> pb.ServerToAgent:
    """Give an agent this instance uid, as it shares its own with another."""
    answer = _answer_to(session)
    answer.agent_identification.new_instance_uid = raw_uid_of(uid, like=session.raw_uid)
    return answer


def to_agent(session: Session, message: CustomMessage) -> pb.ServerToAgent | None:
    """A custom message; None if the agent does not take such."""
    if message.capability not in session.custom_capabilities:
        return None
    answer = _answer_to(session)
    answer.custom_message.CopyFrom(to_custom_message(message))
    return answer


def unavailable(raw_uid: bytes, retry_after_seconds: float) -> pb.ServerToAgent:
    """Nothing was taken in: come again later. Source: OpAMP specification, "Throttling"."""
    error = pb.ServerErrorResponse(
        type=pb.ServerErrorResponseType_Unavailable,
        error_message="the server is busy; send it again later",
        retry_info=pb.RetryInfo(retry_after_nanoseconds=round(retry_after_seconds * _NANOSECONDS)),
    )
    return pb.ServerToAgent(instance_uid=raw_uid, error_response=error)


def bad_request(raw_uid: bytes, reason: str) -> pb.ServerToAgent:
    """Nothing was taken in, and the same would not be later."""
    error = pb.ServerErrorResponse(type=pb.ServerErrorResponseType_BadRequest, error_message=reason)
    return pb.ServerToAgent(instance_uid=raw_uid, error_response=error)


def _answer_to(session: Session) -> pb.ServerToAgent:
    return pb.ServerToAgent(instance_uid=session.raw_uid, capabilities=SERVER_CAPABILITIES)


def _in_sequence(session: Session, message: pb.AgentToServer, now: float) -> tuple[Session, bool]:
    """The session at this message, without what it knew where a message is missing between; and whether one is.

    A description says nothing about the rest there: it may be what changed, so everything is asked for all the same.
    """
    number = session.sequence_number
    is_gap = number is None or message.sequence_num != number + 1 & _SEQUENCE_MASK
    if is_gap:
        # "As I last told you" means nothing without the message in which it was told.
        session = Session(
            raw_uid=session.raw_uid,
            full_requests=session.full_requests,
            asked_at=session.asked_at,
            components=session.components,
        )
    capabilities = AgentCapability(message.capabilities) or session.capabilities
    session = replace(
        session, sequence_number=message.sequence_num, capabilities=capabilities, heard_at=now
    )
    return session, is_gap


def _facts(session: Session, message: pb.AgentToServer, effects: list[Effect]) -> Session:
    if message.HasField("agent_description"):
        description = description_of(message.agent_description)
        session = replace(session, description=description)
        effects.append(Described(description, session.capabilities))
    if message.HasField("health"):
        session = replace(session, health=health_of(message.health))
        effects.append(HealthCame(health_of(message.health)))
    if message.HasField("effective_config"):
        files = files_of(message.effective_config.config_map)
        session = replace(session, effective=files)
        effects.append(EffectiveCame(files))
    if message.HasField("custom_capabilities"):
        capabilities = tuple(message.custom_capabilities.capabilities)
        session = replace(session, custom_capabilities=capabilities)
    if message.HasField("available_components"):
        components = components_of(message.available_components)
        known = session.components
        if components.parts is not None:
            effects.append(ComponentsCame(components))
        elif known is not None and known.hash == components.hash:
            components = known
        session = replace(session, components=components)
    if message.HasField("custom_message"):
        effects.append(MessageCame(custom_message_of(message.custom_message)))
    return session


def _statuses(
    session: Session,
    history: OfferHistory,
    message: pb.AgentToServer,
    context: Context,
    effects: list[Effect],
    *,
    is_gap: bool,
) -> tuple[Session, OfferHistory]:
    if message.HasField("connection_settings_status"):
        status = connection_status_of(message.connection_settings_status)
        session = replace(session, connection_status=status)
        effects.append(ConnectionAnswered(status))
    if not message.HasField("remote_config_status"):
        return session, history
    status = config_status_of(message.remote_config_status)
    if status != session.config_status:
        lesson = learn(history, status, context.wanted, is_in_sequence=not is_gap, now=context.now)
        history = lesson.history
        if lesson.failed is not None:
            effects.append(ConfigFailed(lesson.failed.hash, lesson.failed.error))
        if lesson.applied is not None:
            effects.append(ConfigApplied(lesson.applied))
    return replace(session, config_status=status), history


def _should_ask(session: Session, now: float) -> bool:
    return session.awaits_everything and (
        session.full_requests < MAX_FULL_REQUESTS or now >= session.asked_at + ASK_AGAIN_SECONDS
    )


def _lacks_components(session: Session) -> bool:
    return (
        session.components is not None
        and bool(session.components.hash)
        and session.components.parts is None
    )


def _add_offers(
    session: Session,
    history: OfferHistory,
    answer: pb.ServerToAgent,
    context: Context,
    effects: list[Effect],
) -> tuple[Session, OfferHistory]:
    if not session.is_described:
        return session, history
    if session.capabilities & AgentCapability.ACCEPTS_REMOTE_CONFIG:
        session, history = _add_config(session, history, answer, context, effects)
    connection = context.connection
    if connection is not None and _should_offer(session, connection):
        answer.connection_settings.CopyFrom(to_connection_offer(connection))
        session = replace(session, connection_offered=connection.hash)
    return session, history


def _add_config(
    session: Session,
    history: OfferHistory,
    answer: pb.ServerToAgent,
    context: Context,
    effects: list[Effect],
) -> tuple[Session, OfferHistory]:
    status = _status_of(session)
    config = due_offer(history, context.wanted, status, context.now)
    if config is not None and session.capabilities & AgentCapability.REPORTS_REMOTE_CONFIG:
        without = given_up(history, config)
        if without is not None:
            effects.append(ConfigFailed(config.hash, without.failed[config.hash]))
            history = without
            config = due_offer(history, context.wanted, status, context.now)
    if config is None:
        return session, history
    answer.remote_config.CopyFrom(to_remote_config(config))
    effects.append(ConfigOffered(config))
    return replace(session, config_offered=config.hash), offered(history, config, context.now)


def _status_of(session: Session) -> Status | None:
    """What it reported; an agent that reports none is believed to have what it was offered in this session."""
    if (
        session.capabilities & AgentCapability.REPORTS_REMOTE_CONFIG
        or session.config_offered is None
    ):
        return session.config_status
    return Status(session.config_offered, Outcome.APPLYING)


def _should_offer(session: Session, connection: ConnectionOffer) -> bool:
    """Once in a session; not what the agent has, nor what it could not connect with."""
    known = session.connection_status
    return (
        bool(session.capabilities & AgentCapability.ACCEPTS_OPAMP_CONNECTION_SETTINGS)
        and session.connection_offered != connection.hash
        and (known is None or known.hash != connection.hash)
    )
