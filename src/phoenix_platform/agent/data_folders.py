"""Where the agent keeps what must outlive it: one folder, one agent at a time."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from phoenix_platform.core.errors import ConflictError, UnavailableError

OF_ROOT: Final = Path("/var/lib/phoenix-agent")
_NAME: Final = "phoenix-agent"


@dataclass(frozen=True, slots=True)
class DataFolder:
    path: Path

    @property
    def identity(self) -> Path:
        return self.path / "identity.json"

    @property
    def enrolment(self) -> Path:
        return self.path / "enrolment.json"

    @property
    def credential(self) -> Path:
        return self.path / "credential"

    @property
    def desired_state(self) -> Path:
        return self.path / "desired-state.json"

    @property
    def quarantine(self) -> Path:
        return self.path / "quarantine.json"

    @property
    def status(self) -> Path:
        return self.path / "status.json"

    @property
    def spool(self) -> Path:
        return self.path / "spool"

    @property
    def experiments(self) -> Path:
        return self.path / "experiments"

    @property
    def production(self) -> Path:
        return self.path / "production"

    def make(self) -> None:
        """Make it, for its owner alone.

        Raises:
            UnavailableError: If it cannot be made.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UnavailableError(
                f"data directory: cannot make {self.path}: {error.strerror}; choose another with "
                "--data-directory"
            ) from error

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keep other agents out while the block runs; a killed agent's lock is gone with it.

        Raises:
            ConflictError: If another agent uses it.
            UnavailableError: If it cannot be used.
        """
        self.make()
        path = self.path / "lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UnavailableError(
                f"data directory: cannot use {self.path}: {error.strerror}"
            ) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise ConflictError(
                    f"data directory: another agent uses {self.path}; stop it, or choose another folder "
                    "with --data-directory"
                ) from error
            yield
        finally:
            os.close(descriptor)


def default_folder(state_home: Path) -> DataFolder:
    """Root's under /var/lib; everybody else's in their own state folder (XDG)."""
    if os.geteuid() == 0:
        return DataFolder(OF_ROOT)
    return DataFolder(state_home.expanduser() / _NAME)
