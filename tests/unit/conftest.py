"""Unit tests reach no network: sockets are off."""

import pytest


@pytest.fixture(autouse=True)
def _no_sockets(socket_disabled: None) -> None:
    """Every test of this folder runs without sockets."""
