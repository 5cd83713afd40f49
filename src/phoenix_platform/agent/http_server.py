"""An ASGI application on a loopback port of its own, inside a running event loop."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

import uvicorn

from phoenix_platform.agent.ports import LOOPBACK
from phoenix_platform.core.errors import UnavailableError

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

_BACKLOG: Final = 128


class _QuietServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone: they belong to the program around the server."""
        yield


@asynccontextmanager
async def serving(app: "ASGI3Application") -> AsyncGenerator[int]:
    """Serve `app` on loopback while the block runs; gives the port.

    Raises:
        UnavailableError: If no port can be bound.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.bind((LOOPBACK, 0))
    except OSError as error:
        listener.close()
        raise UnavailableError(f"cannot listen on {LOOPBACK}: {error}") from error
    listener.listen(_BACKLOG)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=75,
        http="httptools",
    )
    server = _QuietServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http server")
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        server.force_exit = True
        await task
        listener.close()
