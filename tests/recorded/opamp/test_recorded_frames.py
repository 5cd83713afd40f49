"""Frames of the unmodified opampsupervisor v0.149.0, replayed: a good configuration, a bad one, the good one again.

`python -m tests.interop.record` records them anew.
"""

import json
from dataclasses import replace
from pathlib import Path

from phoenix_platform.opamp import opamp_pb2 as pb
from phoenix_platform.opamp.facts import AgentCapability, Outcome, RemoteConfig
from phoenix_platform.opamp.frames import (
    agent_message_of_frame,
    server_message_of_frame,
    to_frame,
)
from phoenix_platform.opamp.instance_uids import instance_uid_of
from phoenix_platform.opamp.offers import OfferHistory, Wanted
from phoenix_platform.opamp.sessions import (
    ComponentsCame,
    ConfigApplied,
    ConfigFailed,
    ConfigOffered,
    Context,
    Effect,
    HealthCame,
    Session,
    offer,
    receive,
)
from phoenix_platform.opamp.translation import config_status_of, remote_config_of

LINES = [
    json.loads(line)
    for line in (Path(__file__).parent / "supervisor-v0.149.0.jsonl").read_text().splitlines()
]
FROM_AGENT = [
    (line["seconds"], agent_message_of_frame(bytes.fromhex(line["frame"])))
    for line in LINES
    if line["from"] == "agent"
]
OFFERED = [
    remote_config_of(message.remote_config)
    for line in LINES
    if line["from"] == "server"
    for message in [server_message_of_frame(bytes.fromhex(line["frame"]))]
    if message.HasField("remote_config")
]
GOOD, BAD = OFFERED[0], OFFERED[1]


def replayed() -> tuple[Session, OfferHistory, list[Effect]]:
    """What comes of the agent's frames; the bad one is desired from the moment at which it was offered."""
    session = Session(raw_uid=FROM_AGENT[0][1].instance_uid)
    history, effects, desired = OfferHistory(), list[Effect](), GOOD
    for seconds, message in FROM_AGENT:
        context = Context(wanted=Wanted(desired=desired, falls_back=True), now=seconds)
        received = receive(session, history, message, context)
        session, history = received.session, received.history
        effects += received.effects
        if desired is GOOD and any(isinstance(one, ConfigApplied) for one in received.effects):
            desired = BAD
            pushed = offer(session, history, replace(context, wanted=Wanted(desired=BAD)))
            assert pushed is not None
            session, history = pushed.session, pushed.history
            effects += pushed.effects
    return session, history, effects


def of_kind(effects: list[Effect], *kinds: type[Effect]) -> list[Effect]:
    return [effect for effect in effects if isinstance(effect, kinds)]


def test_frames_are_written_as_they_were_read() -> None:
    for line in LINES:
        frame = bytes.fromhex(line["frame"])
        if line["from"] == "agent":
            message = agent_message_of_frame(frame)
            assert agent_message_of_frame(to_frame(message)) == message
        else:
            assert to_frame(server_message_of_frame(frame)) == frame


def test_the_supervisor_counts_its_messages_without_a_gap() -> None:
    numbers = [message.sequence_num for _, message in FROM_AGENT]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_it_is_who_it_is_from_its_first_message_on() -> None:
    session, _, _ = replayed()
    assert session.capabilities == AgentCapability(0x7C47)
    assert session.description is not None
    assert session.description.identifying["service.name"] == "interop-otelcol"
    assert session.description.other["host.name"] == "recorded-host"
    uid = instance_uid_of(session.raw_uid)
    assert uid[12] == "7", "a UUIDv7"


def test_statuses_come_as_they_were_observed() -> None:
    told = [
        config_status_of(message.remote_config_status)
        for _, message in FROM_AGENT
        if message.HasField("remote_config_status")
    ]
    ours = [(one.hash, one.outcome) for one in told if one.hash]
    assert ours == [
        (GOOD.hash, Outcome.APPLYING),
        (GOOD.hash, Outcome.APPLIED),
        (BAD.hash, Outcome.APPLYING),
        (BAD.hash, Outcome.FAILED),
        (GOOD.hash, Outcome.APPLYING),
        (GOOD.hash, Outcome.APPLIED),
    ]
    assert "exit code 1" in next(one.error for one in told if one.outcome is Outcome.FAILED)


def test_the_bad_configuration_is_offered_once_and_the_good_one_ends_it() -> None:
    session, history, effects = replayed()
    offers = [effect.config for effect in effects if isinstance(effect, ConfigOffered)]
    assert [config.hash for config in offers] == [GOOD.hash, BAD.hash, GOOD.hash]
    assert [one.hash for one in of_kind(effects, ConfigFailed)] == [BAD.hash]  # type: ignore[union-attr]
    assert history.last_good == GOOD
    assert set(history.failed) == {BAD.hash}
    assert session.config_status is not None
    assert session.config_status.hash == GOOD.hash


def test_health_and_components_are_what_the_collector_said() -> None:
    session, _, effects = replayed()
    assert session.health is not None
    assert session.health.is_healthy
    assert [one.health.is_healthy for one in effects if isinstance(one, HealthCame)].count(False)
    (components,) = [one.components for one in effects if isinstance(one, ComponentsCame)]
    assert components.parts is not None
    assert {"receivers", "exporters", "extensions"} <= set(components.parts)


def test_what_it_runs_is_told_in_one_file() -> None:
    session, _, _ = replayed()
    assert session.effective is not None
    assert b"nop" in session.effective[""].body


def test_the_offers_on_the_wire_are_what_the_session_decides() -> None:
    assert [config.hash for config in OFFERED] == [GOOD.hash, BAD.hash, GOOD.hash]
    assert isinstance(GOOD, RemoteConfig)
    assert not any(
        message.HasField("error_response")
        for line in LINES
        if line["from"] == "server"
        for message in [server_message_of_frame(bytes.fromhex(line["frame"]))]
    )
    assert FROM_AGENT[0][1].flags == pb.AgentToServerFlags_Unspecified
