"""What this host says about itself: joined from its parts for every report; `daemon` sends it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.host import PROC, Processes, count_processes, read_host
from phoenix_platform.agent.reconciling import Reconciler
from phoenix_platform.agent.spool import Spool
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.version import VERSION
from phoenix_platform.opamp.host_reports import (
    MAX_PROCESS_NAMES,
    CollectorReport,
    HostReport,
    SpoolReport,
)

_LOOK_SECONDS: Final = 60.0
"""How often all processes are looked at: 20 µs each."""


@dataclass(slots=True)
class HostReporter:
    """Makes reports; what is dear to find out is looked at once a minute."""

    host_name: str
    reconciler: Reconciler
    spool: Spool
    clock: Clock
    binary: CollectorBinary | None = None
    """The collector that experiments run; None if there is none here."""
    production_flowing: Callable[[], str | None] = lambda: None
    _looked_at: float = field(default=float("-inf"))
    _processes: Processes | None = None
    _names: tuple[str, ...] = ()

    def report(self) -> HostReport:
        self._look()
        host, processes = read_host(), self._processes
        return HostReport(
            at=self.clock.now(),
            agent_version=VERSION,
            host_name=self.host_name,
            boot_id=host.boot_id or "",
            processors=host.processors,
            memory_bytes=host.memory_bytes or 0,
            processes=processes.total if processes else None,
            unreadable_io=processes.unreadable_io if processes else None,
            process_names=self._names,
            collectors=() if self.binary is None else (_collector_report(self.binary),),
            production_flowing_hash=self.production_flowing(),
            runs=self.reconciler.run_reports(),
            loads=self.reconciler.load_reports(),
            spool=self._spool_report(),
        )

    def _look(self) -> None:
        now = self.clock.monotonic()
        if now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            self._processes = count_processes()
            self._names = process_names()

    def _spool_report(self) -> SpoolReport:
        oldest = self.spool.oldest_unix_nano
        return SpoolReport(
            bytes=self.spool.waiting_bytes,
            samples=self.spool.waiting_samples,
            dropped_samples=self.spool.dropped_samples,
            oldest_at=None if oldest is None else datetime.fromtimestamp(oldest / 1e9, tz=UTC),
        )


def process_names(proc: Path = PROC) -> tuple[str, ...]:
    """Distinct names of processes, sorted; the first `MAX_PROCESS_NAMES`."""
    names: set[str] = set()
    for entry in proc.iterdir():
        if entry.name.isdigit():
            try:
                names.add((entry / "comm").read_text("utf-8", "replace").strip())
            except OSError:
                continue  # it has just ended
    return tuple(sorted(names)[:MAX_PROCESS_NAMES])


def _collector_report(binary: CollectorBinary) -> CollectorReport:
    return CollectorReport(
        path=str(binary.path),
        distribution=binary.distribution,
        version=binary.version,
        upstream_version=binary.upstream_version,
        sha256=binary.sha256,
    )
