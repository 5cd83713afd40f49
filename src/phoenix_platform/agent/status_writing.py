"""Keeps the status file fresh: after every change, and four times a minute."""

import asyncio
import logging
import os
from typing import Final

from phoenix_platform.agent.connection import Connection
from phoenix_platform.agent.host_parts import HostParts
from phoenix_platform.agent.privileges import what_is_hidden
from phoenix_platform.agent.statuses import (
    AgentStatus,
    ConnectionStatus,
    Fact,
    UploadStatus,
    write_status,
)
from phoenix_platform.agent.uploads import Uploader
from phoenix_platform.agent.usage import started_ticks_of, usage_of
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.core.version import VERSION
from phoenix_platform.opamp.desired_state import desired_state_hash

_LOG: Final = logging.getLogger(__name__)
_EVERY_SECONDS: Final = 15.0
_LEAST_SECONDS: Final = 0.5
"""Between two writes, however much changes."""


class StatusWriter:
    """Joins what the parts of the agent say of themselves."""

    def __init__(
        self, parts: HostParts, uploader: Uploader | None, connection: Connection | None
    ) -> None:
        self._parts = parts
        self._uploader = uploader
        self._connection = connection
        self._started_at = parts.clock.now()
        self._notes = tuple(what_is_hidden())

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
            write_status(self._parts.folder, self.status())
        except UnavailableError as error:
            _LOG.warning("status cannot be written", extra={"reason": str(error)})

    def status(self) -> AgentStatus:
        pid, uploader = os.getpid(), self._uploader
        usage = usage_of(pid)
        return AgentStatus(
            pid=pid,
            started_ticks=started_ticks_of(pid),
            started_at=self._started_at,
            version=VERSION,
            instance_uid=self._parts.identity.instance_uid,
            host_id=self._parts.enrolment.host_id if self._parts.enrolment else None,
            connection=self._connection_status(),
            upload=None
            if uploader is None
            else UploadStatus(
                posted_samples=uploader.facts.posted_samples,
                last_success=uploader.facts.last_success,
                last_failure=uploader.facts.last_failure,
            ),
            facts=self._facts(),
            failure=self._parts.production.failure,
            notes=self._notes,
            rss_bytes=usage.rss_bytes if usage else None,
            cpu_seconds=usage.cpu_seconds if usage else None,
            report=self._parts.reporter.report(),
        )

    def _connection_status(self) -> ConnectionStatus | None:
        if self._parts.enrolment is None or self._connection is None:
            return None
        facts = self._connection.facts
        return ConnectionStatus(
            server=self._parts.enrolment.server,
            is_connected=facts.is_connected,
            since=facts.since,
            last_failure=facts.last_failure,
        )

    def _facts(self) -> dict[str, Fact]:
        """The five, as far as they are known here; each by its own hash and time."""
        kept, active = self._parts.reconciler.kept, self._parts.production.active
        facts: dict[str, Fact] = {}
        if kept is not None:
            facts["desired"] = Fact(hash=kept.hash, at=kept.at)
            facts["offered"] = Fact(hash=kept.hash, at=kept.at)
        if self._parts.reconciler.applied is not None:
            facts["applied"] = self._parts.reconciler.applied
        if kept is not None and (body := self._parts.reconciler.effective()) is not None:
            at = max(kept.at, active.generation.started_at) if active else kept.at
            facts["effective"] = Fact(hash=desired_state_hash(body), at=at)
        if self._parts.production.flowing is not None:
            digest, at = self._parts.production.flowing
            facts["flowing"] = Fact(hash=digest, at=at)
        return facts
