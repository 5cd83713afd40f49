"""The agent's process: joins its parts until a signal ends it. `phoenix agent run` calls it.

Experiments and loads end with it, and the next start goes on with them; the production collector runs on.
"""

import asyncio
import logging
import random
import signal
from collections.abc import Coroutine, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx

from phoenix_platform.agent.addresses import is_loopback
from phoenix_platform.agent.backoffs import Backoff
from phoenix_platform.agent.binaries import CollectorBinary, find_collector
from phoenix_platform.agent.connection import Access, Connection
from phoenix_platform.agent.control_plane import AgentsControlPlane
from phoenix_platform.agent.data_folders import DataFolder
from phoenix_platform.agent.enrolment import trust_of
from phoenix_platform.agent.experiments import ExperimentPlace
from phoenix_platform.agent.host import read_host
from phoenix_platform.agent.host_parts import HostParts
from phoenix_platform.agent.identities import Enrolment, Identity
from phoenix_platform.agent.production import ProductionKeeper
from phoenix_platform.agent.quarantines import Quarantine
from phoenix_platform.agent.reconciling import Reconciler
from phoenix_platform.agent.reports import HostReporter
from phoenix_platform.agent.run_records import RunRecords
from phoenix_platform.agent.settings import AgentSettings
from phoenix_platform.agent.spool import DEFAULT_MAX_BYTES, Spool
from phoenix_platform.agent.status_writing import StatusWriter
from phoenix_platform.agent.uploads import Uploader
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import PhoenixError
from phoenix_platform.opamp.clients import Client
from phoenix_platform.opamp.instance_uids import instance_uid_of

_LOG: Final = logging.getLogger(__name__)
_FILE_SECONDS: Final = 1.0
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_KEEPALIVE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonOptions:
    folder: DataFolder
    identity: Identity
    enrolment: Enrolment | None
    """None: without a control plane; the desired state comes from a file."""
    credential: str | None
    desired_file: Path | None = None
    """Read instead of what a control plane would offer, and again when it changes."""
    settings: AgentSettings
    environment: Mapping[str, str]
    max_spool_bytes: int = DEFAULT_MAX_BYTES
    idle_time: timedelta = timedelta(seconds=10)


async def run_agent(options: DaemonOptions, *, clock: Clock) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        PhoenixError: If it cannot start.
    """
    async with AsyncExitStack() as stack:
        ended = stack.enter_context(_signals())
        agent = _Agent(options, clock)
        stack.callback(agent.spool.close)
        works = await agent.works(stack)
        _LOG.info("agent started", extra={"instance_uid": options.identity.instance_uid})
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
            await ended.wait()
            _LOG.info("agent ends")
            for task in tasks:
                task.cancel()


class _Agent:
    def __init__(self, options: DaemonOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._status_due = asyncio.Event()
        self._uploader: Uploader | None = None
        self._connection: Connection | None = None
        self.spool = Spool(options.folder.spool, clock=clock, max_bytes=options.max_spool_bytes)
        host, enrolment = read_host(), options.enrolment
        name = enrolment.host_name if enrolment else host.name
        place = ExperimentPlace(
            host_name=name,
            boot_id=host.boot_id or "",
            find_collector=self._find_collector,
            spool=self.spool,
            records=RunRecords(options.folder.experiments),
            clock=clock,
            changed=self._changed,
            spooled=self._spooled,
            idle_time=options.idle_time,
        )
        production = ProductionKeeper(
            options.folder.production,
            find_collector=self._find_collector,
            environment=options.environment,
            quarantine=Quarantine(options.folder, clock),
            clock=clock,
            changed=self._changed,
        )
        reconciler = Reconciler(options.folder, place, production)
        self._parts = HostParts(
            folder=options.folder,
            identity=options.identity,
            enrolment=enrolment,
            reconciler=reconciler,
            production=production,
            reporter=HostReporter(
                name,
                reconciler,
                self.spool,
                clock,
                self._collector_here(),
                production.flowing_hash,
            ),
            clock=clock,
        )

    async def works(self, stack: AsyncExitStack) -> Sequence[Coroutine[object, object, None]]:
        """What runs side by side for as long as the agent does."""
        options = self._options
        works: list[Coroutine[object, object, None]] = [
            self._parts.reconciler.run(),
            self._parts.production.run(),
        ]
        if options.enrolment is not None and options.credential is not None:
            works += await self._reach(options.enrolment, options.credential, stack)
        if options.desired_file is not None:
            works.append(self._follow(options.desired_file))
        status = StatusWriter(self._parts, self._uploader, self._connection)
        works.append(status.run(self._status_due))
        return works

    async def _reach(
        self, enrolment: Enrolment, credential: str, stack: AsyncExitStack
    ) -> Sequence[Coroutine[object, object, None]]:
        """The ways to the control plane: samples by HTTP, everything else by OpAMP."""
        trust, clock = trust_of(enrolment.ca_file), self._clock
        access = Access(enrolment.server, credential, enrolment.endpoint)
        bearer = _Bearer(credential)
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=enrolment.server,
                auth=bearer,
                verify=trust,
                trust_env=not is_loopback(httpx.URL(enrolment.server).host),
                limits=httpx.Limits(max_connections=2, keepalive_expiry=_KEEPALIVE_SECONDS),
            )
        )
        self._uploader = Uploader(self.spool, client, clock=clock, backoff=_backoff())
        control_plane = AgentsControlPlane(self._parts, enrolment, access, bearer.change)
        uid = instance_uid_of(bytes.fromhex(self._options.identity.instance_uid))
        self._connection = Connection(
            access,
            Client(instance_uid=uid, told=control_plane.told()),
            control_plane,
            trust=trust,
            backoff=_backoff(),
            clock=clock,
        )
        return [self._uploader.run(), self._uploader.sync(), self._connection.run()]

    def _changed(self) -> None:
        self._parts.reconciler.note_applied()
        self._status_due.set()
        if self._connection is not None:
            self._connection.wake()

    async def _follow(self, path: Path) -> None:
        """Take the desired state from a file, and again whenever it changes."""
        file = _WatchedFile(path)
        while True:
            if (body := file.changed()) is not None:
                self._take(body)
            await asyncio.sleep(_FILE_SECONDS)

    def _take(self, body: bytes) -> None:
        try:
            digest = self._parts.reconciler.want(body)
        except PhoenixError as error:
            _LOG.error("desired state refused", extra={"reason": str(error)})
        else:
            _LOG.info("desired state taken", extra={"hash": digest})

    def _spooled(self) -> None:
        if self._uploader is not None:
            self._uploader.wake()

    def _find_collector(self) -> CollectorBinary:
        return find_collector(None, self._options.settings)

    def _collector_here(self) -> CollectorBinary | None:
        try:
            return self._find_collector()
        except PhoenixError as error:
            _LOG.warning("no collector", extra={"reason": str(error)})
            return None


@dataclass(slots=True)
class _WatchedFile:
    path: Path
    _seen: tuple[int, int] | None = None

    def changed(self) -> bytes | None:
        """What is in it, if it is another file than at the last call; None if not, or if there is none."""
        with suppress(FileNotFoundError):
            stat = self.path.stat()
            mark = (stat.st_mtime_ns, stat.st_ino)
            if mark != self._seen:
                self._seen = mark
                return self.path.read_bytes()
        return None


class _Bearer(httpx.Auth):
    """The credential of every post; it may change while the agent runs."""

    def __init__(self, credential: str) -> None:
        self._credential = credential

    def change(self, access: Access) -> None:
        self._credential = access.credential

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = f"Bearer {self._credential}"
        yield request


def _backoff() -> Backoff:
    return Backoff(random.Random().random)  # noqa: S311 - spreads agents in time


@contextmanager
def _signals() -> Generator[asyncio.Event]:
    """Set by the first signal that ends the agent."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, ended.set)
    try:
        yield ended
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
