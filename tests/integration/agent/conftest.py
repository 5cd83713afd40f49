"""The collector of this host, as commands find it; `make collector` builds it."""

import pytest

from phoenix_platform.agent.binaries import CollectorBinary, find_collector
from phoenix_platform.agent.settings import AgentSettings


@pytest.fixture(scope="session")
def collector() -> CollectorBinary:
    return find_collector(None, AgentSettings())
