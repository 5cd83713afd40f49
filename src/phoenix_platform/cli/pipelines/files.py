"""Writing a configuration file in one step. Called by `phoenix pipeline lint --fix` and `export --write`."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from phoenix_platform.core.errors import UnavailableError


def replace_file(path: Path, text: str, *, like: Path | None = None) -> None:
    """Put the text there in one step: nobody reads half a configuration.

    The mode stays; a new file gets that of `like`, because a copy tells no less than its original.

    Raises:
        UnavailableError: If it cannot be written.
    """
    path = path.resolve()  # a link stays a link
    temporary: Path | None = None
    try:
        model = path if path.exists() or like is None else like
        with tempfile.NamedTemporaryFile(
            "w",
            encoding="utf-8",
            newline="",
            dir=path.parent,
            prefix=f".{path.name}.",
            delete=False,
        ) as file:
            temporary = Path(file.name)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(model.stat().st_mode & 0o7777)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
        raise UnavailableError(f"{path}: cannot be written: {error.strerror}") from error
