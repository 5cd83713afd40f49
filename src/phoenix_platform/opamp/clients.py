"""The agent's side of OpAMP, without sockets: what to send next, and what an answer asks for.

A `Client` is a frozen value: what the agent has to tell (`told`), and what the server knows of it. The agent's connection calls
`connected` when it has one, `next_message` when there is news or a heartbeat is due, and `take` for each message of the server.
Source: OpAMP specification, "Status Reporting" (an unset field means "as before"), "Throttling", "AgentIdentification".
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
    RemoteConfig,
    Status,
)
from phoenix_platform.opamp.instance_uids import InstanceUid, instance_uid_of, raw_uid_of
from phoenix_platform.opamp.translation import (
    connection_offer_of,
    custom_message_of,
    remote_config_of,
    to_components,
    to_config_status,
    to_connection_status,
    to_custom_message,
    to_description,
    to_files,
    to_health,
)

DEFAULT_HEARTBEAT_SECONDS: Final = 30
MAX_WAITING_MESSAGES: Final = 64
"""Custom messages that wait to be sent; beyond it the oldest goes, as each of ours replaces the one before."""

_SEQUENCE_MASK: Final = 2**64 - 1
_NANOSECONDS: Final = 1e9
_CAPABILITIES: Final = (
    AgentCapability.REPORTS_STATUS
    | AgentCapability.REPORTS_HEARTBEAT
    | AgentCapability.ACCEPTS_REMOTE_CONFIG
    | AgentCapability.REPORTS_REMOTE_CONFIG
    | AgentCapability.REPORTS_EFFECTIVE_CONFIG
    | AgentCapability.REPORTS_HEALTH
    | AgentCapability.ACCEPTS_OPAMP_CONNECTION_SETTINGS
    | AgentCapability.REPORTS_CONNECTION_SETTINGS_STATUS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All that an agent tells; None: nothing to tell."""

    description: Description
    capabilities: AgentCapability = _CAPABILITIES
    health: Health | None = None
    effective: Files | None = None
    config_status: Status | None = None
    connection_status: Status | None = None
    components: Components | None = None
    custom_capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    instance_uid: InstanceUid
    told: Told
    known: Told | None = None
    """What the server was told and did not refuse; None: it gets everything."""
    sequence_number: int = 0
    """Of the last message sent."""
    waiting: tuple[CustomMessage, ...] = ()
    heartbeat_seconds: int = DEFAULT_HEARTBEAT_SECONDS
    server_custom_capabilities: tuple[str, ...] = ()
    wants_components: bool = False

    @property
    def has_news(self) -> bool:
        """Whether a message now would say more than a heartbeat."""
        return self.known != self.told or bool(self.waiting) or self.wants_components


@dataclass(frozen=True, slots=True)
class ConfigOffered:
    """Apply it, and report its hash as applying, applied or failed."""

    config: RemoteConfig


@dataclass(frozen=True, slots=True)
class ConnectionOffered:
    """Try it, keep it if the server answers there, and report its hash as applied or failed."""

    offer: ConnectionOffer


@dataclass(frozen=True, slots=True)
class Renamed:
    """Another agent has this one's uid: keep the new one. The client uses it already."""

    instance_uid: InstanceUid


@dataclass(frozen=True, slots=True)
class MessageCame:
    message: CustomMessage


@dataclass(frozen=True, slots=True)
class RestartAsked:
    pass


@dataclass(frozen=True, slots=True)
class Throttled:
    """The server is busy and forgot the last message: send nothing for so long, then everything."""

    seconds: float | None
    """None: it did not say; wait as after a failed connection."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The server cannot read us, or will not have us: say so, and wait as after a failed connection."""

    reason: str


Effect: TypeAlias = (
    ConfigOffered | ConnectionOffered | Renamed | MessageCame | RestartAsked | Throttled | Refused
)


@dataclass(frozen=True, slots=True)
class Taken:
    """The client after a message of the server, and what to do about it."""

    client: Client
    effects: tuple[Effect, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The client after a message, and the message."""

    client: Client
    message: pb.AgentToServer


def connected(client: Client) -> Client:
    """A connection begins, or a request got no answer: who knows what the server knows, so tell it everything."""
    return replace(client, known=None)


def tell(client: Client, told: Told) -> Client:
    """What the agent has to tell from now on."""
    return replace(client, told=told)


def say(client: Client, message: CustomMessage) -> Client:
    """Send a custom message with the next message; one of the same type that still waits is replaced."""
    others = [
        one
        for one in client.waiting
        if (one.capability, one.type) != (message.capability, message.type)
    ]
    return replace(client, waiting=(*others, message)[-MAX_WAITING_MESSAGES:])


def next_message(client: Client) -> Outgoing:
    """The next message: what changed since the server was told, or a heartbeat.

    It counts as told at once, so call `connected` when it cannot be delivered. A message holds one
    custom message; `has_news` stays true while more wait.
    """
    number = client.sequence_number + 1 & _SEQUENCE_MASK
    message = pb.AgentToServer(
        instance_uid=raw_uid_of(client.instance_uid),
        sequence_num=number,
        capabilities=client.told.capabilities,
    )
    _put_changes(message, client.told, client.known, wants_components=client.wants_components)
    first, waiting = client.waiting[:1], client.waiting[1:]
    for one in first:
        message.custom_message.CopyFrom(to_custom_message(one))
    after = replace(
        client, known=client.told, sequence_number=number, waiting=waiting, wants_components=False
    )
    return Outgoing(after, message)


def goodbye(client: Client) -> Outgoing:
    """The last message before the agent ends."""
    number = client.sequence_number + 1 & _SEQUENCE_MASK
    message = pb.AgentToServer(
        instance_uid=raw_uid_of(client.instance_uid),
        sequence_num=number,
        capabilities=client.told.capabilities,
        agent_disconnect=pb.AgentDisconnect(),
    )
    return Outgoing(replace(client, sequence_number=number), message)


def take(client: Client, message: pb.ServerToAgent) -> Taken:
    """Take a message of the server in.

    Raises:
        InvalidInputError: If it gives an instance uid that is none.
    """
    if message.HasField("error_response"):
        # Whatever we sent was not taken in, and the other fields mean nothing.
        return Taken(connected(client), (_error_of(message.error_response),))
    effects: list[Effect] = []
    if message.flags & pb.ServerToAgentFlags_ReportFullState:
        client = connected(client)
    if message.flags & pb.ServerToAgentFlags_ReportAvailableComponents:
        client = replace(client, wants_components=client.told.components is not None)
    if message.agent_identification.new_instance_uid:
        uid = instance_uid_of(message.agent_identification.new_instance_uid)
        client = replace(connected(client), instance_uid=uid)
        effects.append(Renamed(uid))
    if message.HasField("custom_capabilities"):
        capabilities = tuple(message.custom_capabilities.capabilities)
        client = replace(client, server_custom_capabilities=capabilities)
    accepts = client.told.capabilities
    if message.HasField("remote_config") and accepts & AgentCapability.ACCEPTS_REMOTE_CONFIG:
        effects.append(ConfigOffered(remote_config_of(message.remote_config)))
    if (
        message.HasField("connection_settings")
        and accepts & AgentCapability.ACCEPTS_OPAMP_CONNECTION_SETTINGS
    ):
        offer = connection_offer_of(message.connection_settings)
        if offer.heartbeat_seconds:
            client = replace(client, heartbeat_seconds=offer.heartbeat_seconds)
        effects.append(ConnectionOffered(offer))
    if message.HasField("custom_message"):
        effects.append(MessageCame(custom_message_of(message.custom_message)))
    if message.HasField("command") and accepts & AgentCapability.ACCEPTS_RESTART_COMMAND:
        effects.append(RestartAsked())
    return Taken(client, tuple(effects))


def _error_of(error: pb.ServerErrorResponse) -> Effect:
    if error.type == pb.ServerErrorResponseType_BadRequest:
        return Refused(error.error_message)
    if error.HasField("retry_info"):
        return Throttled(error.retry_info.retry_after_nanoseconds / _NANOSECONDS)
    return Throttled(None)


def _put_changes(
    message: pb.AgentToServer, told: Told, known: Told | None, *, wants_components: bool
) -> None:
    """Source: `AgentToServer`, "this field MUST be unset if it did not change since the last report"."""
    if known is None or told.description != known.description:
        message.agent_description.CopyFrom(to_description(told.description))
    if told.health and (known is None or told.health != known.health):
        message.health.CopyFrom(to_health(told.health))
    if told.effective is not None and (known is None or told.effective != known.effective):
        message.effective_config.config_map.CopyFrom(to_files(told.effective))
    if told.config_status and (known is None or told.config_status != known.config_status):
        message.remote_config_status.CopyFrom(to_config_status(told.config_status))
    if told.connection_status and (
        known is None or told.connection_status != known.connection_status
    ):
        message.connection_settings_status.CopyFrom(to_connection_status(told.connection_status))
    if told.custom_capabilities != (known.custom_capabilities if known else ()):
        capabilities = pb.CustomCapabilities(capabilities=told.custom_capabilities)
        message.custom_capabilities.CopyFrom(capabilities)
    if told.components and (
        wants_components or known is None or told.components != known.components
    ):
        # Only the hash unasked: the list is long, and the server may have it from another host.
        shown = told.components if wants_components else replace(told.components, parts=None)
        message.available_components.CopyFrom(to_components(shown))
