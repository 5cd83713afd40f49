from dataclasses import replace

from phoenix_platform.opamp import opamp_pb2 as pb
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
from phoenix_platform.opamp.instance_uids import InstanceUid, instance_uid_of, raw_uid_of
from phoenix_platform.opamp.offers import (
    MAX_OFFERS,
    MAX_WAIT_SECONDS,
    NEVER_TAKEN,
    OfferHistory,
    Wanted,
)
from phoenix_platform.opamp.sessions import (
    ASK_AGAIN_SECONDS,
    MAX_FULL_REQUESTS,
    SERVER_CAPABILITIES,
    ComponentsCame,
    ConfigApplied,
    ConfigFailed,
    ConfigOffered,
    ConnectionAnswered,
    Context,
    Described,
    Effect,
    EffectiveCame,
    HealthCame,
    Leaving,
    MessageCame,
    Received,
    Session,
    UidGiven,
    bad_request,
    offer,
    probe,
    receive,
    to_agent,
    unavailable,
)
from phoenix_platform.opamp.translation import (
    to_components,
    to_config_status,
    to_connection_status,
    to_custom_message,
    to_description,
    to_files,
    to_health,
)

RAW = bytes.fromhex("0190a0b1c2d37e4f8a9b0c1d2e3f4a5b")
OTHER = InstanceUid("0190a0b1c2d37e4f8a9b0c1d2e3f4a5c")
FULL = pb.ServerToAgentFlags_ReportFullState
WITH_COMPONENTS = pb.ServerToAgentFlags_ReportAvailableComponents
DESCRIPTION = Description(identifying={"service.name": "collector"}, other={"host.name": "one"})
CONFIG = RemoteConfig(b"b", {"": ConfigFile(b"receivers: {}", "text/yaml")})
ALL = AgentCapability(0xFFFF)
CONTEXT = Context(now=1.0)
WANTS = Context(wanted=Wanted(desired=CONFIG), now=1.0)


def message(number: int, capabilities: AgentCapability = ALL) -> pb.AgentToServer:
    return pb.AgentToServer(instance_uid=RAW, sequence_num=number, capabilities=capabilities)


def full(number: int, capabilities: AgentCapability = ALL) -> pb.AgentToServer:
    report = message(number, capabilities)
    report.agent_description.CopyFrom(to_description(DESCRIPTION))
    return report


def after(*messages: pb.AgentToServer, context: Context = CONTEXT) -> Received:
    """What came of the last of these messages; nothing but a message 0 came before."""
    session, history = Session(raw_uid=RAW, sequence_number=0), OfferHistory()
    for one in messages[:-1]:
        received = receive(session, history, one, context)
        session, history = received.session, received.history
    return receive(session, history, messages[-1], context)


def test_every_message_is_answered_to_the_same_uid_with_what_we_can() -> None:
    received = after(full(1))
    assert received.answer.instance_uid == RAW
    assert received.answer.capabilities == SERVER_CAPABILITIES
    assert received.effects == (Described(DESCRIPTION, ALL),)
    assert received.session.heard_at == 1.0


def test_a_gap_makes_us_ask_for_everything() -> None:
    received = after(full(1), message(3))
    assert received.answer.flags == FULL
    assert received.session.description is None


def test_no_gap_no_question() -> None:
    assert not after(full(1), full(2), message(3)).answer.flags
    assert not after(full(2**64 - 2), full(2**64 - 1), message(0)).answer.flags


def test_a_message_twice_makes_us_ask_for_everything() -> None:
    assert after(full(1), message(2), message(2)).answer.flags == FULL


def test_an_agent_that_we_do_not_know_is_asked_for_everything() -> None:
    assert after(message(7)).answer.flags == FULL


def test_a_description_after_a_gap_may_be_all_that_changed() -> None:
    assert after(full(1), full(2), full(9)).answer.flags == FULL
    assert not after(full(1), full(2), full(9), full(10)).answer.flags


def test_an_agent_that_never_describes_itself_is_not_asked_for_ever() -> None:
    messages = [message(number) for number in range(1, 10)]
    asked = [bool(after(*messages[:count]).answer.flags) for count in range(1, 10)]
    assert asked == [True] * MAX_FULL_REQUESTS + [False] * (9 - MAX_FULL_REQUESTS)


def test_an_agent_whose_answers_were_lost_is_asked_again_later() -> None:
    received = after(*[message(number) for number in range(1, 6)])
    later = replace(CONTEXT, now=CONTEXT.now + ASK_AGAIN_SECONDS)
    again = receive(received.session, received.history, message(6), later)
    assert again.answer.flags == FULL
    assert not receive(again.session, again.history, message(7), later).answer.flags


def test_what_is_not_said_is_as_it_was() -> None:
    first = full(1)
    first.health.CopyFrom(to_health(Health(is_healthy=True, status="ok")))
    first.effective_config.config_map.CopyFrom(to_files(CONFIG.files))
    first.custom_capabilities.capabilities.append("one")
    first.connection_settings_status.CopyFrom(to_connection_status(Status(b"c", Outcome.APPLIED)))
    first.remote_config_status.CopyFrom(to_config_status(Status(b"b", Outcome.APPLIED)))
    before = after(first)
    received = after(first, message(2))
    assert received.effects == ()
    assert received.session == replace(before.session, sequence_number=2)
    assert before.effects == (
        Described(DESCRIPTION, ALL),
        HealthCame(Health(is_healthy=True, status="ok")),
        EffectiveCame(CONFIG.files),
        ConnectionAnswered(Status(b"c", Outcome.APPLIED)),
    )


def test_after_a_gap_what_was_said_before_counts_no_more() -> None:
    first = full(1)
    first.health.CopyFrom(to_health(Health(is_healthy=True)))
    first.remote_config_status.CopyFrom(to_config_status(Status(b"b", Outcome.APPLIED)))
    session = after(first, message(3)).session
    assert session.health is None
    assert session.config_status is None


def test_capabilities_that_are_not_said_are_as_they_were() -> None:
    assert after(full(1), message(2, AgentCapability(0))).session.capabilities == ALL


def test_health_comes_with_its_components() -> None:
    health = Health(
        is_healthy=False, components={"pipeline:metrics": Health(is_healthy=False, error="refused")}
    )
    report = full(1)
    report.health.CopyFrom(to_health(health))
    received = after(report)
    assert received.session.health == health
    assert HealthCame(health) in received.effects


def test_components_of_which_only_the_hash_came_are_asked_for() -> None:
    hashed = full(1)
    hashed.available_components.CopyFrom(to_components(Components(b"h")))
    assert after(hashed).answer.flags == WITH_COMPONENTS
    components = Components(b"h", {"receivers": Component(parts={"otlp": Component()})})
    listed = message(2)
    listed.available_components.CopyFrom(to_components(components))
    received = after(hashed, listed)
    assert not received.answer.flags
    assert received.effects == (ComponentsCame(components),)
    again = full(9)
    again.available_components.CopyFrom(to_components(Components(b"h")))
    assert after(hashed, listed, again).answer.flags == FULL
    other = message(3)
    other.available_components.CopyFrom(to_components(Components(b"other")))
    assert after(hashed, listed, other).answer.flags == WITH_COMPONENTS


def test_a_configuration_is_offered_once_everything_is_known() -> None:
    received = after(message(5), context=WANTS)
    assert not received.answer.HasField("remote_config")
    received = after(message(5), full(6), context=WANTS)
    assert received.answer.remote_config.config_hash == b"b"
    assert received.answer.remote_config.config.config_map[""].body == b"receivers: {}"
    assert received.effects[-1] == ConfigOffered(CONFIG)
    assert not after(message(5), full(6), message(7), context=WANTS).answer.HasField(
        "remote_config"
    )


def test_an_agent_that_does_not_take_configuration_gets_none() -> None:
    received = after(full(1, AgentCapability.REPORTS_STATUS), context=WANTS)
    assert not received.answer.HasField("remote_config")


def test_an_agent_that_reports_no_status_is_offered_it_once_in_a_session() -> None:
    silent = AgentCapability.REPORTS_STATUS | AgentCapability.ACCEPTS_REMOTE_CONFIG
    first = after(full(1, silent), context=WANTS)
    assert first.answer.HasField("remote_config")
    later = replace(WANTS, now=1e6)
    second = receive(first.session, first.history, message(2, silent), later)
    assert not second.answer.HasField("remote_config")
    restarted = receive(second.session, second.history, full(1, silent), later)
    restarted = receive(restarted.session, restarted.history, full(2, silent), later)
    assert restarted.answer.HasField("remote_config")


def test_what_became_of_an_offer_is_an_effect_once() -> None:
    failed, applied = message(2), message(3)
    failed.remote_config_status.CopyFrom(
        to_config_status(Status(b"other", Outcome.FAILED, "exit code 1"))
    )
    applied.remote_config_status.CopyFrom(to_config_status(Status(b"b", Outcome.APPLIED)))
    received = after(full(1), failed, context=WANTS)
    assert received.effects == (ConfigFailed(b"other", "exit code 1"),)
    received = after(full(1), failed, applied, context=WANTS)
    assert received.effects == (ConfigApplied(CONFIG),)
    assert received.history.last_good == CONFIG
    again = message(4)
    again.remote_config_status.CopyFrom(applied.remote_config_status)
    assert after(full(1), failed, applied, again, context=WANTS).effects == ()


def test_an_agent_that_never_takes_what_it_is_offered_is_left_alone() -> None:
    received = after(full(1))
    offers, effects, now = 0, list[Effect](), 0.0
    for number in range(2, 40):
        now += MAX_WAIT_SECONDS
        context = replace(WANTS, now=now)
        received = receive(received.session, received.history, message(number), context)
        offers += received.answer.HasField("remote_config")
        effects += received.effects
    assert offers == MAX_OFFERS
    assert effects[-1] == ConfigFailed(b"b", NEVER_TAKEN)


def test_a_changed_desire_is_offered_at_once() -> None:
    known = after(full(1))
    offered = offer(known.session, known.history, WANTS)
    assert offered is not None
    assert offered.answer.instance_uid == RAW
    assert offered.answer.remote_config.config_hash == b"b"
    assert offered.effects == (ConfigOffered(CONFIG),)
    assert offer(offered.session, offered.history, WANTS) is None


def test_an_agent_that_is_not_yet_known_waits_for_what_it_says() -> None:
    known = after(message(1))
    assert offer(known.session, known.history, WANTS) is None


def test_connection_settings_are_offered_once_and_not_what_it_has() -> None:
    context = Context(connection=ConnectionOffer(hash=b"c", credential="phx_agt_new"), now=1.0)
    first = after(full(1), context=context)
    assert first.answer.connection_settings.hash == b"c"
    second = after(full(1), message(2), context=context)
    assert not second.answer.HasField("connection_settings")
    known = full(1)
    known.connection_settings_status.CopyFrom(
        to_connection_status(Status(b"c", Outcome.FAILED, "refused"))
    )
    received = after(known, context=context)
    assert not received.answer.HasField("connection_settings")
    assert received.effects[-1] == ConnectionAnswered(Status(b"c", Outcome.FAILED, "refused"))
    unable = full(1, AgentCapability.REPORTS_STATUS)
    assert not after(unable, context=context).answer.HasField("connection_settings")


def test_custom_messages_come_in_and_go_to_who_takes_them() -> None:
    custom = CustomMessage("com.example/1", "report", b"{}")
    report = full(1)
    report.custom_message.CopyFrom(to_custom_message(custom))
    report.custom_capabilities.capabilities.append("com.example/1")
    received = after(report)
    assert received.effects[-1] == MessageCame(custom)
    answer = to_agent(received.session, custom)
    assert answer is not None
    assert answer.custom_message == to_custom_message(custom)
    assert to_agent(after(full(1)).session, custom) is None


def test_what_custom_messages_we_take_is_said_once() -> None:
    context = Context(custom_capabilities=("com.example/1",), now=1.0)
    first = after(full(1), context=context).answer
    assert list(first.custom_capabilities.capabilities) == ["com.example/1"]
    assert not after(full(1), message(2), context=context).answer.HasField("custom_capabilities")


def test_a_new_uid_is_given_in_the_form_that_the_agent_writes() -> None:
    received = after(full(1), context=Context(new_uid=OTHER, now=1.0))
    assert received.answer.agent_identification.new_instance_uid == bytes.fromhex(OTHER)
    assert received.effects[-1] == UidGiven(OTHER)
    ulid = raw_uid_of(OTHER, like=b"0" * 26)
    answer = receive(
        Session(raw_uid=ulid), OfferHistory(), full(1), Context(new_uid=OTHER, now=1.0)
    ).answer
    assert instance_uid_of(answer.agent_identification.new_instance_uid) == OTHER


def test_an_agent_that_leaves_is_offered_nothing() -> None:
    report = full(1)
    report.agent_disconnect.SetInParent()
    received = after(report, context=WANTS)
    assert received.effects[-1] == Leaving()
    assert not received.answer.HasField("remote_config")


def test_a_probe_asks_for_everything() -> None:
    assert probe(after(full(1)).session).flags == FULL


def test_a_busy_server_says_when_to_come_again() -> None:
    answer = unavailable(RAW, 1.5)
    assert answer.error_response.type == pb.ServerErrorResponseType_Unavailable
    assert answer.error_response.retry_info.retry_after_nanoseconds == 1_500_000_000


def test_a_bad_request_says_why() -> None:
    answer = bad_request(RAW, "instance_uid: missing")
    assert answer.error_response.type == pb.ServerErrorResponseType_BadRequest
    assert answer.error_response.error_message == "instance_uid: missing"
