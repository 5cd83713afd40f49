"""Writes a file in one step, so that whoever reads it sees the old one or the new one, never half of it."""

import os
from contextlib import suppress
from pathlib import Path

from phoenix_platform.core.errors import UnavailableError


def put_whole(path: Path, content: bytes, *, field: str) -> None:
    """Put the content there; folders above it are made.

    Raises:
        UnavailableError: If it cannot be written; it names the field, and nothing is left half-written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise UnavailableError(f"{field}: cannot write {path}: {error.strerror}") from error
