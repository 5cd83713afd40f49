"""Coroutines need an event loop, whose wake-up is a pair of Unix sockets; the network stays off."""

from collections.abc import Generator

import pytest
import pytest_socket


@pytest.fixture(autouse=True)
def _no_sockets() -> Generator[None]:
    """Instead of the rule of the folder above."""
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()
