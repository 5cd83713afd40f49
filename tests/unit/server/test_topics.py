import pytest
from tests.server_parts import an_actor

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.actors import ForbiddenError, agent_actor
from phoenix_platform.domain.permissions import Role
from phoenix_platform.server.topics import MAX_TOPICS, PERMISSION_OF, permission_of, watched_topics


def test_a_list_of_topics_may_hold_all_of_a_kind_and_one_thing() -> None:
    assert watched_topics("hosts, experiment:01,hosts", an_actor()) == {"hosts", "experiment:01"}


@pytest.mark.parametrize("noun", [*PERMISSION_OF])
def test_one_and_all_of_a_noun_ask_for_the_same_permission(noun: str) -> None:
    assert permission_of(f"{noun}s") == permission_of(f"{noun}:1") == PERMISSION_OF[noun]


@pytest.mark.parametrize("topic", ["", "host", "hosts:1", "nodes", "experiment:", "audit:1"])
def test_an_unknown_topic_is_refused_with_those_there_are(topic: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^topics: "):
        watched_topics(topic, an_actor())


def test_more_topics_than_anybody_looks_at_are_refused() -> None:
    many = ",".join(f"host:{number}" for number in range(MAX_TOPICS + 1))
    with pytest.raises(InvalidInputError, match="101 given"):
        watched_topics(many, an_actor())


def test_who_may_not_read_a_thing_may_not_watch_it() -> None:
    with pytest.raises(ForbiddenError):
        watched_topics("hosts,audit", an_actor(Role.VIEWER))
    agent = agent_actor(an_actor().tenant_id, "h1", "h1")
    with pytest.raises(ForbiddenError):
        watched_topics("hosts", agent)
