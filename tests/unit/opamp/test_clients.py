from dataclasses import replace

import pytest

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.opamp import opamp_pb2 as pb
from phoenix_platform.opamp.clients import (
    MAX_WAITING_MESSAGES,
    Client,
    ConfigOffered,
    ConnectionOffered,
    MessageCame,
    Refused,
    Renamed,
    RestartAsked,
    Throttled,
    Told,
    connected,
    goodbye,
    next_message,
    say,
    take,
    tell,
)
from phoenix_platform.opamp.facts import (
    AgentCapability,
    Component,
    Components,
    ConfigFile,
    ConnectionOffer,
    CustomMessage,
    Description,
    Health,
    Outcome,
    RemoteConfig,
    Status,
)
from phoenix_platform.opamp.instance_uids import InstanceUid
from phoenix_platform.opamp.sessions import bad_request, unavailable
from phoenix_platform.opamp.translation import (
    to_config_status,
    to_connection_offer,
    to_custom_message,
    to_remote_config,
)

UID = InstanceUid("0190a0b1c2d37e4f8a9b0c1d2e3f4a5b")
OTHER = InstanceUid("0190a0b1c2d37e4f8a9b0c1d2e3f4a5c")
CONFIG = RemoteConfig(b"b", {"": ConfigFile(b"receivers: {}")})
COMPONENTS = Components(b"h", {"receivers": Component()})
MESSAGE = CustomMessage("com.example/1", "report", b"{}")
EVERYTHING = Told(
    description=Description(identifying={"service.name": "agent"}),
    health=Health(is_healthy=True),
    effective=CONFIG.files,
    config_status=Status(b"b", Outcome.APPLIED),
    connection_status=Status(b"c", Outcome.APPLIED),
    components=COMPONENTS,
    custom_capabilities=("com.example/1",),
    capabilities=AgentCapability(0xFFFF),
)
EVERY_FIELD = {
    "instance_uid",
    "sequence_num",
    "capabilities",
    "agent_description",
    "health",
    "effective_config",
    "remote_config_status",
    "connection_settings_status",
    "available_components",
    "custom_capabilities",
}
HEARTBEAT = {"instance_uid", "sequence_num", "capabilities"}


def a_client(told: Told = EVERYTHING) -> Client:
    return Client(instance_uid=UID, told=told)


def told_client(told: Told = EVERYTHING) -> Client:
    return next_message(a_client(told)).client


def fields(message: pb.AgentToServer) -> set[str]:
    return {field.name for field, _ in message.ListFields()}


def test_the_first_message_says_everything_and_the_next_is_a_heartbeat() -> None:
    client = a_client()
    assert client.has_news
    first = next_message(client)
    assert fields(first.message) == EVERY_FIELD
    assert first.message.instance_uid == bytes.fromhex(UID)
    assert first.message.sequence_num == 1
    assert not first.client.has_news
    second = next_message(first.client)
    assert fields(second.message) == HEARTBEAT
    assert second.message.sequence_num == 2


def test_what_there_is_not_to_tell_is_not_told() -> None:
    message = next_message(a_client(Told(description=Description()))).message
    assert fields(message) == HEARTBEAT | {"agent_description"}


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("agent_description", replace(EVERYTHING, description=Description())),
        ("health", replace(EVERYTHING, health=Health(is_healthy=False))),
        ("effective_config", replace(EVERYTHING, effective={})),
        ("remote_config_status", replace(EVERYTHING, config_status=Status(b"", Outcome.UNSET))),
        ("connection_settings_status", replace(EVERYTHING, connection_status=Status(b"d", Outcome.FAILED))),
        ("available_components", replace(EVERYTHING, components=Components(b"i"))),
        ("custom_capabilities", replace(EVERYTHING, custom_capabilities=())),
    ],
)  # fmt: skip
def test_only_what_changed_is_told(field: str, told: Told) -> None:
    client = tell(told_client(), told)
    assert client.has_news
    assert fields(next_message(client).message) == HEARTBEAT | {field}


def test_a_new_connection_begins_with_everything() -> None:
    assert fields(next_message(connected(told_client())).message) == EVERY_FIELD


def test_everything_is_told_when_it_is_asked_for() -> None:
    taken = take(told_client(), pb.ServerToAgent(flags=pb.ServerToAgentFlags_ReportFullState))
    assert taken.effects == ()
    assert fields(next_message(taken.client).message) == EVERY_FIELD


def test_components_are_a_hash_until_they_are_asked_for() -> None:
    first = next_message(a_client())
    assert first.message.available_components == pb.AvailableComponents(hash=b"h")
    asks = pb.ServerToAgent(flags=pb.ServerToAgentFlags_ReportAvailableComponents)
    client = take(first.client, asks).client
    assert client.has_news
    second = next_message(client)
    assert set(second.message.available_components.components) == {"receivers"}
    assert not second.client.has_news
    without = told_client(Told(description=Description()))
    assert not take(without, asks).client.has_news


def test_a_configuration_is_offered_to_who_takes_it() -> None:
    message = pb.ServerToAgent(remote_config=to_remote_config(CONFIG))
    assert take(told_client(), message).effects == (ConfigOffered(CONFIG),)
    unable = replace(EVERYTHING, capabilities=AgentCapability.REPORTS_STATUS)
    assert take(told_client(unable), message).effects == ()


def test_a_connection_offer_sets_the_heartbeat_too() -> None:
    offer = ConnectionOffer(hash=b"c", credential="phx_agt_new", heartbeat_seconds=7)
    message = pb.ServerToAgent(connection_settings=to_connection_offer(offer))
    taken = take(told_client(), message)
    assert taken.effects == (ConnectionOffered(offer),)
    assert taken.client.heartbeat_seconds == 7
    as_before = pb.ServerToAgent(
        connection_settings=to_connection_offer(ConnectionOffer(hash=b"d"))
    )
    assert take(taken.client, as_before).client.heartbeat_seconds == 7


def test_a_new_uid_is_used_at_once_and_everything_told_under_it() -> None:
    message = pb.ServerToAgent()
    message.agent_identification.new_instance_uid = bytes.fromhex(OTHER)
    taken = take(told_client(), message)
    assert taken.effects == (Renamed(OTHER),)
    following = next_message(taken.client).message
    assert following.instance_uid == bytes.fromhex(OTHER)
    assert fields(following) == EVERY_FIELD


def test_a_new_uid_that_is_none_is_refused() -> None:
    message = pb.ServerToAgent()
    message.agent_identification.new_instance_uid = b"short"
    with pytest.raises(InvalidInputError, match=r"^instance_uid: 5 bytes"):
        take(told_client(), message)


def test_custom_messages_go_out_one_by_one_and_the_newest_of_a_kind_wins() -> None:
    client = say(say(told_client(), MESSAGE), replace(MESSAGE, type="other"))
    client = say(client, replace(MESSAGE, data=b"newer"))
    first = next_message(client)
    assert first.message.custom_message.type == "other"
    assert first.client.has_news
    second = next_message(first.client)
    assert second.message.custom_message.data == b"newer"
    assert not second.client.has_news


def test_custom_messages_that_wait_are_bounded() -> None:
    client = told_client()
    for number in range(MAX_WAITING_MESSAGES + 1):
        client = say(client, replace(MESSAGE, type=str(number)))
    assert len(client.waiting) == MAX_WAITING_MESSAGES
    assert client.waiting[0].type == "1"


def test_custom_messages_and_capabilities_of_the_server_come_in() -> None:
    message = pb.ServerToAgent(custom_message=to_custom_message(MESSAGE))
    message.custom_capabilities.capabilities.append("com.example/1")
    taken = take(told_client(), message)
    assert taken.effects == (MessageCame(MESSAGE),)
    assert taken.client.server_custom_capabilities == ("com.example/1",)


def test_a_restart_is_asked_of_who_takes_that() -> None:
    message = pb.ServerToAgent(command=pb.ServerToAgentCommand())
    assert take(told_client(), message).effects == (RestartAsked(),)
    assert take(told_client(Told(description=Description())), message).effects == ()


def test_a_busy_server_forgot_what_it_was_told() -> None:
    taken = take(told_client(), unavailable(bytes.fromhex(UID), 2.5))
    assert taken.effects == (Throttled(2.5),)
    assert fields(next_message(taken.client).message) == EVERY_FIELD


def test_a_busy_server_need_not_say_for_how_long() -> None:
    error = pb.ServerErrorResponse(type=pb.ServerErrorResponseType_Unknown)
    taken = take(told_client(), pb.ServerToAgent(error_response=error))
    assert taken.effects == (Throttled(None),)


def test_a_refusal_carries_its_reason_and_nothing_else() -> None:
    message = bad_request(bytes.fromhex(UID), "enrol this host")
    message.remote_config.CopyFrom(to_remote_config(CONFIG))
    assert take(told_client(), message).effects == (Refused("enrol this host"),)


def test_the_last_message_says_goodbye() -> None:
    outgoing = goodbye(told_client())
    assert outgoing.message.HasField("agent_disconnect")
    assert outgoing.message.sequence_num == 2
    assert outgoing.client.sequence_number == 2


def test_the_status_of_a_configuration_is_what_the_specification_names() -> None:
    status = Status(b"b", Outcome.FAILED, "no receiver")
    message = next_message(a_client(replace(EVERYTHING, config_status=status))).message
    assert message.remote_config_status == to_config_status(status)
