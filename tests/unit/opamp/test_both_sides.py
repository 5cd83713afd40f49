"""Server core against client core, while connections break, the server forgets, and old messages come late."""

from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from phoenix_platform.opamp import clients, sessions
from phoenix_platform.opamp import opamp_pb2 as pb
from phoenix_platform.opamp.clients import Client, Told
from phoenix_platform.opamp.facts import (
    Component,
    Components,
    ConfigFile,
    Description,
    Health,
    Outcome,
    RemoteConfig,
    Status,
)
from phoenix_platform.opamp.instance_uids import InstanceUid
from phoenix_platform.opamp.offers import EMPTY, NEVER_TAKEN, OfferHistory, Wanted
from phoenix_platform.opamp.sessions import ConfigFailed, Context, Session

UID = InstanceUid("0190a0b1c2d37e4f8a9b0c1d2e3f4a5b")
RAW = bytes.fromhex(UID)
CONFIGS = [RemoteConfig(bytes([65 + i]), {"": ConfigFile(b"%d" % i)}) for i in range(5)]
MAX_EXCHANGES = 12


@dataclass
class Host:
    """An agent that runs what it is offered, unless that is bad; may roll back by itself."""

    client: Client
    bad: frozenset[bytes]
    rolls_back: bool
    runs: RemoteConfig | None = None
    offers: list[bytes] = field(default_factory=list[bytes])

    def take(self, answer: pb.ServerToAgent) -> None:
        taken = clients.take(self.client, answer)
        self.client = taken.client
        for effect in taken.effects:
            assert isinstance(effect, clients.ConfigOffered)
            self._try(effect.config)

    def _try(self, config: RemoteConfig) -> None:
        self.offers.append(config.hash)
        self._waits = None
        if config.hash not in self.bad:
            self.runs = config
            self._say(Status(config.hash, Outcome.APPLIED))
            return
        self._say(Status(config.hash, Outcome.FAILED, "exit code 1"))
        if self.rolls_back and self.runs is not None:
            self._waits = Status(self.runs.hash, Outcome.APPLIED)
        elif not self.rolls_back:
            self.runs = None  # it ends again and again

    _waits: Status | None = None

    def settle(self) -> None:
        """Roll back; who polls may do so before the failure was told."""
        if self._waits is not None:
            self._say(self._waits)
            self._waits = None

    def _say(self, status: Status) -> None:
        self.client = clients.tell(self.client, replace(self.client.told, config_status=status))


class BothSides(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        told = Told(
            description=Description(identifying={"service.name": "agent"}),
            components=Components(b"h", {"receivers": Component()}),
        )
        self.host = Host(Client(instance_uid=UID, told=told), frozenset({b"B", b"D"}), False)
        self.session = Session(raw_uid=RAW)
        self.history = OfferHistory()
        self.wanted = Wanted(falls_back=True)
        self.now = 0.0
        self.late: list[pb.AgentToServer] = []
        self.failed_twice = False

    @rule(rolls_back=st.booleans())
    def be_a_supervisor_of_another_age(self, rolls_back: bool) -> None:
        self.host.rolls_back = rolls_back

    @rule(healthy=st.booleans(), name=st.sampled_from(["one", "two"]))
    def change(self, healthy: bool, name: str) -> None:
        told = replace(
            self.host.client.told,
            health=Health(is_healthy=healthy),
            description=Description(identifying={"service.name": name}),
        )
        self.host.client = clients.tell(self.host.client, told)

    @rule(config=st.sampled_from(CONFIGS))
    def want(self, config: RemoteConfig) -> None:
        self.wanted = replace(self.wanted, desired=config)
        offered = sessions.offer(self.session, self.history, self.context)
        if offered is not None:
            self.session, self.history = offered.session, offered.history
            self.host.take(offered.answer)

    @rule()
    def exchange(self) -> None:
        self._send(is_answer_lost=False)

    @rule()
    def lose_an_answer_and_the_connection(self) -> None:
        self._send(is_answer_lost=True)
        self.host.client = clients.connected(self.host.client)

    @rule()
    def lose_a_message_and_the_connection(self) -> None:
        outgoing = clients.next_message(self.host.client)
        self.late = [*self.late, outgoing.message][-3:]
        self.host.client = clients.connected(outgoing.client)

    @rule()
    def lose_a_message_unnoticed(self) -> None:
        self.host.client = clients.next_message(self.host.client).client

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def an_old_message_comes_late(self, data: st.DataObject) -> None:
        self._receive(data.draw(st.sampled_from(self.late)))

    @rule()
    def restart_the_server(self) -> None:
        self.session = Session(raw_uid=RAW)
        self.history = replace(self.history, offered=None, offers=0, taken=None)

    @rule()
    def restart_the_agent(self) -> None:
        self.host.client = replace(clients.connected(self.host.client), sequence_number=0)

    @rule()
    def wait(self) -> None:
        self.now += 1000.0

    @invariant()
    def a_failed_configuration_is_never_offered_again(self) -> None:
        assert not self.failed_twice

    @rule()
    def in_the_end_the_server_knows_everything_and_the_host_runs_something_good(self) -> None:
        self.now += 1000.0  # an offer that nobody answered counts as lost by now
        for _ in range(MAX_EXCHANGES):
            self._send(is_answer_lost=False)
            self.host.settle()
            self.now += 1000.0
        assert not self.host.client.has_news
        told, session = self.host.client.told, self.session
        assert session.description == told.description
        assert session.health == told.health
        assert session.config_status == told.config_status
        assert session.components == told.components
        desired = self.wanted.desired
        if desired is None:
            return
        if desired.hash not in self.history.failed:
            assert self.host.runs == desired
        elif self.history.last_good is not None:
            assert self.host.runs == self.history.last_good
        else:
            assert self.host.runs in (EMPTY, None, *CONFIGS)
        before = len(self.host.offers)
        for _ in range(MAX_EXCHANGES):
            self.now += 1000.0
            self._send(is_answer_lost=False)
        assert len(self.host.offers) == before, "nothing changed, so nothing is offered"

    @property
    def context(self) -> Context:
        return Context(wanted=self.wanted, now=self.now)

    def _send(self, *, is_answer_lost: bool) -> None:
        outgoing = clients.next_message(self.host.client)
        self.host.client = outgoing.client
        answer = self._receive(outgoing.message)
        if not is_answer_lost:
            self.host.take(answer)

    def _receive(self, message: pb.AgentToServer) -> pb.ServerToAgent:
        failed = set(self.history.failed)
        received = sessions.receive(self.session, self.history, message, self.context)
        self.session, self.history = received.session, received.history
        if received.answer.HasField("remote_config"):
            self.failed_twice |= received.answer.remote_config.config_hash in self.history.failed
        for effect in received.effects:
            if isinstance(effect, ConfigFailed):
                assert effect.hash not in failed, "a failure is news once"
                is_bad = effect.hash in self.host.bad or effect.reason == NEVER_TAKEN
                assert is_bad, "only what is bad goes into quarantine"
        return received.answer


TestBothSides = BothSides.TestCase
TestBothSides.settings = settings(
    max_examples=60,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
