"""Writes a file that a user named in one step, so that whoever reads it sees the old one or the new one."""

from pathlib import Path
from typing import Final

from phoenix_platform.agent import whole_files
from phoenix_platform.core.errors import UnavailableError

_AS_THE_USER_LIKES: Final = 0o666
"""Less what the user's umask takes away."""


def put_whole(path: Path, content: bytes, *, field: str) -> None:
    """Put the content there; folders above it are made.

    Raises:
        UnavailableError: If it cannot be written; it names the field, and nothing is left half-written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(f"{field}: cannot write {path}: {error.strerror}") from error
    try:
        whole_files.put_whole(path, content, mode=_AS_THE_USER_LIKES)
    except UnavailableError as error:
        raise UnavailableError(f"{field}: {error}") from error
