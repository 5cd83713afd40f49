"""What the agent remembers of each experiment on its host, so that a restart goes on where it was.

One small file per experiment. `experiments` writes it after each interval; `reports` says it to the
control plane.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec

from phoenix_platform.agent.whole_files import put_json, read_json
from phoenix_platform.core.errors import InvalidInputError, UnavailableError
from phoenix_platform.opamp.host_reports import RunReport, RunState

KEPT_FOR: Final = timedelta(days=7)
"""How long the end of an experiment is remembered and reported: the control plane may be away for days."""
ENDED: Final = frozenset({RunState.ENDED, RunState.FAILED, RunState.ABORTED})


class RunRecord(msgspec.Struct, kw_only=True):
    experiment_id: str
    run_id: str
    state: RunState
    at: datetime
    """Since when it is in this state, UTC."""
    boot_id: str
    deadline: datetime
    hashes: dict[str, str] = {}
    reason: str | None = None
    log_tail: tuple[str, ...] = ()
    first_point_at: datetime | None = None
    next_scrape: int = 0
    """Number that no sample of the experiment on this host has yet, nor any beyond it."""
    through_sequence: int = 0
    interval_seconds: float | None = None
    idle_cores: float | None = None
    facts: dict[str, Any] = {}

    @property
    def is_ended(self) -> bool:
        return self.state in ENDED

    def report(self) -> RunReport:
        return RunReport(
            experiment_id=self.experiment_id,
            run_id=self.run_id,
            state=self.state,
            at=self.at,
            reason=self.reason,
            log_tail=self.log_tail,
            hashes=self.hashes,
            first_point_at=self.first_point_at,
            through_sequence=self.through_sequence or None,
            interval_seconds=self.interval_seconds,
            idle_cores=self.idle_cores,
            facts=self.facts,
        )


class RunRecords:
    """The records in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def get(self, experiment_id: str) -> RunRecord | None:
        """What is known of this experiment; None if nothing, or nothing that can be read.

        Raises:
            InvalidInputError: If the id is none.
        """
        try:
            return read_json(self._path(experiment_id), RunRecord)
        except UnavailableError:
            return None

    def put(self, record: RunRecord) -> None:
        """Remember it.

        Raises:
            UnavailableError: If it cannot be written.
        """
        put_json(self._path(record.experiment_id), record)

    def all(self) -> list[RunRecord]:
        """Every record, in the order of the ids, which is that of their birth."""
        found = (self._read(path) for path in sorted(self._folder.glob("*.json")))
        return [record for record in found if record is not None]

    def forget_old(self, now: datetime) -> None:
        """Remove what ended long ago."""
        for record in self.all():
            if record.is_ended and now - record.at > KEPT_FOR:
                self._path(record.experiment_id).unlink(missing_ok=True)

    def _read(self, path: Path) -> RunRecord | None:
        try:
            return read_json(path, RunRecord)
        except (InvalidInputError, UnavailableError):
            return None

    def _path(self, experiment_id: str) -> Path:
        try:
            return self._folder / f"{UUID(experiment_id)}.json"
        except ValueError as error:
            raise InvalidInputError(
                f"experiments: {experiment_id!r} is no UUID; the desired state is not of a control plane"
            ) from error
