"""Keeps the status file fresh: after every change, and four times a minute."""

import asyncio
import logging
import os
from typing import Final

from phoenix_platform.agent.connection import Connection
from phoenix_platform.agent.data_folders import DataFolder
from phoenix_platform.agent.identities import Enrolment, Identity
from phoenix_platform.agent.reconciling import Reconciler
from phoenix_platform.agent.reports import HostReporter
from phoenix_platform.agent.statuses import (
    AgentStatus,
    ConnectionStatus,
    Fact,
    UploadStatus,
    write_status,
)
from phoenix_platform.agent.uploads import Uploader
from phoenix_platform.agent.usage import started_ticks_of, usage_of
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.core.version import VERSION

_LOG: Final = logging.getLogger(__name__)
_EVERY_SECONDS: Final = 15.0
_LEAST_SECONDS: Final = 0.5
"""Between two writes, however much changes."""


class StatusWriter:
    """Joins what the parts of the agent say of themselves."""

    def __init__(
        self,
        folder: DataFolder,
        identity: Identity,
        enrolment: Enrolment | None,
        *,
        reporter: HostReporter,
        reconciler: Reconciler,
        uploader: Uploader | None,
        connection: Connection | None,
        clock: Clock,
    ) -> None:
        self._folder = folder
        self._identity = identity
        self._enrolment = enrolment
        self._reporter = reporter
        self._reconciler = reconciler
        self._uploader = uploader
        self._connection = connection
        self._clock = clock
        self._started_at = clock.now()

    async def run(self, changed: asyncio.Event) -> None:
        """Write until cancelled, and once more then."""
        try:
            while True:
                self._write()
                await asyncio.sleep(_LEAST_SECONDS)
                try:
                    async with asyncio.timeout(_EVERY_SECONDS):
                        await changed.wait()
                except TimeoutError:
                    continue
                changed.clear()
        finally:
            self._write()

    def _write(self) -> None:
        try:
            write_status(self._folder, self.status())
        except UnavailableError as error:
            _LOG.warning("status cannot be written", extra={"reason": str(error)})

    def status(self) -> AgentStatus:
        pid, kept = os.getpid(), self._reconciler.kept
        usage, uploader = usage_of(pid), self._uploader
        return AgentStatus(
            pid=pid,
            started_ticks=started_ticks_of(pid),
            started_at=self._started_at,
            version=VERSION,
            instance_uid=self._identity.instance_uid,
            host_id=self._enrolment.host_id if self._enrolment else None,
            connection=self._connection_status(),
            upload=None
            if uploader is None
            else UploadStatus(
                posted_samples=uploader.facts.posted_samples,
                last_success=uploader.facts.last_success,
                last_failure=uploader.facts.last_failure,
            ),
            facts={} if kept is None else {"desired": Fact(hash=kept.hash, at=kept.at)},
            failure=None,
            notes=(),
            rss_bytes=usage.rss_bytes if usage else None,
            cpu_seconds=usage.cpu_seconds if usage else None,
            report=self._reporter.report(),
        )

    def _connection_status(self) -> ConnectionStatus | None:
        if self._enrolment is None or self._connection is None:
            return None
        facts = self._connection.facts
        return ConnectionStatus(
            server=self._enrolment.server,
            is_connected=facts.is_connected,
            since=facts.since,
            last_failure=facts.last_failure,
        )
