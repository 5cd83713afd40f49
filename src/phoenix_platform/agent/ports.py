"""Free ports on loopback."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

from phoenix_platform.core.errors import UnavailableError

LOOPBACK = "127.0.0.1"
_PORTS_AT_ONCE = 32
"""Held together while they are chosen, so that none is given twice."""


def free_ports(count: int) -> list[int]:
    """Distinct ports that nobody listens on now.

    Somebody may take one before it is used; a program that then fails to start is started again
    with others.

    Raises:
        UnavailableError: If loopback gives no port.
    """
    with ExitStack() as stack:
        ports: list[int] = []
        for _ in range(count):
            probe = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            try:
                probe.bind((LOOPBACK, 0))
            except OSError as error:
                raise UnavailableError(f"no free port on {LOOPBACK}: {error}") from error
            ports.append(probe.getsockname()[1])
        return ports


def endless_ports() -> Iterator[int]:
    """Free ports, as many as are asked for.

    Raises:
        UnavailableError: If loopback gives no port.
    """
    while True:
        yield from free_ports(_PORTS_AT_ONCE)
