"""What tests of every folder may ask for."""

import pytest

from phoenix_platform.agent.binaries import CollectorBinary, find_collector
from phoenix_platform.agent.settings import AgentSettings

pytest_plugins = ["tests.postgresql"]


@pytest.fixture(scope="session")
def collector() -> CollectorBinary:
    """The real collector, found as the commands find it; without one the test fails with the fix."""
    return find_collector(None, AgentSettings())
