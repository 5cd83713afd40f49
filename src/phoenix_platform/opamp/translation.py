"""Between protobuf messages and the frozen values of `opamp.facts`, both ways. Sessions and clients call it."""

from collections.abc import Iterable, Mapping
from typing import Final

from phoenix_platform.opamp import opamp_pb2 as pb
from phoenix_platform.opamp.anyvalue_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from phoenix_platform.opamp.facts import (
    Attribute,
    Component,
    Components,
    ConfigFile,
    ConnectionOffer,
    CustomMessage,
    Description,
    Files,
    Health,
    Outcome,
    RemoteConfig,
    Status,
)

_AUTHORIZATION: Final = "Authorization"
_BEARER: Final = "Bearer "
# Both enums of the specification count alike; a number from its future reads as "nothing said".
_OUTCOME_OF: Final = {1: Outcome.APPLIED, 2: Outcome.APPLYING, 3: Outcome.FAILED}
_CONFIG_STATUS_OF: Final = {
    Outcome.UNSET: pb.RemoteConfigStatuses_UNSET,
    Outcome.APPLIED: pb.RemoteConfigStatuses_APPLIED,
    Outcome.APPLYING: pb.RemoteConfigStatuses_APPLYING,
    Outcome.FAILED: pb.RemoteConfigStatuses_FAILED,
}
_CONNECTION_STATUS_OF: Final = {
    Outcome.UNSET: pb.ConnectionSettingsStatuses_UNSET,
    Outcome.APPLIED: pb.ConnectionSettingsStatuses_APPLIED,
    Outcome.APPLYING: pb.ConnectionSettingsStatuses_APPLYING,
    Outcome.FAILED: pb.ConnectionSettingsStatuses_FAILED,
}


def description_of(message: pb.AgentDescription) -> Description:
    return Description(
        identifying=_attributes_of(message.identifying_attributes),
        other=_attributes_of(message.non_identifying_attributes),
    )


def to_description(description: Description) -> pb.AgentDescription:
    return pb.AgentDescription(
        identifying_attributes=_to_attributes(description.identifying),
        non_identifying_attributes=_to_attributes(description.other),
    )


def health_of(message: pb.ComponentHealth) -> Health:
    return Health(
        is_healthy=message.healthy,
        status=message.status,
        error=message.last_error,
        started_unix_nano=message.start_time_unix_nano,
        status_unix_nano=message.status_time_unix_nano,
        components={
            name: health_of(part) for name, part in sorted(message.component_health_map.items())
        },
    )


def to_health(health: Health) -> pb.ComponentHealth:
    return pb.ComponentHealth(
        healthy=health.is_healthy,
        status=health.status,
        last_error=health.error,
        start_time_unix_nano=health.started_unix_nano,
        status_time_unix_nano=health.status_unix_nano,
        component_health_map={name: to_health(part) for name, part in health.components.items()},
    )


def files_of(message: pb.AgentConfigMap) -> Files:
    return {
        name: ConfigFile(file.body, file.content_type)
        for name, file in sorted(message.config_map.items())
    }


def to_files(files: Files) -> pb.AgentConfigMap:
    return pb.AgentConfigMap(
        config_map={
            name: pb.AgentConfigFile(body=file.body, content_type=file.content_type)
            for name, file in files.items()
        }
    )


def config_status_of(message: pb.RemoteConfigStatus) -> Status:
    return Status(
        message.last_remote_config_hash,
        _OUTCOME_OF.get(int(message.status), Outcome.UNSET),
        message.error_message,
    )


def to_config_status(status: Status) -> pb.RemoteConfigStatus:
    return pb.RemoteConfigStatus(
        last_remote_config_hash=status.hash,
        status=_CONFIG_STATUS_OF[status.outcome],
        error_message=status.error,
    )


def connection_status_of(message: pb.ConnectionSettingsStatus) -> Status:
    return Status(
        message.last_connection_settings_hash,
        _OUTCOME_OF.get(int(message.status), Outcome.UNSET),
        message.error_message,
    )


def to_connection_status(status: Status) -> pb.ConnectionSettingsStatus:
    return pb.ConnectionSettingsStatus(
        last_connection_settings_hash=status.hash,
        status=_CONNECTION_STATUS_OF[status.outcome],
        error_message=status.error,
    )


def remote_config_of(message: pb.AgentRemoteConfig) -> RemoteConfig:
    return RemoteConfig(message.config_hash, files_of(message.config))


def to_remote_config(config: RemoteConfig) -> pb.AgentRemoteConfig:
    return pb.AgentRemoteConfig(config=to_files(config.files), config_hash=config.hash)


def components_of(message: pb.AvailableComponents) -> Components:
    parts = {name: _component_of(part) for name, part in sorted(message.components.items())}
    return Components(message.hash, parts or None)


def to_components(components: Components) -> pb.AvailableComponents:
    parts = components.parts or {}
    return pb.AvailableComponents(
        components={name: _to_component(part) for name, part in parts.items()},
        hash=components.hash,
    )


def custom_message_of(message: pb.CustomMessage) -> CustomMessage:
    return CustomMessage(message.capability, message.type, message.data)


def to_custom_message(message: CustomMessage) -> pb.CustomMessage:
    return pb.CustomMessage(capability=message.capability, type=message.type, data=message.data)


def connection_offer_of(message: pb.ConnectionSettingsOffers) -> ConnectionOffer:
    """What we read of an offer: its certificates, proxies and other destinations are not for us."""
    opamp = message.opamp
    credential = ""
    for header in opamp.headers.headers:
        if header.key.lower() == _AUTHORIZATION.lower():
            credential = header.value.removeprefix(_BEARER)
    return ConnectionOffer(
        hash=message.hash,
        endpoint=opamp.destination_endpoint,
        credential=credential,
        heartbeat_seconds=opamp.heartbeat_interval_seconds,
    )


def to_connection_offer(offer: ConnectionOffer) -> pb.ConnectionSettingsOffers:
    opamp = pb.OpAMPConnectionSettings(
        destination_endpoint=offer.endpoint, heartbeat_interval_seconds=offer.heartbeat_seconds
    )
    if offer.credential:
        opamp.headers.headers.add(key=_AUTHORIZATION, value=_BEARER + offer.credential)
    return pb.ConnectionSettingsOffers(hash=offer.hash, opamp=opamp)


def _component_of(message: pb.ComponentDetails) -> Component:
    return Component(
        metadata=_attributes_of(message.metadata),
        parts={
            name: _component_of(part) for name, part in sorted(message.sub_component_map.items())
        },
    )


def _to_component(component: Component) -> pb.ComponentDetails:
    return pb.ComponentDetails(
        metadata=_to_attributes(component.metadata),
        sub_component_map={name: _to_component(part) for name, part in component.parts.items()},
    )


def _attributes_of(pairs: Iterable[KeyValue]) -> dict[str, Attribute]:
    return {pair.key: _attribute_of(pair.value) for pair in pairs}


def _to_attributes(attributes: Mapping[str, Attribute]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_to_attribute(value)) for key, value in attributes.items()]


def _attribute_of(value: AnyValue) -> Attribute:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "bytes_value":
            return value.bytes_value
        case "array_value":
            return tuple(_attribute_of(item) for item in value.array_value.values)
        case "kvlist_value":
            return _attributes_of(value.kvlist_value.values)
        case _:
            return None


def _to_attribute(value: Attribute) -> AnyValue:
    match value:
        case None:
            return AnyValue()
        case str():
            return AnyValue(string_value=value)
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case Mapping():
            return AnyValue(kvlist_value=KeyValueList(values=_to_attributes(value)))
        case _:
            items = [_to_attribute(item) for item in value]
            return AnyValue(array_value=ArrayValue(values=items))
