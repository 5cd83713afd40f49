"""Small files of the agent's data folder, each written in one step: a reader sees the old one or the new one.

`kill -9` in the middle leaves the old one. What must survive a power cut as well is written `durably`.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from phoenix_platform.core.errors import InvalidInputError, UnavailableError

OWNER_ONLY: Final = 0o600
READABLE: Final = 0o644

Read = TypeVar("Read")


def put_whole(path: Path, content: bytes, *, mode: int = OWNER_ONLY, durably: bool = False) -> None:
    """Put the content there, readable as `mode` says from its first moment on.

    Raises:
        UnavailableError: If it cannot be written; nothing is left half-written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.unlink(missing_ok=True)  # of a predecessor with our number; its mode may differ
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if durably:
                os.fsync(file.fileno())
        temporary.replace(path)
        if durably:
            _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise UnavailableError(f"cannot write {path}: {error.strerror}") from error


def put_json(path: Path, value: msgspec.Struct, *, durably: bool = False) -> None:
    """As `put_whole`, of the value as JSON."""
    put_whole(path, msgspec.json.encode(value), durably=durably)


def read_json(path: Path, type_: type[Read]) -> Read | None:
    """What `put_json` put there; None if nothing is there.

    Raises:
        InvalidInputError: If it holds something else.
        UnavailableError: If it cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnavailableError(f"cannot read {path}: {error.strerror}") from error
    try:
        return msgspec.json.decode(content, type=type_)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise InvalidInputError(f"{path}: not what the agent writes there: {error}") from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
