"""Small files for the server's own eyes: 0600 from their first moment on, on the disk before anybody sees them.

The keys beside this module are made by it, and `server.identity` keeps the command line's key and address with it.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

OTHERS_MAY: Final = 0o077
"""Bits of a file's mode that none of these has."""


def put_private(path: Path, content: bytes) -> None:
    """Put the content there, whole or not at all, in place of what was there.

    Raises:
        OSError: If it cannot be written.
    """
    with _draft_of(path, content) as draft:
        draft.replace(path)


def make_private(path: Path, content: bytes) -> None:
    """Put the content there, whole or not at all; a file that another process made meanwhile stays.

    Raises:
        OSError: If it cannot be written.
    """
    with _draft_of(path, content) as draft, suppress(FileExistsError):
        path.hardlink_to(draft)


@contextmanager
def _draft_of(path: Path, content: bytes) -> Generator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)
