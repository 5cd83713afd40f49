"""Who speaks for a host: reconnects, restarts and clones, over WebSockets and polls."""

from functools import partial

from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.ids import new_id
from phoenix_platform.opamp import opamp_pb2 as pb
from phoenix_platform.opamp.clients import Client, Told, connected, next_message, take
from phoenix_platform.opamp.facts import ConfigFile, Description, RemoteConfig
from phoenix_platform.opamp.instance_uids import InstanceUid
from phoenix_platform.opamp.offers import OfferHistory, Wanted
from phoenix_platform.opamp.sessions import ConfigOffered
from phoenix_platform.server.opamp_agents import (
    PROBE_SECONDS,
    SILENT_SECONDS,
    HostAgent,
    Link,
)

CLOCK = FixedClock()
UID = InstanceUid("0190a0b1c2d37e4f8a9b0c1d2e3f4a5b")
OTHER = InstanceUid("0190a0b1c2d37e4f8a9b0c1d2e3f4a5c")
CONFIG = RemoteConfig(b"b", {"": ConfigFile(b"receivers: {}")})


class Machine:
    """A client on one machine; `link` is its WebSocket, None where it polls."""

    def __init__(
        self, host: HostAgent, *, polls: bool = False, number: int = 0, uid: InstanceUid = UID
    ) -> None:
        told = Told(description=Description(identifying={"service.name": "agent"}))
        self.host = host
        self.client = Client(instance_uid=uid, told=told, sequence_number=number)
        self.wakes = 0
        self.link = None if polls else Link(self._wake)
        self.offers: list[bytes] = []

    def _wake(self) -> None:
        self.wakes += 1

    def say(self, now: float = 0.0) -> pb.ServerToAgent:
        outgoing = next_message(self.client)
        exchange = self.host.take(self.link, outgoing.message, now)
        self.client = outgoing.client
        self._hear(exchange.answer)
        return exchange.answer

    def hear(self) -> list[pb.ServerToAgent]:
        """What waits for it."""
        assert self.link is not None
        waiting, self.link.outbox = self.link.outbox, []
        for message in waiting:
            self._hear(message)
        return waiting

    def reconnect(self) -> None:
        self.client, self.link = connected(self.client), Link(self._wake)

    def _hear(self, message: pb.ServerToAgent) -> None:
        self.client = take(self.client, message).client
        if message.HasField("remote_config"):
            self.offers.append(message.remote_config.config_hash)


def a_host() -> HostAgent:
    return HostAgent(
        wanted=Wanted(desired=CONFIG),
        history=OfferHistory(),
        new_id=partial(new_id, CLOCK),
        custom_capabilities=("com.example/1",),
    )


def speaks(host: HostAgent, machine: Machine) -> bool:
    return host.owner is not None and host.owner.link is machine.link


def test_nobody_speaks_for_a_host_at_first() -> None:
    host = a_host()
    assert host.uid is None
    assert host.offer(0) is None
    assert not host.give_up_silent(1e9)
    assert not host.leave(Link(lambda: None))
    host.undo(OfferHistory())


def test_who_comes_back_in_sequence_takes_its_place_at_once() -> None:
    host = a_host()
    machine = Machine(host)
    machine.say()
    old = machine.link
    machine.reconnect()
    machine.say()
    assert old is not None
    assert old.is_ended
    assert speaks(host, machine)
    assert not host.leave(old), "the old connection's end says nothing"


def test_a_restarted_agent_waits_for_the_probe_and_then_says_everything_again() -> None:
    host = a_host()
    before = Machine(host)
    before.say()
    before.say()
    after = Machine(host, number=100)
    after.say()
    after.say()
    assert after.offers == []
    assert not host.give_up_silent(PROBE_SECONDS - 1)
    assert not host.give_up_silent(PROBE_SECONDS)
    assert before.link is not None
    assert before.link.is_ended
    assert speaks(host, after)
    assert after.hear()[0].flags == pb.ServerToAgentFlags_ReportFullState
    host.wanted = Wanted(desired=RemoteConfig(b"c", {}))
    after.say()
    assert after.offers == [b"c"]


def test_a_restarted_agent_takes_over_when_the_old_connection_ends() -> None:
    host = a_host()
    before, after = Machine(host), Machine(host, number=100)
    before.say()
    after.say()
    assert before.link is not None
    assert not host.leave(before.link)
    assert speaks(host, after)


def test_of_two_clones_the_newcomer_is_named_and_then_refused() -> None:
    host = a_host()
    original, clone = Machine(host), Machine(host, number=100)
    original.say()
    original.say()
    clone.say()
    assert [one.flags for one in original.hear()] == [pb.ServerToAgentFlags_ReportFullState]
    original.say()
    (naming,) = clone.hear()
    assert naming.agent_identification.new_instance_uid
    assert clone.client.instance_uid != UID
    assert clone.say().error_response.type == pb.ServerErrorResponseType_BadRequest
    assert speaks(host, original)
    assert clone.offers == []


def test_a_clone_that_keeps_its_uid_is_refused_too_and_never_speaks_for_the_host() -> None:
    host = a_host()
    original, clone = Machine(host), Machine(host, number=100)
    original.say()
    original.say()
    clone.say()
    original.hear()
    original.say()
    assert "enrol this one" in clone.say().error_response.error_message
    assert original.link is not None
    assert host.leave(original.link)
    assert host.owner is None


def test_a_report_that_was_on_its_way_is_no_answer_to_the_probe() -> None:
    host = a_host()
    original, newcomer = Machine(host), Machine(host, number=100)
    original.say()  # and was asked for everything: that report is still to come
    newcomer.say()
    original.say()
    assert newcomer.hear() == []
    original.hear()
    original.say()
    assert newcomer.hear()[0].HasField("agent_identification")


def test_a_heartbeat_is_no_answer_to_the_probe() -> None:
    host = a_host()
    original, newcomer = Machine(host), Machine(host, number=100)
    original.say()
    original.say()
    newcomer.say()
    original.say()
    assert newcomer.hear() == []


def test_a_newcomer_that_leaves_during_the_probe_is_forgotten() -> None:
    host = a_host()
    original, newcomer = Machine(host), Machine(host, number=100)
    original.say()
    original.say()
    newcomer.say()
    assert newcomer.link is not None
    assert not host.leave(newcomer.link)
    original.hear()
    original.say()
    assert not host.give_up_silent(1e9)
    assert speaks(host, original)


def test_of_two_clones_that_poll_the_newcomer_is_named_once_both_were_heard() -> None:
    host = a_host()
    original, clone = Machine(host, polls=True, number=50), Machine(host, polls=True)
    original.say()
    original.say()
    clone.say()
    original.say()
    naming = clone.say()
    assert naming.HasField("agent_identification")
    assert clone.say(1.0).error_response.type == pb.ServerErrorResponseType_BadRequest
    assert not original.say().HasField("agent_identification")


def test_a_polling_clone_that_keeps_its_uid_is_named_once() -> None:
    host = a_host()
    original, clone = Machine(host, polls=True, number=50), Machine(host, polls=True)
    original.say()
    clone.say()
    original.say()
    number = clone.client.sequence_number
    clone.say()
    clone.client = Client(instance_uid=UID, told=clone.client.told, sequence_number=number + 1)
    assert "enrol this one" in clone.say().error_response.error_message


def test_a_poller_that_was_restarted_takes_its_place_at_once() -> None:
    host = a_host()
    before, after = Machine(host, polls=True, number=50), Machine(host, polls=True)
    before.say()
    before.say()
    after.say()
    after.say()
    assert host.owner is not None
    assert host.owner.session.sequence_number == 2


def test_a_poll_while_a_websocket_is_open_waits_for_the_probe() -> None:
    host = a_host()
    original, poller = Machine(host), Machine(host, polls=True, number=100)
    original.say()
    original.say()
    poller.say()
    assert speaks(host, original)
    original.hear()
    original.say()
    assert poller.say().HasField("agent_identification")


def test_a_websocket_takes_the_place_of_a_poller() -> None:
    host = a_host()
    poller, machine = Machine(host, polls=True), Machine(host)
    poller.say()
    machine.say()
    assert speaks(host, machine)


def test_a_poller_is_no_link_to_push_over() -> None:
    host = a_host()
    Machine(host, polls=True).say()
    assert host.offer(0) is None


def test_a_poller_that_falls_silent_is_away() -> None:
    host = a_host()
    Machine(host, polls=True).say()
    assert not host.give_up_silent(SILENT_SECONDS - 1)
    assert host.give_up_silent(SILENT_SECONDS)
    assert host.owner is None


def test_another_uid_is_refused_while_the_host_is_there() -> None:
    host = a_host()
    machine, stranger = Machine(host), Machine(host, uid=OTHER)
    machine.say()
    assert "under another instance uid" in stranger.say().error_response.error_message
    assert machine.link is not None
    host.leave(machine.link)
    assert not stranger.say().HasField("error_response")
    assert host.uid == OTHER


def test_another_uid_is_refused_until_a_poller_is_away() -> None:
    host = a_host()
    poller, stranger = Machine(host, polls=True), Machine(host, uid=OTHER)
    poller.say()
    assert stranger.say(SILENT_SECONDS - 1).HasField("error_response")
    assert not stranger.say(SILENT_SECONDS).HasField("error_response")


def test_an_agent_that_asks_for_a_uid_gets_one_and_is_known_by_it() -> None:
    for polls in (True, False):
        host = a_host()
        machine = Machine(host, polls=polls)
        outgoing = next_message(machine.client)
        outgoing.message.flags = pb.AgentToServerFlags_RequestInstanceUid
        answer = host.take(machine.link, outgoing.message, 0).answer
        machine.client = take(outgoing.client, answer).client
        assert machine.client.instance_uid != UID
        assert not machine.say().HasField("error_response")
        assert host.uid == machine.client.instance_uid


def test_what_could_not_be_written_is_said_again() -> None:
    host = a_host()
    machine = Machine(host)
    machine.say()
    before = host.history
    outgoing = next_message(machine.client)
    exchange = host.take(machine.link, outgoing.message, 0)
    assert any(isinstance(effect, ConfigOffered) for effect in exchange.effects)
    host.undo(before)
    machine.client = outgoing.client
    assert machine.say().flags == pb.ServerToAgentFlags_ReportFullState
    machine.say()
    assert machine.offers == [CONFIG.hash]
