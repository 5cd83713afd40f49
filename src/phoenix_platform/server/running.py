"""Runs the application on one port until a signal, and drains it then. `server.command` calls `run`.

SIGTERM: `/readyz` says no and answers carry `Connection: close` for the notice period, while requests are still taken;
then no connection is accepted any more, WebSockets are closed with 1012, and requests in flight finish within the
time limit. SIGINT: the same without the notice. A second signal ends it at once.
"""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import Context
from types import FrameType
from typing import Final, TypeAlias

import structlog
import uvicorn
from litestar.types import ASGIApp

from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.opamp.frames import MAX_MESSAGE_BYTES
from phoenix_platform.server.health import Health
from phoenix_platform.server.settings import DrainSettings, HttpSettings

Job: TypeAlias = Callable[[], Awaitable[None]]
"""Runs beside the server until it is cancelled; if one fails, the process ends, so that it is started anew."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_log = structlog.get_logger("phoenix.server")


class DrainingServer(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        *,
        health: Health,
        notice_seconds: float,
        on_listening: Callable[[str], None],
        on_stop: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._health = health
        self._notice_seconds = notice_seconds
        self._on_listening = on_listening
        self._on_stop = on_stop
        self.ended_by: signal.Signals | None = None

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Like uvicorn's, but the signal is not raised again: the command's exit code tells of it."""
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; called between two steps of the main thread."""
        if self.ended_by is not None:
            self.should_exit = self.force_exit = True
            return
        self.ended_by = signal.Signals(sig)
        self._health.is_draining = True
        # In no request's context: the signal came between two steps of any of them.
        self._loop.call_soon_threadsafe(self._drain, context=Context())

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._health.is_started = True
        port = self.servers[0].sockets[0].getsockname()[1]
        _log.info("listening", host=self.config.host, port=port)
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        self._on_listening(f"http://{host}:{port}")

    def _drain(self) -> None:
        notice = self._notice_seconds if self.ended_by is signal.SIGTERM else 0.0
        _log.info("draining", signal=self.ended_by and self.ended_by.name, notice_seconds=notice)
        self._loop.call_later(notice, self._stop)

    def _stop(self) -> None:
        self._on_stop()
        self.should_exit = True


async def serve(
    app: ASGIApp,
    *,
    http: HttpSettings,
    drain: DrainSettings,
    health: Health,
    jobs: Sequence[Job],
    on_listening: Callable[[str], None],
    on_stop: Callable[[], None],
) -> signal.Signals | None:
    """Serve until a signal; gives that signal. `on_listening` is called with the address, `on_stop` when the notice is over.

    Raises:
        UnavailableError: If the address cannot be listened on.
    """
    config = uvicorn.Config(
        app,
        host=http.host,
        port=http.port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,  # it triples the memory of a connection
        ws_max_size=MAX_MESSAGE_BYTES,  # OpAMP's limit; events take nothing in
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=round(http.keep_alive.total_seconds()),
        timeout_graceful_shutdown=round(drain.timeout.total_seconds()),
        proxy_headers=True,
        forwarded_allow_ips=list(http.forwarded_from),
    )
    server = DrainingServer(
        config,
        health=health,
        notice_seconds=drain.notice.total_seconds(),
        on_listening=on_listening,
        on_stop=on_stop,
    )
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_run(job)) for job in (health.watch_loop, *jobs)]
            try:
                await server.serve()
            finally:
                for task in tasks:
                    task.cancel()
    except SystemExit as error:  # what uvicorn makes of an address in use
        raise UnavailableError(
            f"cannot listen on {http.host}:{http.port}; is another server there? Choose a port with --port"
        ) from error
    _log.info("drained")
    return server.ended_by


async def _run(job: Job) -> None:
    await job()
