"""Load simulations as values."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from tests.unit.domain.experiments import NOON, TENANT, WEB

from phoenix_platform.agent.load.profiles import PROFILES as KNOWN_TO_AGENTS
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.load_simulations import (
    PROFILES,
    LoadSimulation,
    LoadSimulationId,
    check_profile,
)

LOAD = LoadSimulation(
    id=LoadSimulationId(UUID(int=31)),
    tenant_id=TENANT,
    profile="realistic",
    seed=0,
    hosts=(WEB,),
    created_at=NOON,
    created_by="Ada",
    deadline=NOON + timedelta(minutes=10),
)


def test_the_profiles_are_those_of_the_agents() -> None:
    assert set(PROFILES) == set(KNOWN_TO_AGENTS)


def test_a_profile_that_no_agent_knows_is_refused() -> None:
    check_profile("realistic", field="profile")
    with pytest.raises(InvalidInputError, match=r"^profile: there is no 'loud'; choose one of "):
        check_profile("loud", field="profile")


def test_it_is_wanted_until_its_deadline_or_until_somebody_stops_it() -> None:
    assert LOAD.is_wanted(NOON)
    assert not LOAD.is_wanted(LOAD.deadline)
    assert not replace(LOAD, stopped_at=NOON).is_wanted(NOON)


def test_it_needs_hosts_and_time() -> None:
    with pytest.raises(InvalidInputError, match=r"^hosts: "):
        replace(LOAD, hosts=())
    with pytest.raises(InvalidInputError, match=r"^duration: "):
        replace(LOAD, deadline=NOON)
